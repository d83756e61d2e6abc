//! What is kept of tags, in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::oci::{Digest, Repository, Tag};
use crate::policy::SignedTag;

use super::row::{parsed, time};

pub(super) fn remember(
    to: &Transaction<'_>,
    repository: &Repository,
    tag: &Tag,
    digest: &Digest,
    at: Timestamp,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO tag (repository, tag, digest, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, at = excluded.at",
    )?
    .execute(params![
        repository.as_str(),
        tag.as_str(),
        digest.to_string(),
        at.as_millisecond()
    ])
    .map(drop)
}

pub(super) fn last(
    from: &Connection,
    repository: &Repository,
    tag: &Tag,
) -> rusqlite::Result<Option<(Digest, Timestamp)>> {
    from.prepare_cached("SELECT digest, at FROM tag WHERE repository = ?1 AND tag = ?2")?
        .query_row(params![repository.as_str(), tag.as_str()], |row| {
            Ok((parsed(row, 0)?, time(row, 1)?))
        })
        .optional()
}

/// Never goes back.
pub(super) fn keep_signed(
    to: &Transaction<'_>,
    repository: &Repository,
    tag: &Tag,
    newest: &SignedTag,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO signed_tag (repository, tag, digest, signed_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, signed_at = excluded.signed_at
         WHERE excluded.signed_at > signed_at",
    )?
    .execute(params![
        repository.as_str(),
        tag.as_str(),
        newest.digest.to_string(),
        newest.at.as_millisecond()
    ])
    .map(drop)
}

pub(super) fn signed(
    from: &Connection,
    repository: &Repository,
    tag: &Tag,
) -> rusqlite::Result<Option<SignedTag>> {
    from.prepare_cached(
        "SELECT digest, signed_at FROM signed_tag WHERE repository = ?1 AND tag = ?2",
    )?
    .query_row(params![repository.as_str(), tag.as_str()], |row| {
        Ok(SignedTag {
            digest: parsed(row, 0)?,
            at: time(row, 1)?,
        })
    })
    .optional()
}

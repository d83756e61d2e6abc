//! What the tags of admitted images led to, in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::oci::{Digest, Repository, Tag};

use super::row::{parsed, parsed_by, time};

/// What a tag led to when it was last admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// The tag.
    pub tag: Tag,
    /// The image.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// The policy's signers who had signed it; empty where none was asked for.
    pub signers: Vec<String>,
}

pub(super) fn keep(
    to: &Transaction<'_>,
    repository: &Repository,
    led: &Led,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO led (repository, tag, digest, at, signers) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, at = excluded.at, signers = excluded.signers",
    )?
    .execute(params![
        repository.as_str(),
        led.tag.as_str(),
        led.digest.to_string(),
        led.at.as_millisecond(),
        serde_json::json!(led.signers).to_string()
    ])
    .map(drop)
}

/// The tag's own, else the newest of its repository.
pub(super) fn led(
    from: &Connection,
    repository: &Repository,
    tag: &Tag,
) -> rusqlite::Result<Option<Led>> {
    from.prepare_cached(
        "SELECT tag, digest, at, signers FROM led WHERE repository = ?1 ORDER BY tag = ?2 DESC, at DESC LIMIT 1",
    )?
    .query_row(params![repository.as_str(), tag.as_str()], |row| {
        Ok(Led {
            tag: parsed(row, 0)?,
            digest: parsed(row, 1)?,
            at: time(row, 2)?,
            signers: parsed_by(row, 3, |text| serde_json::from_str(text).ok())?,
        })
    })
    .optional()
}

/// A repository of the same path in another registry that was pulled or approved here.
pub(super) fn namesake(
    from: &Connection,
    repository: &Repository,
) -> rusqlite::Result<Option<Repository>> {
    from.prepare_cached(
        "SELECT repository FROM name
         WHERE substr(repository, instr(repository, '/') + 1) = ?1 AND repository <> ?2 AND act <> 'forgotten'
         AND NOT EXISTS (SELECT 1 FROM name AS later WHERE later.repository = name.repository
                         AND later.number > name.number AND later.act = 'forgotten')
         ORDER BY number LIMIT 1",
    )?
    .query_row(params![repository.path(), repository.as_str()], |row| parsed(row, 0))
    .optional()
}

/// Whether a name of a publisher was met or approved here, and not forgotten since.
pub(super) fn known_publisher(from: &Connection, publisher: &str) -> rusqlite::Result<bool> {
    // What begins with it and a slash lies between that and the character after the slash, in the order of the index.
    from.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM name WHERE repository > ?1 || '/' AND repository < ?1 || '0' AND act <> 'forgotten'
         AND NOT EXISTS (SELECT 1 FROM name AS later WHERE later.repository = name.repository
                         AND later.number > name.number AND later.act = 'forgotten'))",
    )?
    .query_row([publisher], |row| row.get(0))
}

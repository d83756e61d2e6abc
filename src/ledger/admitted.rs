//! Images that were admitted, in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::oci::{Digest, Repository};
use crate::policy::Admitted;

use super::Approval;
use super::row::{maybe_time, parsed, time};

/// An image is admitted while it is approved: the row of its own manifest stands for it.
pub(super) fn admitted(
    from: &Connection,
    repository: &Repository,
    digest: &Digest,
) -> rusqlite::Result<Option<Admitted>> {
    from.prepare_cached(
        "SELECT failing_since FROM approval WHERE digest = ?1 AND repository = ?2 AND root = ?1",
    )?
    .query_row(params![digest.to_string(), repository.as_str()], |row| {
        Ok(Admitted {
            failing_since: maybe_time(row, 0)?,
        })
    })
    .optional()
}

/// The first time counts; none forgets it.
pub(super) fn keep_failing(
    to: &Transaction<'_>,
    repository: &Repository,
    digest: &Digest,
    since: Option<Timestamp>,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "UPDATE approval SET failing_since = CASE WHEN ?3 IS NULL THEN NULL ELSE COALESCE(failing_since, ?3) END
         WHERE digest = ?1 AND repository = ?2 AND root = ?1",
    )?
    .execute(params![
        digest.to_string(),
        repository.as_str(),
        since.map(Timestamp::as_millisecond)
    ])
    .map(drop)
}

/// A page of what is admitted, in the order of repository and digest.
pub(super) fn images(
    from: &Connection,
    after: Option<(Repository, Digest)>,
    most: u32,
) -> rusqlite::Result<Vec<Approval>> {
    let (repository, digest) = after.map_or_else(Default::default, |(repository, digest)| {
        (repository.as_str().to_owned(), digest.to_string())
    });
    from.prepare_cached(
        "SELECT repository, root, decision, at FROM approval
         WHERE digest = root AND (repository, root) > (?1, ?2) ORDER BY repository, root LIMIT ?3",
    )?
    .query_map(params![repository, digest, most], |row| {
        Ok(Approval {
            repository: parsed(row, 0)?,
            digest: parsed(row, 1)?,
            decision: parsed(row, 2)?,
            at: time(row, 3)?,
        })
    })?
    .collect()
}

//! Names that were met, approved and forgotten, in SQLite: rows are only added, each with an entry of the chain.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::KnownName;
use super::canonical::EntryKind;
use super::chain;
use super::row::maybe_time;
use crate::oci::Repository;

/// Pulled with a permit.
const MET: &str = "met";
/// Approved by somebody before that.
const APPROVED: &str = "approved";
/// New again.
const FORGOTTEN: &str = "forgotten";

/// A name was pulled with a permit; nothing is written where it is known.
pub(super) fn met(
    to: &Transaction<'_>,
    repository: &Repository,
    at: Timestamp,
) -> rusqlite::Result<()> {
    match last(to, repository)?.as_deref() {
        None | Some(FORGOTTEN) => add(to, repository, MET, None, at.as_millisecond()),
        Some(_) => Ok(()),
    }
}

/// A name counts as met.
pub(super) fn approve(
    to: &Transaction<'_>,
    repository: &Repository,
    known: &KnownName,
) -> rusqlite::Result<()> {
    let act = match known.approved_by {
        Some(_) => APPROVED,
        None => MET,
    };
    let by = known.approved_by.as_deref();
    add(to, repository, act, by, known.at.as_millisecond())
}

/// A name is new again; nothing is written where it is.
pub(super) fn forget(
    to: &Transaction<'_>,
    repository: &Repository,
    by: &str,
    at: Timestamp,
) -> rusqlite::Result<()> {
    match last(to, repository)?.as_deref() {
        None | Some(FORGOTTEN) => Ok(()),
        Some(_) => add(to, repository, FORGOTTEN, Some(by), at.as_millisecond()),
    }
}

fn last(from: &Connection, repository: &Repository) -> rusqlite::Result<Option<String>> {
    from.prepare_cached("SELECT act FROM name WHERE repository = ?1 ORDER BY number DESC LIMIT 1")?
        .query_row([repository.as_str()], |row| row.get(0))
        .optional()
}

fn add(
    to: &Connection,
    repository: &Repository,
    act: &str,
    who: Option<&str>,
    at: i64,
) -> rusqlite::Result<()> {
    to.prepare_cached("INSERT INTO name (at, repository, act, who) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![at, repository.as_str(), act, who])?;
    let number = to.last_insert_rowid().to_string();
    chain::append(to, EntryKind::Name, &number, at)
}

/// What is known of a name since it was last forgotten.
pub(super) fn known(
    from: &Connection,
    repository: &Repository,
) -> rusqlite::Result<Option<KnownName>> {
    from.prepare_cached(
        "SELECT MIN(at), (SELECT who FROM name WHERE repository = ?1 AND act = 'approved' AND number > begin
                          ORDER BY number DESC LIMIT 1)
         FROM (SELECT COALESCE(MAX(number), 0) AS begin FROM name WHERE repository = ?1 AND act = 'forgotten')
         CROSS JOIN name ON name.number > begin AND repository = ?1",
    )?
    .query_row([repository.as_str()], |row| {
        let at = maybe_time(row, 0)?;
        let approved_by = row.get(1)?;
        Ok(at.map(|at| KnownName { at, approved_by }))
    })
}

/// Takes over the names of the table that was before, those after `after` and not beyond `up_to`.
pub(super) fn adopt(to: &Connection, (after, up_to): (&str, &str)) -> rusqlite::Result<()> {
    let mut rows = to.prepare_cached(
        "SELECT repository, at, approved_by FROM known_name WHERE repository > ?1 AND repository <= ?2 ORDER BY repository",
    )?;
    let mut rows = rows.query([after, up_to])?;
    while let Some(row) = rows.next()? {
        let (name, at, by): (String, i64, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        // What is no name was not written by us, and is known to nobody.
        let Ok(repository) = name.parse::<Repository>() else {
            continue;
        };
        let act = by.as_ref().map_or(MET, |_| APPROVED);
        add(to, &repository, act, by.as_deref(), at)?;
    }
    Ok(())
}

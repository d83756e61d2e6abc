//! Revocations in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

use crate::policy::{Revocation, Revoked};

use super::canonical::EntryKind;
use super::chain;
use super::row::time;

/// Most revocations in force that are read; each is looked at in every judgement.
pub const MAX_REVOCATIONS: usize = 10_000;

pub(super) fn insert(to: &Transaction<'_>, revocation: &Revocation) -> rusqlite::Result<()> {
    let (kind, what) = revocation.what.as_kept();
    to.prepare_cached(
        "INSERT INTO revocation (id, at, kind, what, reason, revoked_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        revocation.id,
        revocation.at.as_millisecond(),
        kind,
        what,
        revocation.reason,
        revocation.by
    ])?;
    let at = revocation.at.as_millisecond();
    chain::append(to, EntryKind::Revocation, &revocation.id, at)
}

pub(super) fn end(to: &Transaction<'_>, id: &str, by: &str, at: Timestamp) -> rusqlite::Result<()> {
    let ended = to
        .prepare_cached(
            "UPDATE revocation SET ended_at = ?2, ended_by = ?3 WHERE id = ?1 AND ended_at IS NULL",
        )?
        .execute(params![id, at.as_millisecond(), by])?;
    match ended {
        0 => Ok(()),
        _ => chain::append(to, EntryKind::RevocationEnded, id, at.as_millisecond()),
    }
}

/// More than the bound is an error: none may be left out in silence.
pub(super) fn in_force(from: &Connection) -> rusqlite::Result<Vec<Revocation>> {
    let mut query = from.prepare_cached(
        "SELECT id, at, kind, what, reason, revoked_by FROM revocation WHERE ended_at IS NULL ORDER BY id",
    )?;
    let read: Vec<Revocation> = query
        .query_map([], revocation_of)?
        .collect::<Result<_, _>>()?;
    if read.len() > MAX_REVOCATIONS {
        return Err(rusqlite::Error::IntegralValueOutOfRange(
            0,
            i64::try_from(read.len()).unwrap_or(i64::MAX),
        ));
    }
    Ok(read)
}

fn revocation_of(row: &Row<'_>) -> rusqlite::Result<Revocation> {
    let (kind, what): (String, String) = (row.get(2)?, row.get(3)?);
    let what = Revoked::of_kept(&kind, &what).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            3,
            rusqlite::types::Type::Text,
            "not what was written".into(),
        )
    })?;
    Ok(Revocation {
        id: row.get(0)?,
        at: time(row, 1)?,
        what,
        reason: row.get(4)?,
        by: row.get(5)?,
    })
}

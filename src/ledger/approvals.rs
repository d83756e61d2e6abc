//! What permits opened, in SQLite.

use rusqlite::{Connection, Transaction, params};

use super::row::{parsed, parsed_by, time};
use super::{Approval, DecisionId, OpenedKind};
use crate::oci::{Digest, Repository};

/// Most roots that are looked at for one digest: a base layer has thousands, and any live one will do.
const MAX_ROOTS: u32 = 16;

pub(super) fn approve(
    to: &Transaction<'_>,
    approval: &Approval,
    opened: &[(Digest, OpenedKind)],
) -> rusqlite::Result<()> {
    let mut insert = to.prepare_cached(
        "INSERT INTO approval (digest, kind, repository, root, decision, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (digest, repository, root) DO UPDATE SET kind = excluded.kind, decision = excluded.decision, at = excluded.at",
    )?;
    let (repository, root) = (approval.repository.as_str(), approval.digest.to_string());
    let (decision, at) = (approval.decision.to_string(), approval.at.as_millisecond());
    for (digest, kind) in opened {
        insert.execute(params![
            digest.to_string(),
            kind.as_str(),
            repository,
            root,
            decision,
            at
        ])?;
    }
    Ok(())
}

/// How much it had opened.
pub(super) fn withdraw(
    to: &Transaction<'_>,
    repository: &Repository,
    digest: &Digest,
) -> rusqlite::Result<usize> {
    to.prepare_cached("DELETE FROM approval WHERE repository = ?1 AND root = ?2")?
        .execute(params![repository.as_str(), digest.to_string()])
}

pub(super) fn roots_of(
    from: &Connection,
    digest: &Digest,
) -> rusqlite::Result<Vec<(Approval, OpenedKind)>> {
    let mut query = from.prepare_cached(
        "SELECT repository, root, decision, at, kind FROM approval WHERE digest = ?1 ORDER BY at DESC LIMIT ?2",
    )?;
    let rows = query.query_map(params![digest.to_string(), MAX_ROOTS], |row| {
        let approval = Approval {
            repository: parsed(row, 0)?,
            digest: parsed(row, 1)?,
            decision: parsed_by(row, 2, |text| text.parse::<DecisionId>().ok())?,
            at: time(row, 3)?,
        };
        Ok((approval, parsed_by(row, 4, OpenedKind::parse)?))
    })?;
    rows.collect()
}

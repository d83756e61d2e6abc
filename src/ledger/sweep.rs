//! Removing what is older than the retention, a bounded number of rows in one transaction.

use rusqlite::{Connection, Transaction, params};

use super::canonical::{EntryKind, leaf};
use super::chain::{self, Entry, Head};
use super::seal::Sealer;
use super::{LedgerError, SqliteLedger, held, served};
use crate::telemetry;

/// Rows removed in one transaction, so that a sweep holds up no decision.
pub(super) const BATCH: u32 = 2_000;

/// The tables that no chain is about: name, key, and the column that says how old a row is.
pub(super) const PLAIN: [(&str, &str, &str); 4] = [
    ("pull", "id", "at"),
    ("served", "subject, client, decision", "last"),
    ("event", "id", "at"),
    ("summary", "id", "at"),
];

/// Removes old rows of such a table; how many.
pub(super) fn plain(
    to: &Connection,
    (table, key, at): (&str, &str, &str),
    before: i64,
) -> rusqlite::Result<usize> {
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {at} < ?1 LIMIT {BATCH})"
    );
    to.prepare_cached(&sql)?.execute([before])
}

/// Up to which entry the chain is old.
pub(super) fn old_end(from: &Connection, before: i64) -> rusqlite::Result<u64> {
    let end: Option<i64> = from.query_row(
        "SELECT MAX(number) FROM chain WHERE at < ?1",
        [before],
        |row| row.get(0),
    )?;
    Ok(end
        .and_then(|end| u64::try_from(end).ok())
        .unwrap_or_default())
}

/// Removes the oldest entries of the chain, not beyond `end`, with their rows. What is still needed, or is not what it
/// was when it was written, stays, under an entry anew. How many entries went, and how many rows.
pub(super) fn chained(
    to: &Connection,
    sealer: &mut Sealer,
    end: u64,
    before: i64,
) -> Result<(usize, usize), LedgerError> {
    let sql = format!(
        "{} WHERE number <= ?1 ORDER BY number LIMIT {BATCH}",
        chain::SELECT
    );
    let entries: Vec<Entry> = to
        .prepare_cached(&sql)?
        .query_map([i64::try_from(end).unwrap_or(i64::MAX)], Entry::read)?
        .collect::<Result<_, _>>()?;
    let Some(last) = entries.last() else {
        return Ok((0, 0));
    };
    let now = telemetry::now().as_millisecond();
    let mut removed = 0;
    for entry in &entries {
        if goes(to, entry, before)? {
            removed += to
                .prepare_cached("DELETE FROM decision WHERE id = ?1")?
                .execute([&entry.subject])?;
        } else {
            chain::append_leaf(to, &entry.kind, &entry.subject, now, entry.leaf)?;
        }
    }
    let head = Head {
        size: last.number,
        hash: last.hash,
    };
    sealer.sweep(to, &head)?;
    Ok((entries.len(), removed))
}

/// Decisions that are old, that no approval rests on, and that are as they were written.
fn goes(from: &Connection, entry: &Entry, before: i64) -> rusqlite::Result<bool> {
    if entry.kind != EntryKind::Decision.as_str() {
        return Ok(false);
    }
    let old: bool = from
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM decision WHERE id = ?1 AND at < ?2)
             AND NOT EXISTS (SELECT 1 FROM approval WHERE decision = ?1)",
        )?
        .query_row(params![entry.subject, before], |row| row.get(0))?;
    let row = EntryKind::Decision.row(from, &entry.subject)?;
    Ok(old && row.is_some_and(|row| leaf(&row) == entry.leaf))
}

impl SqliteLedger {
    /// Removes all that is older than a moment, in batches; how many rows people could have seen.
    pub(super) async fn sweep_all(&self, limit: i64) -> Result<u64, LedgerError> {
        let mut swept = 0;
        for (table, number, at) in PLAIN {
            loop {
                let act = move |to: &Transaction<'_>, _: &mut Sealer| {
                    Ok(plain(to, (table, number, at), limit)?)
                };
                let removed = self.counted(act).await?;
                swept += removed as u64;
                if removed < BATCH as usize {
                    break;
                }
            }
        }
        let end = self.read(move |from| old_end(from, limit)).await?;
        loop {
            let act =
                move |to: &Transaction<'_>, sealer: &mut Sealer| chained(to, sealer, end, limit);
            let (seen, removed) = self.counted(act).await?;
            swept += removed as u64;
            if seen < BATCH as usize {
                break;
            }
        }
        loop {
            let act = |to: &Transaction<'_>, _: &mut Sealer| Ok(held::sweep(to)?);
            if self.counted(act).await? < held::MOST_IMAGES as usize {
                break;
            }
        }
        loop {
            let act = |to: &Transaction<'_>, _: &mut Sealer| Ok(served::sweep(to, BATCH)?);
            if self.counted(act).await? < BATCH as usize {
                break;
            }
        }
        Ok(swept)
    }
}

//! Filling new tables with what older versions wrote: in batches, each a transaction that notes its place, so that a
//! process that is killed goes on there.

use rusqlite::{Connection, OptionalExtension, params};

use super::canonical::EntryKind;
use super::{chain, held, names, served};

/// Rows of one batch: some tenths of a second of work, and of what is done again after a crash.
pub(super) const BATCH: u32 = 2_000;

/// How far a ledger is that is brought up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrading {
    /// What is done, in words.
    pub what: &'static str,
    /// Rows that are done.
    pub done: u64,
    /// Rows in all, as it began.
    pub all: u64,
}

/// What is to be done with the rows of a table. Places are texts, and the first is before an empty one.
pub(super) struct Part {
    /// In words.
    pub(super) what: &'static str,
    /// How many rows there are.
    all: &'static str,
    /// The place and the number of rows of the next batch after `?1`, of `?2` rows at most.
    next: &'static str,
    /// Does the rows after the one place and up to the other.
    act: fn(&Connection, (&str, &str)) -> rusqlite::Result<()>,
}

/// A batch that was found.
pub(super) struct Batch {
    pub(super) up_to: String,
    pub(super) rows: u64,
}

impl Part {
    pub(super) fn all(&self, from: &Connection) -> rusqlite::Result<u64> {
        let all: i64 = from.query_row(self.all, [], |row| row.get(0))?;
        Ok(u64::try_from(all).unwrap_or_default())
    }

    /// The next batch, done; none where there is nothing more.
    pub(super) fn step(&self, to: &Connection, after: &str) -> rusqlite::Result<Option<Batch>> {
        let found = to
            .prepare_cached(self.next)?
            .query_row(params![after, BATCH], |row| {
                let up_to: Option<String> = row.get(0)?;
                Ok((up_to, row.get::<_, i64>(1)?))
            })
            .optional()?;
        let Some((Some(up_to), rows)) = found else {
            return Ok(None);
        };
        (self.act)(to, (after, &up_to))?;
        let rows = u64::try_from(rows).unwrap_or_default();
        Ok(Some(Batch { up_to, rows }))
    }
}

/// Into the chain, what was written before there was one.
pub(super) const CHAINED: [Part; 3] = [
    Part {
        what: "decisions into the chain",
        all: "SELECT COUNT(*) FROM decision",
        next: "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM decision WHERE id > ?1 ORDER BY id LIMIT ?2)",
        act: |to, span| {
            let rows = "SELECT id, at FROM decision WHERE id > ?1 AND id <= ?2 ORDER BY id";
            chain::adopt(to, EntryKind::Decision, rows, span)
        },
    },
    Part {
        what: "revocations into the chain",
        all: "SELECT COUNT(*) FROM revocation",
        next: "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM revocation WHERE id > ?1 ORDER BY id LIMIT ?2)",
        act: |to, span| {
            let rows = "SELECT id, at FROM revocation WHERE id > ?1 AND id <= ?2 ORDER BY id";
            chain::adopt(to, EntryKind::Revocation, rows, span)
        },
    },
    Part {
        what: "ends of revocations into the chain",
        all: "SELECT COUNT(*) FROM revocation WHERE ended_at IS NOT NULL",
        next: "SELECT MAX(id), COUNT(*) FROM
               (SELECT id FROM revocation WHERE id > ?1 AND ended_at IS NOT NULL ORDER BY id LIMIT ?2)",
        act: |to, span| {
            let rows = "SELECT id, ended_at FROM revocation
                        WHERE id > ?1 AND id <= ?2 AND ended_at IS NOT NULL ORDER BY id";
            chain::adopt(to, EntryKind::RevocationEnded, rows, span)
        },
    },
];

/// Into the index of what images hold, what verdicts and approvals tell; and who pulled.
pub(super) const HELD: [Part; 3] = [
    Part {
        what: "verdicts into the index",
        all: "SELECT COUNT(*) FROM decision",
        next: "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM decision WHERE id > ?1 ORDER BY id LIMIT ?2)",
        act: held::adopt_verdicts,
    },
    Part {
        what: "approvals into the index",
        all: "SELECT COUNT(DISTINCT digest) FROM approval",
        next: "SELECT MAX(digest), COUNT(*) FROM
               (SELECT DISTINCT digest FROM approval WHERE digest > ?1 ORDER BY digest LIMIT ?2)",
        act: held::adopt_approvals,
    },
    Part {
        what: "pulls into the index",
        all: "SELECT COUNT(*) FROM pull",
        next: "SELECT CAST(MAX(id) AS TEXT), COUNT(*) FROM
               (SELECT id FROM pull WHERE id > CAST(?1 AS INTEGER) ORDER BY id LIMIT ?2)",
        act: |to, span| held::adopt_pulls(to, numbers(span)),
    },
];

/// Who pulled, into the narrow table.
pub(super) const SERVED: [Part; 1] = [Part {
    what: "who pulled, in numbers",
    all: "SELECT COUNT(*) FROM puller",
    next: "SELECT CAST(MAX(number) AS TEXT), COUNT(*) FROM
           (SELECT number FROM puller WHERE number > CAST(?1 AS INTEGER) ORDER BY number LIMIT ?2)",
    act: |to, span| served::adopt(to, numbers(span)),
}];

/// Names into the chain.
pub(super) const NAMES: [Part; 1] = [Part {
    what: "names into the chain",
    all: "SELECT COUNT(*) FROM known_name",
    next: "SELECT MAX(repository), COUNT(*) FROM
           (SELECT repository FROM known_name WHERE repository > ?1 ORDER BY repository LIMIT ?2)",
    act: names::adopt,
}];

/// Places that are numbers; the empty one is before all.
fn numbers((after, up_to): (&str, &str)) -> (i64, i64) {
    let number = |text: &str| text.parse().unwrap_or_default();
    (number(after), number(up_to))
}

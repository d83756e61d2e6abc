//! The chain: one entry for each row that must not change, its hash over the entry before.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest as _, Sha256};

use super::canonical::{EntryKind, leaf};

/// The hash before the first entry.
pub(super) const NOTHING: [u8; 32] = [0; 32];

/// How far a chain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many entries, those that were swept with them.
    pub(super) size: u64,
    /// The hash of the last.
    pub(super) hash: [u8; 32],
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) leaf: [u8; 32],
    pub(super) hash: [u8; 32],
}

impl Entry {
    /// The hash of an entry: SHA-256 over one line of words, the hashes in hexadecimal.
    pub(super) fn hash_after(&self, before: &[u8; 32]) -> [u8; 32] {
        let Entry {
            number,
            at,
            kind,
            subject,
            leaf,
            ..
        } = self;
        let line = format!(
            "{} {number} {at} {kind} {subject} {}\n",
            hex(before),
            hex(leaf)
        );
        Sha256::digest(line.as_bytes()).into()
    }

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
        Ok(Entry {
            number: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
            at: row.get(1)?,
            kind: row.get(2)?,
            subject: row.get(3)?,
            leaf: row.get(4)?,
            hash: row.get(5)?,
        })
    }
}

/// For [`Entry::read`].
pub(super) const SELECT: &str = "SELECT number, at, kind, subject, leaf, hash FROM chain";

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last entry; after a sweep of everything, what the sweep left behind.
pub(super) fn head(from: &Connection) -> rusqlite::Result<Head> {
    for last in [
        "SELECT number, hash FROM chain ORDER BY number DESC LIMIT 1",
        "SELECT size, hash FROM checkpoint ORDER BY size DESC LIMIT 1",
    ] {
        let last = from.prepare_cached(last)?.query_row([], |row| {
            Ok(Head {
                size: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
                hash: row.get(1)?,
            })
        });
        if let Some(head) = last.optional()? {
            return Ok(head);
        }
    }
    Ok(Head {
        size: 0,
        hash: NOTHING,
    })
}

/// Adds an entry for a row that was just written.
pub(super) fn append(
    to: &Connection,
    kind: EntryKind,
    subject: &str,
    at: i64,
) -> rusqlite::Result<()> {
    match kind.row(to, subject)? {
        Some(row) => append_leaf(to, kind.as_str(), subject, at, leaf(&row)),
        None => Ok(()),
    }
}

/// Adds an entry with the hash of a row.
pub(super) fn append_leaf(
    to: &Connection,
    kind: &str,
    subject: &str,
    at: i64,
    leaf: [u8; 32],
) -> rusqlite::Result<()> {
    let before = head(to)?;
    let mut entry = Entry {
        number: before.size + 1,
        at,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        leaf,
        hash: NOTHING,
    };
    entry.hash = entry.hash_after(&before.hash);
    to.prepare_cached(
        "INSERT INTO chain (number, at, kind, subject, leaf, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        i64::try_from(entry.number).unwrap_or(i64::MAX),
        entry.at,
        entry.kind,
        entry.subject,
        entry.leaf,
        entry.hash
    ])
    .map(drop)
}

/// Takes rows into the chain that were written before they had entries: those that `rows` gives between two ids.
pub(super) fn adopt(
    to: &Connection,
    kind: EntryKind,
    rows: &str,
    (after, up_to): (&str, &str),
) -> rusqlite::Result<()> {
    let mut rows = to.prepare_cached(rows)?;
    let mut rows = rows.query([after, up_to])?;
    while let Some(row) = rows.next()? {
        append(to, kind, &row.get::<_, String>(0)?, row.get(1)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_hashed_as_the_documentation_says() {
        let entry = Entry {
            number: 1,
            at: 1_700_000_000_000,
            kind: "decision".to_owned(),
            subject: "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
            leaf: leaf("{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}"),
            hash: NOTHING,
        };
        // printf '%064d 1 1700000000000 decision 01ARZ3NDEKTSV4RRFFQ69G5FAV %s\n' 0 \
        //   "$(printf '{"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}' | sha256sum | cut -c-64)" | sha256sum
        assert_eq!(
            hex(&entry.hash_after(&NOTHING)),
            "20c67507d12751d2b31b644f0bf434e54e2910658d148d75a13ca4877b3f4bda"
        );
    }
}

//! Rows as the chain hashes them: one JSON object of the columns in their order, those that are NULL left out.
//!
//! A column that is added later is NULL in older rows, so their hashes stay. The text is what `lazaret ledger export`
//! prints, so anybody can compute the hashes again.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// What an entry of the chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryKind {
    /// A decision.
    Decision,
    /// A revocation.
    Revocation,
    /// That a revocation was taken back.
    RevocationEnded,
    /// That a name was met, approved or forgotten.
    Name,
    /// That from then on something was decided under another policy.
    Policy,
}

impl EntryKind {
    /// All of them.
    pub(super) const ALL: [EntryKind; 5] = [
        EntryKind::Decision,
        EntryKind::Revocation,
        EntryKind::RevocationEnded,
        EntryKind::Name,
        EntryKind::Policy,
    ];

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            EntryKind::Decision => "decision",
            EntryKind::Revocation => "revocation",
            EntryKind::RevocationEnded => "revocation-ended",
            EntryKind::Name => "name",
            EntryKind::Policy => "policy",
        }
    }

    pub(super) fn parse(text: &str) -> Option<EntryKind> {
        EntryKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    /// The columns that are hashed. A new one goes to the end, and is NULL where it was not known.
    fn select(self) -> &'static str {
        match self {
            EntryKind::Decision => {
                "SELECT id, at, repository, reference, digest, address, user_agent, listener, allowed, mode, verdict,
                 policy_epoch, policy_file, gathered_ms, identity FROM decision WHERE id = ?1"
            }
            EntryKind::Revocation => {
                "SELECT id, at, kind, what, reason, revoked_by FROM revocation WHERE id = ?1"
            }
            EntryKind::RevocationEnded => {
                "SELECT id, ended_at, ended_by FROM revocation WHERE id = ?1 AND ended_at IS NOT NULL"
            }
            EntryKind::Name => {
                "SELECT number, at, repository, act, who FROM name WHERE number = CAST(?1 AS INTEGER)"
            }
            EntryKind::Policy => {
                "SELECT number, at, file, epoch, mode FROM policy WHERE number = CAST(?1 AS INTEGER)"
            }
        }
    }

    /// The rows that need an entry.
    pub(super) fn rows(self) -> &'static str {
        match self {
            EntryKind::Decision => "SELECT id, at FROM decision ORDER BY id",
            EntryKind::Revocation => "SELECT id, at FROM revocation ORDER BY id",
            EntryKind::RevocationEnded => {
                "SELECT id, ended_at FROM revocation WHERE ended_at IS NOT NULL ORDER BY ended_at, id"
            }
            EntryKind::Name => "SELECT CAST(number AS TEXT) AS id, at FROM name ORDER BY number",
            EntryKind::Policy => {
                "SELECT CAST(number AS TEXT) AS id, at FROM policy ORDER BY number"
            }
        }
    }

    /// A row as it stands now; none where it is gone.
    pub(super) fn row(self, from: &Connection, subject: &str) -> rusqlite::Result<Option<String>> {
        from.prepare_cached(self.select())?
            .query_row([subject], canonical)
            .optional()
    }
}

fn canonical(row: &Row<'_>) -> rusqlite::Result<String> {
    let mut object = Map::new();
    let names = row.as_ref().column_names();
    for (at, name) in names.into_iter().enumerate() {
        let value = match row.get_ref(at)? {
            ValueRef::Null => continue,
            ValueRef::Integer(number) => Value::from(number),
            ValueRef::Real(number) => Value::from(number),
            // Bytes that are no text were not written by us: they become a text that is not that of the hash.
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Value::from(String::from_utf8_lossy(bytes))
            }
        };
        object.insert(name.to_owned(), value);
    }
    Ok(Value::Object(object).to_string())
}

/// SHA-256 over the canonical text of a row.
pub(super) fn leaf(row: &str) -> [u8; 32] {
    Sha256::digest(row.as_bytes()).into()
}

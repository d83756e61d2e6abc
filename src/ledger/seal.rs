//! Signed heads of the chain, written in the transaction that moves it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use sha2::Digest as _;

use super::LedgerError;
use super::chain::{self, Head};
use super::key::Key;
use super::note::{NoteSigner, read_checkpoint};
use crate::telemetry;

/// One checkpoint stays of each so many milliseconds.
const KEPT_EVERY: i64 = 3_600_000;
/// How the line begins that says when a head was signed.
pub(super) const SIGNED: &str = "at ";
/// How the line begins that says that what is before was swept.
pub(super) const SWEPT: &str = "swept ";
/// What an entry is called that says that the key was renewed; its leaf is the hash of the new public key's text.
pub(super) const RENEWED: &str = "key-renewed";

/// Signs what one process writes.
pub(super) struct Sealer {
    key: Key,
    known: Option<Arc<NoteSigner>>,
}

impl Sealer {
    pub(super) fn new(key: Key) -> Sealer {
        Sealer { key, known: None }
    }

    /// The key, once it is known to be the one that signed this ledger before.
    fn signer(&mut self, of: &Connection) -> Result<Arc<NoteSigner>, LedgerError> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let signer = signer(&self.key, of)?;
        self.known = Some(signer.clone());
        Ok(signer)
    }

    /// Signs the head, if it has moved.
    pub(super) fn seal(&mut self, to: &Connection) -> Result<(), LedgerError> {
        let head = chain::head(to)?;
        let last = newest(to)?;
        if last.as_ref().map_or(0, |(size, ..)| *size) == head.size {
            return Ok(());
        }
        let signer = self.signer(to)?;
        let now = telemetry::now();
        let at = now.as_millisecond();
        let note = signer.checkpoint(&head, &format!("{SIGNED}{now}"));
        insert(to, &head, at, false, &note)?;
        if let Some((size, then, false)) = last
            && then / KEPT_EVERY == at / KEPT_EVERY
        {
            remove(to, size)?;
        }
        Ok(())
    }

    /// Removes the entries up to `head` and signs that they are gone.
    pub(super) fn sweep(&mut self, to: &Connection, head: &Head) -> Result<(), LedgerError> {
        let signer = self.signer(to)?;
        let now = telemetry::now();
        let note = signer.checkpoint(head, &format!("{SWEPT}{now}"));
        let size = i64::try_from(head.size).unwrap_or(i64::MAX);
        to.execute("DELETE FROM chain WHERE number <= ?1", [size])?;
        to.execute("DELETE FROM checkpoint WHERE size <= ?1", [size])?;
        Ok(insert(to, head, now.as_millisecond(), true, &note)?)
    }
}

/// The newest checkpoint: its size, when it was signed, and whether it ends what was swept.
fn newest(from: &Connection) -> rusqlite::Result<Option<(u64, i64, bool)>> {
    from.prepare_cached("SELECT size, at, swept FROM checkpoint ORDER BY size DESC LIMIT 1")?
        .query_row([], |row| {
            let size = u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
            Ok((size, row.get(1)?, row.get(2)?))
        })
        .optional()
}

/// The text of the newest checkpoint.
pub(super) fn newest_note(from: &Connection) -> rusqlite::Result<Option<String>> {
    from.prepare_cached("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()
}

fn insert(to: &Connection, head: &Head, at: i64, swept: bool, note: &str) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO checkpoint (size, at, hash, swept, note) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        i64::try_from(head.size).unwrap_or(i64::MAX),
        at,
        head.hash,
        swept,
        note
    ])
    .map(drop)
}

fn remove(to: &Connection, size: u64) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM checkpoint WHERE size = ?1")?
        .execute([i64::try_from(size).unwrap_or(i64::MAX)])
        .map(drop)
}

/// The key of a ledger. What it signed before must bear it out: a ledger never changes its key in silence.
pub(super) fn signer(key: &Key, of: &Connection) -> Result<Arc<NoteSigner>, LedgerError> {
    let file = key.file().display().to_string();
    let wrong = |why: &str| {
        LedgerError(format!(
            "{file}: {why}; restore it from a backup, or begin with a new one: lazaret ledger key --renew"
        ))
    };
    let note = newest_note(of)?;
    if note.is_some() && !key.exists() {
        return Err(wrong("the key that signs this ledger is gone"));
    }
    let signer = key.signer()?;
    if let Some(note) = note
        && let Err(error) = read_checkpoint(&note, signer.key())
    {
        return Err(wrong(&format!(
            "it is not the key that signed this ledger ({error})"
        )));
    }
    Ok(signer)
}

/// Puts a new key in the place of the old one, which may be gone. The chain says so, and what was signed before is
/// signed no more; no other process may have the ledger open.
pub(super) fn renew(
    ledger: &Path,
    connection: &mut Connection,
) -> Result<Arc<NoteSigner>, LedgerError> {
    let key = Key::beside(ledger);
    match std::fs::remove_file(key.file()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(LedgerError(format!("{}: {error}", key.file().display())));
        }
        _ => {}
    }
    let signer = key.signer()?;
    let now = telemetry::now();
    let transaction = connection.transaction()?;
    let public = signer.key().to_string();
    let leaf = sha2::Sha256::digest(public.as_bytes()).into();
    let (name, at) = (signer.key().name(), now.as_millisecond());
    chain::append_leaf(&transaction, RENEWED, name, at, leaf)?;
    let base = transaction
        .query_row(
            "SELECT size, hash FROM checkpoint WHERE swept ORDER BY size DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        )
        .optional()?;
    transaction.execute("DELETE FROM checkpoint", [])?;
    if let Some((size, hash)) = base {
        let size = u64::try_from(size).unwrap_or_default();
        let head = Head { size, hash };
        let note = signer.checkpoint(&head, &format!("{SWEPT}{now}"));
        insert(&transaction, &head, at, true, &note)?;
    }
    Sealer::new(key).seal(&transaction)?;
    transaction.commit()?;
    Ok(signer)
}

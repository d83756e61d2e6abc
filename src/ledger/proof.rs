//! What can be proved of an embedded ledger, and carried out of it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::params;
use serde::Serialize;
use serde_json::value::RawValue;

use super::audit::{Audit, Trusted, audit};
use super::canonical::EntryKind;
use super::chain::{self, Entry, hex};
use super::key::Key;
use super::migrate::{readable, writable};
use super::note::{NoteKey, NoteSigner};
use super::seal::{newest_note, renew, signer};
use super::{LedgerError, SqliteLedger};
use crate::keyfile;

/// An entry of the chain with its row, as it is exported.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// Which, counted from 1.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// What its row is: `decision`, `revocation`, `revocation-ended`, `key-renewed`.
    pub kind: String,
    /// Of which row.
    pub subject: String,
    /// SHA-256 of `row`, in hexadecimal.
    pub leaf: String,
    /// SHA-256 of the entry with the hash before it, in hexadecimal.
    pub hash: String,
    /// The row, byte for byte as it is hashed.
    pub row: Option<Box<RawValue>>,
}

/// [`SqliteLedger::audit`] of a file.
pub(super) fn of(
    file: &Path,
    key: Option<&NoteKey>,
    kept: Option<&str>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Audit, LedgerError> {
    let mut connection = readable(file)?;
    let own = match key {
        Some(key) => key.clone(),
        None => signer(&Key::beside(file), &connection)?.key().clone(),
    };
    let snapshot = connection.transaction()?;
    audit(&snapshot, &Trusted { key: &own, kept }, progress)
}

impl SqliteLedger {
    fn signer(&self) -> Result<Arc<NoteSigner>, LedgerError> {
        signer(&Key::beside(&self.file), &readable(&self.file)?)
    }

    /// The key that signs the ledger; it is made where nothing was signed yet. Blocks.
    ///
    /// # Errors
    /// [`LedgerError`]: the key is gone or is another, or its file is open to others.
    pub fn key(&self) -> Result<NoteKey, LedgerError> {
        Ok(self.signer()?.key().clone())
    }

    /// The same as PEM (SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// As [`SqliteLedger::key`].
    pub fn key_pem(&self) -> Result<String, LedgerError> {
        let der = self.signer()?.public_der();
        let der = der.ok_or_else(|| LedgerError("the key cannot be written".to_owned()))?;
        Ok(keyfile::pem("PUBLIC KEY", &der))
    }

    /// The newest signed checkpoint; none where nothing was decided yet. Blocks.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn checkpoint(&self) -> Result<Option<String>, LedgerError> {
        Ok(newest_note(&readable(&self.file)?)?)
    }

    /// Proves the ledger, as it is at this moment: all of it is read. `key`: who must have signed it, or its own;
    /// `kept`: a checkpoint that was kept elsewhere. Blocks.
    ///
    /// # Errors
    /// It cannot be proved, which is another thing than that it is broken.
    pub fn audit(
        &self,
        key: Option<&NoteKey>,
        kept: Option<&str>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Audit, LedgerError> {
        of(&self.file, key, kept, progress)
    }

    /// Gives every entry of the chain between two moments, oldest first, until `each` says that it is enough. Blocks.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn export(
        &self,
        (since, until): (Timestamp, Timestamp),
        each: &mut dyn FnMut(Exported) -> bool,
    ) -> Result<(), LedgerError> {
        let mut connection = readable(&self.file)?;
        let snapshot = connection.transaction()?;
        let sql = format!(
            "{} WHERE at >= ?1 AND at < ?2 ORDER BY number",
            chain::SELECT
        );
        let mut rows = snapshot.prepare(&sql)?;
        let mut rows = rows.query(params![since.as_millisecond(), until.as_millisecond()])?;
        while let Some(row) = rows.next()? {
            let entry = Entry::read(row)?;
            let row = match EntryKind::parse(&entry.kind) {
                Some(kind) => kind.row(&snapshot, &entry.subject)?,
                None => None,
            };
            let exported = Exported {
                number: entry.number,
                at: entry.at,
                leaf: hex(&entry.leaf),
                hash: hex(&entry.hash),
                kind: entry.kind,
                subject: entry.subject,
                row: row.and_then(|row| RawValue::from_string(row).ok()),
            };
            if !each(exported) {
                break;
            }
        }
        Ok(())
    }

    /// Gives a ledger that nobody has open a new key; the old one signs nothing any more. Blocks.
    ///
    /// # Errors
    /// As the disk or SQLite says.
    pub fn renew_key(file: &Path) -> Result<NoteKey, LedgerError> {
        let signer = renew(file, &mut writable(file)?)?;
        Ok(signer.key().clone())
    }
}

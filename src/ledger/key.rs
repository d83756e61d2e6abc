//! The ledger's key: made when it is first needed, beside the ledger, for its owner alone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::Ed25519KeyPair;

use super::LedgerError;
use super::note::NoteSigner;
use crate::keyfile;

/// Its name beside the ledger.
const KEY_FILE: &str = "ledger.key";

/// A key that is read, or made, when it is first needed.
#[derive(Clone)]
pub(super) struct Key {
    file: PathBuf,
    signer: Arc<OnceLock<Arc<NoteSigner>>>,
}

impl Key {
    pub(super) fn beside(ledger: &Path) -> Key {
        Key {
            file: ledger.with_file_name(KEY_FILE),
            signer: Arc::default(),
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Waits for the disk the first time.
    pub(super) fn signer(&self) -> Result<Arc<NoteSigner>, LedgerError> {
        if let Some(signer) = self.signer.get() {
            return Ok(signer.clone());
        }
        let wrong = |why: String| LedgerError(format!("{}: {why}", self.file.display()));
        let made = || {
            let pair = Ed25519KeyPair::generate().ok()?;
            Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
        };
        let der =
            keyfile::read_or_make(&self.file, made).map_err(|error| wrong(error.to_string()))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|_| wrong("no Ed25519 key in PKCS #8".to_owned()))?;
        let signer = Arc::new(NoteSigner::new(pair));
        Ok(self.signer.get_or_init(|| signer).clone())
    }
}

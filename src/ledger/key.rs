//! The ledger's key: made when it is first needed, beside the ledger, for its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::LedgerError;
use super::note::NoteSigner;

/// Its name beside the ledger.
pub(super) const KEY_FILE: &str = "ledger.key";
/// Base64 of PEM in a line (RFC 7468).
const LINE: usize = 64;

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
        let made = match read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&self.file).and_then(|()| read(&self.file))
            }
            read => read,
        };
        let signer = made.map_err(|error| wrong(error.to_string()))?;
        Ok(self.signer.get_or_init(|| Arc::new(signer)).clone())
    }
}

fn read(file: &Path) -> io::Result<NoteSigner> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "others may read the key of the ledger (mode {:o}); chmod 600 it, and lazaret ledger key --renew if they did",
            mode & 0o777
        )));
    }
    let text = fs::read_to_string(file)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(io::Error::other)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
        .map_err(|_| io::Error::other("no Ed25519 key in PKCS #8"))?;
    Ok(NoteSigner::new(pair))
}

/// Two processes that need it at once make one: the file is complete when it gets its name, and keeps the first.
fn make(file: &Path) -> io::Result<()> {
    let failed = |_| io::Error::other("no key could be made");
    let pair = Ed25519KeyPair::generate().map_err(failed)?;
    let der = pair.to_pkcs8v1().map_err(failed)?;
    let passing = file.with_extension(format!("{:x}.new", fastrand::u64(..)));
    let written = write(&passing, &pem("PRIVATE KEY", der.as_ref()));
    let linked = written.and_then(|()| match fs::hard_link(&passing, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _ = fs::remove_file(&passing);
    linked
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}

/// A block of PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines = encoded.as_bytes().chunks(LINE);
    let lines: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.db");
        let key = Key::beside(&ledger);
        assert!(!key.exists());
        let made = key.signer().unwrap().key().clone();
        assert_eq!(Key::beside(&ledger).signer().unwrap().key(), &made);
        let mode = fs::metadata(key.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::set_permissions(key.file(), fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Key::beside(&ledger).signer().map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains("chmod 600 it"), "{refused}");
    }
}

//! Keys of our own: made when they are first needed, each in a file for its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

/// Base64 of PEM in a line (RFC 7468).
const LINE: usize = 64;

/// Reads a private key in PKCS #8 from PEM.
///
/// # Errors
/// The file is not there, is no key, or others than its owner may read it.
pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "others may read the key (mode {:o}); chmod 600 it, and make a new one if they did",
            mode & 0o777
        )));
    }
    let text = fs::read_to_string(file)?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(io::Error::other)?;
    Ok(der.secret_pkcs8_der().to_vec())
}

/// The same; a key is made where there is no file. Two processes that need it at once make one: the file is complete
/// when it gets its name, and keeps the first.
///
/// # Errors
/// As [`read`], or the disk fails.
pub fn read_or_make(file: &Path, make: impl FnOnce() -> Option<Vec<u8>>) -> io::Result<Vec<u8>> {
    match read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let der = make().ok_or_else(|| io::Error::other("no key could be made"))?;
    let passing = file.with_extension(format!("{:x}.new", fastrand::u64(..)));
    let written = write(&passing, &pem("PRIVATE KEY", &der));
    let linked = written.and_then(|()| match fs::hard_link(&passing, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _ = fs::remove_file(&passing);
    linked?;
    read(file)
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
pub fn pem(label: &str, der: &[u8]) -> String {
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
    use aws_lc_rs::signature::Ed25519KeyPair;

    fn made() -> Option<Vec<u8>> {
        let pair = Ed25519KeyPair::generate().ok()?;
        Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("some.key");
        let key = read_or_make(&file, made).unwrap();
        assert_eq!(read_or_make(&file, made).unwrap(), key);
        assert_eq!(read(&file).unwrap(), key);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = read(&file).unwrap_err().to_string();
        assert!(refused.contains("(mode 640); chmod 600 it"), "{refused}");
        fs::remove_file(&file).unwrap();
        assert!(read_or_make(&file, || None).is_err() && !file.exists());
    }
}

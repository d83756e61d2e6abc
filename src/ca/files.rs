//! The authority's files: the key is read by its owner alone.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use jiff::Timestamp;

use super::{Authority, CaError, Rotation};

pub(super) fn about(path: &Path) -> impl Fn(std::io::Error) -> CaError + '_ {
    move |error| CaError(format!("{}: {error}", path.display()))
}

/// Makes an authority in a folder; what is there stays.
///
/// # Errors
/// [`CaError`]: there is one already, or the disk fails.
pub fn create(folder: &Path, hosts: &[String], now: Timestamp) -> Result<(), CaError> {
    let (certificate, key) = Rotation::files(folder, Rotation::read(folder)?.signing);
    if certificate.exists() || key.exists() {
        let there = folder.display();
        return Err(CaError(format!("{there}: an authority is there already")));
    }
    let (certificate_text, key_text) = Authority::make(hosts, now)?;
    fs::create_dir_all(folder).map_err(about(folder))?;
    // The key first: a certificate without its key would look like an authority.
    write(&key, &key_text, 0o600)?;
    write(&certificate, &certificate_text, 0o644)
}

/// A file that was not there.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), CaError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let mut file = file.map_err(about(path))?;
    file.write_all(text.as_bytes()).map_err(about(path))?;
    file.sync_all().map_err(about(path))
}

/// A file that is old or new at any time, and never half.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), CaError> {
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    write(&fresh, text, 0o644)?;
    fs::rename(&fresh, path).map_err(about(path))?;
    // The name is durable with its folder.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(about(folder))
}

/// Reads an authority.
///
/// # Errors
/// [`CaError`] names the file; also where others than its owner may read the key.
pub fn load(certificate: &Path, key: &Path) -> Result<Authority, CaError> {
    let mode = fs::metadata(key).map_err(about(key))?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = key.display();
        return Err(CaError(format!(
            "{path}: others may read the key of the authority (mode {:o}); chmod 600 it, and make a new one if they did",
            mode & 0o777
        )));
    }
    let text = |path: &Path| fs::read_to_string(path).map_err(about(path));
    let named = |error: CaError| CaError(format!("{}: {error}", certificate.display()));
    Authority::read(&text(certificate)?, &text(key)?).map_err(named)
}

//! Reading configuration files of clients, below a root.

use std::fs;
use std::path::{Path, PathBuf};

use super::wire::{Trouble, about};
use crate::clients::{Client, Disk, Journal, Look, Seen, look};
use crate::config::reload;

/// The ending of a backup's name. No program takes a file that ends so for its own.
pub(super) const BACKUP: &str = "before-lazaret";
/// The ending of a file that is being written.
pub(super) const NEW: &str = "lazaret-new";
/// Most files that are looked at in folders: a machine has a dozen registries.
const MAX_FILES: usize = 2_000;
/// How deep folders are looked into: `certs.d/HOST/FILE`.
const DEPTH: usize = 2;

pub(super) fn other(path: &Path, why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(format!("{}: {why}", path.display()))
}

/// A path of the machine whose files are below `root`.
pub(super) fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The text of a file, if it is there and can be read.
pub(super) fn text(root: &Path, path: &str) -> Option<String> {
    reload::read(&below(root, path)).ok()
}

/// What a client reads.
pub(super) fn disk(root: &Path, client: Client) -> Result<Disk, Trouble> {
    let Look { mut files, folders } = look(client);
    // containerd's own file may say that others are elsewhere.
    let mut disk = Disk::default();
    files.sort();
    for path in files {
        see(root, &path, &mut disk)?;
    }
    for folder in folders.into_iter().chain(disk.elsewhere()) {
        walk(root, &folder, DEPTH, &mut disk)?;
    }
    Ok(disk)
}

fn walk(root: &Path, folder: &str, depth: usize, disk: &mut Disk) -> Result<(), Trouble> {
    let path = below(root, folder);
    let Ok(entries) = fs::read_dir(&path) else {
        return Ok(());
    };
    if depth == 0 {
        return Ok(());
    }
    disk.folders.push(folder.to_owned());
    for entry in entries {
        let entry = entry.map_err(about(&path))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !is_ours(name)) else {
            continue;
        };
        let inside = format!("{folder}/{name}");
        // Through links: a folder that is one is read by clients too.
        match entry.path().is_dir() {
            true if depth == 1 => disk.folders.push(inside),
            true => walk(root, &inside, depth - 1, disk)?,
            false => see(root, &inside, disk)?,
        }
    }
    Ok(())
}

fn is_ours(name: &str) -> bool {
    name.ends_with(BACKUP) || name.ends_with(NEW)
}

fn see(root: &Path, path: &str, disk: &mut Disk) -> Result<(), Trouble> {
    let at = below(root, path);
    if disk.files.len() >= MAX_FILES {
        return Err(other(&at, format!("more than {MAX_FILES} files are there")));
    }
    let seen = match fs::symlink_metadata(&at) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(()),
        Err(error) => return Err(about(&at)(error)),
        Ok(meta) if meta.is_symlink() => {
            let to = fs::read_link(&at).unwrap_or_default();
            Seen::Other(format!("it is a symbolic link to {}", to.display()))
        }
        Ok(meta) if !meta.is_file() => Seen::Other("it is no plain file".to_owned()),
        Ok(_) => match reload::read(&at) {
            Ok(text) => Seen::Text(text),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Seen::Other(error.to_string())
            }
            Err(error) => return Err(about(&at)(error)),
        },
    };
    disk.files.insert(path.to_owned(), seen);
    Ok(())
}

/// What was done to a client before.
pub(super) fn journal(root: &Path, client: Client) -> Result<Option<Journal>, Trouble> {
    let path = below(root, &Journal::path(client));
    if !path.exists() {
        return Ok(None);
    }
    let text = reload::read(&path).map_err(about(&path))?;
    Journal::read(&text)
        .map(Some)
        .map_err(|why| other(&path, why))
}

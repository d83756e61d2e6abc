//! Reading and writing configuration files of clients: all or nothing, and never a broken one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::wire::{Trouble, about};
use crate::clients::{
    CA_FOLDER, Change, Client, Disk, Entry, JOURNALS, Journal, Look, Plan, Seen, Wanted, look,
};
use crate::config::reload;
use crate::oci::Digest;

/// The ending of a backup's name. No program takes a file that ends so for its own.
const BACKUP: &str = "before-lazaret";
/// The ending of a file that is being written.
const NEW: &str = "lazaret-new";
/// Most files that are looked at in folders: a machine has a dozen registries.
const MAX_FILES: usize = 2_000;
/// How deep folders are looked into: `certs.d/HOST/FILE`.
const DEPTH: usize = 2;

fn other(path: &Path, why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(format!("{}: {why}", path.display()))
}

/// A path of the machine whose files are below `root`.
fn below(root: &Path, path: &str) -> PathBuf {
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

/// Writes what was planned. The journal is written before each step, so that a run that was cut off can be undone.
pub(super) fn apply(
    root: &Path,
    wanted: &Wanted,
    plan: &Plan,
    before: Option<Journal>,
) -> Result<(), Trouble> {
    if plan.changes.is_empty() && before.is_none() {
        return Ok(());
    }
    let known: Vec<Entry> = before
        .iter()
        .flat_map(|journal| journal.entries.clone())
        .collect();
    let mut journal = match before {
        Some(journal) => journal.renewed(wanted),
        None => Journal::new(wanted),
    };
    make_folders(root, JOURNALS, &mut journal)?;
    for change in &plan.changes {
        record(root, change, &known, &mut journal)?;
    }
    write_journal(root, &journal)?;
    for change in &plan.changes {
        make_folders(root, parent(&change.path), &mut journal)?;
    }
    write_journal(root, &journal)?;
    for change in &plan.changes {
        let kept = journal
            .entries
            .iter()
            .find(|entry| entry.path == change.path);
        let backup = kept.and_then(|entry| entry.backup.as_deref());
        write(root, change, backup).map_err(|trouble| {
            Trouble::Other(format!("{trouble}\n  nothing after that was changed; what was is taken back by: lazaret setup {} --undo --force", wanted.client))
        })?;
    }
    Ok(())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}

fn record(
    root: &Path,
    change: &Change,
    known: &[Entry],
    journal: &mut Journal,
) -> Result<(), Trouble> {
    let written = Digest::of(change.after.as_bytes()).hex();
    if let Some(entry) = journal
        .entries
        .iter_mut()
        .find(|entry| entry.path == change.path)
    {
        // What is to be put back is what was there before the first time.
        entry.written = written;
        return Ok(());
    }
    let backup = change
        .before
        .as_ref()
        .map(|_| format!("{}.{BACKUP}", change.path));
    if let Some(backup) = &backup
        && below(root, backup).symlink_metadata().is_ok()
        && !known
            .iter()
            .any(|entry| entry.backup.as_ref() == Some(backup))
    {
        return Err(other(
            &below(root, backup),
            "it is in the way, and no journal speaks of it: look at it and move it away",
        ));
    }
    journal.entries.push(Entry {
        path: change.path.clone(),
        backup,
        written,
    });
    Ok(())
}

/// Makes a folder and those above it, and notes which.
fn make_folders(root: &Path, folder: &str, journal: &mut Journal) -> Result<(), Trouble> {
    let path = below(root, folder);
    if path.is_dir() {
        return Ok(());
    }
    if folder.len() > 1 {
        make_folders(root, parent(folder), journal)?;
    }
    fs::create_dir(&path).map_err(about(&path))?;
    journal.folders.push(folder.to_owned());
    Ok(())
}

fn write_journal(root: &Path, journal: &Journal) -> Result<(), Trouble> {
    let path = below(root, &Journal::path(journal.client));
    replace(&path, &journal.text(), 0o600, |_| Ok(()))
}

/// One file: what is there must still be what was planned with, is kept under another name, and is replaced at once.
fn write(root: &Path, change: &Change, backup: Option<&str>) -> Result<(), Trouble> {
    let path = below(root, &change.path);
    let there = match path.symlink_metadata() {
        Ok(_) => Some(reload::read(&path).map_err(about(&path))?),
        Err(_) => None,
    };
    if there != change.before {
        return Err(other(&path, "it changed in the meantime; try again"));
    }
    if let Some(backup) = backup
        .map(|backup| below(root, backup))
        .filter(|backup| !backup.exists())
    {
        keep(&path, &backup)?;
    }
    replace(&path, &change.after, 0o644, |text| {
        change.format.check(text)
    })
}

/// The file itself under another name, with all that belongs to it; a copy where the file system knows no links.
fn keep(path: &Path, backup: &Path) -> Result<(), Trouble> {
    if fs::hard_link(path, backup).is_ok() {
        return Ok(());
    }
    fs::copy(path, backup).map_err(about(backup))?;
    owned_like(path, backup)
}

/// Written beside, read back, and put in place by renaming; with the mode and owner of what was there, else with `mode`.
fn replace(
    path: &Path,
    text: &str,
    mode: u32,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(), Trouble> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{NEW}"));
    let new = PathBuf::from(name);
    let _ = fs::remove_file(&new);
    let done = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&new)
            .map_err(about(&new))?;
        file.write_all(text.as_bytes()).map_err(about(&new))?;
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(about(&new))?;
        if path.exists() {
            owned_like(path, &new)?;
        }
        file.sync_all().map_err(about(&new))?;
        let back = reload::read(&new).map_err(about(&new))?;
        check(&back)
            .map_err(|why| other(&new, format!("what was written cannot be read back: {why}")))?;
        if back != text {
            return Err(other(&new, "what was written is not what is there"));
        }
        fs::rename(&new, path).map_err(about(path))
    })();
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done?;
    // The name is durable with its folder.
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(about(folder))
}

fn owned_like(path: &Path, new: &Path) -> Result<(), Trouble> {
    let meta = fs::metadata(path).map_err(about(path))?;
    fs::set_permissions(new, meta.permissions()).map_err(about(new))?;
    let own = fs::metadata(new).map_err(about(new))?;
    if (own.uid(), own.gid()) == (meta.uid(), meta.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(new, Some(meta.uid()), Some(meta.gid())).map_err(about(new))
}

/// Puts everything back. Files that somebody changed since stop it before anything is done, unless `force`.
pub(super) fn undo(root: &Path, journal: &Journal, force: bool) -> Result<(), Trouble> {
    let mut changed = BTreeMap::new();
    for entry in &journal.entries {
        let path = below(root, &entry.path);
        let there = fs::read(&path).ok();
        let before = entry
            .backup
            .as_ref()
            .map(|backup| fs::read(below(root, backup)).ok());
        let ours = there
            .as_ref()
            .is_some_and(|bytes| Digest::of(bytes).hex() == entry.written);
        let lost = matches!(before, Some(None)) && ours;
        // A run that was cut off left it as it was.
        let untouched = match &before {
            None => there.is_none(),
            Some(None) => true,
            Some(before) => there == *before,
        };
        if lost {
            return Err(other(
                &path,
                "what was there before is gone, as its backup was removed; nothing was put back",
            ));
        }
        if !ours && !untouched {
            changed.insert(&entry.path, path);
        }
    }
    if let Some((_, path)) = changed.first_key_value().filter(|_| !force) {
        return Err(other(
            path,
            "somebody changed it since it was set up; nothing was put back (--undo --force does so all the same)",
        ));
    }
    for entry in journal.entries.iter().rev() {
        let path = below(root, &entry.path);
        match &entry.backup {
            Some(backup) => {
                let backup = below(root, backup);
                if backup.exists() {
                    fs::rename(&backup, &path).map_err(about(&path))?;
                    // Two names of one file: renaming did nothing.
                    let _ = fs::remove_file(&backup);
                }
            }
            None if path.symlink_metadata().is_ok() => {
                fs::remove_file(&path).map_err(about(&path))?
            }
            None => {}
        }
    }
    let own = below(root, &Journal::path(journal.client));
    fs::remove_file(&own).map_err(about(&own))?;
    // What others put into a folder in the meantime keeps it; the last client to go takes our own along.
    let made = journal.folders.iter().rev().map(String::as_str);
    for folder in made.chain([CA_FOLDER, JOURNALS, parent(JOURNALS)]) {
        let _ = fs::remove_dir(below(root, folder));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

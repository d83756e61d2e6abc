//! Writing configuration files of clients: all or nothing, and never a broken one.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::setup_files::{self, BACKUP, NEW, below, other};
use super::wire::{Trouble, about};
use crate::clients::{Change, Client, Entry, JOURNALS, Journal, Plan, Wanted};
use crate::config::reload;
use crate::oci::Digest;

/// The mode of files that all programs of the machine may read.
const ALL: u32 = 0o644;
/// The mode of files with something secret in them.
const OWNER: u32 = 0o600;

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
    let others = made_for_others(root, wanted.client)?;
    make_folders(root, JOURNALS, &mut journal, &others)?;
    for change in &plan.changes {
        record(root, change, &known, &mut journal)?;
    }
    write_journal(root, &journal)?;
    for change in &plan.changes {
        make_folders(root, parent(&change.path), &mut journal, &others)?;
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

pub(super) fn parent(path: &str) -> &str {
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

/// Folders that were made for other clients: whoever is the last to be undone takes them along.
fn made_for_others(root: &Path, client: Client) -> Result<Vec<String>, Trouble> {
    let mut all = Vec::new();
    for other in Client::value_variants()
        .iter()
        .filter(|one| **one != client)
    {
        let journal = setup_files::journal(root, *other)?;
        all.extend(journal.into_iter().flat_map(|journal| journal.folders));
    }
    Ok(all)
}

/// Makes a folder and those above it, and notes those that were not there before the first client was set up.
fn make_folders(
    root: &Path,
    folder: &str,
    journal: &mut Journal,
    others: &[String],
) -> Result<(), Trouble> {
    let path = below(root, folder);
    let there = path.is_dir();
    if there && !others.iter().any(|other| other == folder) {
        return Ok(());
    }
    if folder.len() > 1 {
        make_folders(root, parent(folder), journal, others)?;
    }
    if !there {
        fs::create_dir(&path).map_err(about(&path))?;
    }
    if !journal.folders.iter().any(|known| known == folder) {
        journal.folders.push(folder.to_owned());
    }
    Ok(())
}

fn write_journal(root: &Path, journal: &Journal) -> Result<(), Trouble> {
    let path = below(root, &Journal::path(journal.client));
    replace(&path, &journal.text(), Readers::Owner, |_| Ok(()))
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
    let readers = match change.secret {
        true => Readers::Owner,
        false => Readers::All,
    };
    replace(&path, &change.after, readers, |text| {
        change.format.check(text)
    })
}

/// The file itself under another name, with all that belongs to it; a copy where the file system knows no links.
fn keep(path: &Path, backup: &Path) -> Result<(), Trouble> {
    if fs::hard_link(path, backup).is_ok() {
        return Ok(());
    }
    fs::copy(path, backup).map_err(about(backup))?;
    owned_like(path, backup, Readers::All)
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Everybody; but what was there before decides.
    All,
    /// Its owner alone, whatever was there before.
    Owner,
}

/// Written beside, read back, and put in place by renaming; with the owner of what was there.
fn replace(
    path: &Path,
    text: &str,
    readers: Readers,
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
            .mode(OWNER)
            .open(&new)
            .map_err(about(&new))?;
        file.write_all(text.as_bytes()).map_err(about(&new))?;
        if readers == Readers::All {
            file.set_permissions(fs::Permissions::from_mode(ALL))
                .map_err(about(&new))?;
        }
        if path.exists() {
            owned_like(path, &new, readers)?;
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

fn owned_like(path: &Path, new: &Path, readers: Readers) -> Result<(), Trouble> {
    let meta = fs::metadata(path).map_err(about(path))?;
    if readers == Readers::All {
        fs::set_permissions(new, meta.permissions()).map_err(about(new))?;
    }
    let own = fs::metadata(new).map_err(about(new))?;
    if (own.uid(), own.gid()) == (meta.uid(), meta.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(new, Some(meta.uid()), Some(meta.gid())).map_err(about(new))
}

#[cfg(test)]
mod tests;

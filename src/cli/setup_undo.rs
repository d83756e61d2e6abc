//! Putting back what was there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::setup_files::{below, other};
use super::setup_writing::parent;
use super::wire::{Trouble, about};
use crate::clients::{CA_FOLDER, JOURNALS, Journal};
use crate::oci::Digest;

/// Puts everything back. Files that somebody changed since stop it before anything is done, unless `force`.
pub(super) fn undo(root: &Path, journal: &Journal, force: bool) -> Result<(), Trouble> {
    look(root, journal, force)?;
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

/// Whether all can be put back.
fn look(root: &Path, journal: &Journal, force: bool) -> Result<(), Trouble> {
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
    Ok(())
}

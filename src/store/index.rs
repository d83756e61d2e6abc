//! What is on disk, how large, and when it was last of use.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::oci::Digest;

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) size: u64,
    /// Greater is later.
    pub(super) used: u64,
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) blobs: HashMap<Digest, Entry>,
    pub(super) bytes: u64,
    clock: u64,
}

/// The index of complete blobs; the truth is the directory, read once at the start.
#[derive(Default)]
pub(super) struct Index(Mutex<Entries>);

impl Index {
    pub(super) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the directory. Files that are no blobs are left alone; they are not ours.
    pub(super) fn scan(blobs: &Path) -> io::Result<Index> {
        let mut found = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            let Ok(shards) = fs::read_dir(blobs.join(algorithm)) else {
                continue;
            };
            for shard in shards {
                for file in fs::read_dir(shard?.path())? {
                    let file = file?;
                    let hex = file.file_name().to_string_lossy().into_owned();
                    if let Ok(digest) = format!("{algorithm}:{hex}").parse::<Digest>() {
                        let data = file.metadata()?;
                        found.push((data.modified()?, digest, data.len()));
                    }
                }
            }
        }
        found.sort();
        let index = Index::default();
        for (_, digest, size) in found {
            index.lock().insert(digest, size);
        }
        Ok(index)
    }
}

impl Entries {
    pub(super) fn insert(&mut self, digest: Digest, size: u64) {
        self.clock += 1;
        if let Some(old) = self.blobs.insert(
            digest,
            Entry {
                size,
                used: self.clock,
            },
        ) {
            self.bytes -= old.size;
        }
        self.bytes += size;
    }

    pub(super) fn touch(&mut self, digest: &Digest) -> Option<u64> {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.blobs.get_mut(digest)?;
        entry.used = clock;
        Some(entry.size)
    }

    pub(super) fn remove(&mut self, digest: &Digest) {
        if let Some(old) = self.blobs.remove(digest) {
            self.bytes -= old.size;
        }
    }
}

/// Where a complete blob lies.
pub(super) fn blob_path(blobs: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    blobs
        .join(digest.algorithm().name())
        .join(hex.get(..2).unwrap_or("00"))
        .join(&hex)
}

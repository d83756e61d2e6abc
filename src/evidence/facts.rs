//! Facts of layers, kept: a layer is read once, whatever becomes of its bytes.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::oci::{Descriptor, Digest};
use crate::scan::{FACTS_VERSION, LayerFacts};

/// Most layers whose facts are kept: some ten kB each. The longest unchanged go first.
const MAX_KEPT: usize = 20_000;
/// Largest facts that are read back: more than a layer may leave.
const MAX_BYTES: usize = 512 << 20;

/// A folder of facts. What cannot be read in it is not there.
pub(super) struct Facts {
    folder: PathBuf,
    written: AtomicUsize,
}

/// After so many new ones the bound is looked at.
const PRUNE_EVERY: usize = 1_000;

impl Facts {
    /// In this folder, which need not be there.
    pub(super) fn in_folder(folder: &Path) -> Facts {
        let facts = Facts {
            folder: folder.to_owned(),
            written: AtomicUsize::new(0),
        };
        facts.prune();
        facts
    }

    /// The type that a manifest gives a layer, and its announcements, matter to how it is read.
    fn file(&self, layer: &Descriptor) -> PathBuf {
        let (digest, kind) = (&layer.digest, &layer.media_type);
        let read_as = format!("{FACTS_VERSION}\n{digest}\n{kind}\n{:?}", layer.annotations);
        self.folder
            .join(format!("{}.facts", Digest::of(read_as.as_bytes()).hex()))
    }

    /// Waits for the disk.
    pub(super) fn read(&self, layer: &Descriptor) -> Option<LayerFacts> {
        let packed = std::fs::read(self.file(layer)).ok()?;
        let json = zstd::bulk::decompress(&packed, MAX_BYTES).ok()?;
        let facts: LayerFacts = serde_json::from_slice(&json).ok()?;
        (facts.version == FACTS_VERSION).then_some(facts)
    }

    /// Waits for the disk. What cannot be kept is read again the next time.
    pub(super) fn keep(&self, layer: &Descriptor, facts: &LayerFacts) {
        let written = || {
            let json = serde_json::to_vec(facts).map_err(std::io::Error::other)?;
            let file = self.file(layer);
            let passing = file.with_extension(fastrand::u64(..).to_string());
            std::fs::create_dir_all(&self.folder)?;
            std::fs::write(&passing, zstd::bulk::compress(&json, 1)?)?;
            std::fs::rename(&passing, &file)
        };
        if let Err(error) = written() {
            tracing::warn!(layer = %layer.digest, %error, "the facts of a layer are not kept");
        }
        if self.written.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            self.prune();
        }
    }

    /// Removes the oldest beyond the bound, and what was never finished.
    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let finished = |path: &Path| path.extension().is_some_and(|end| end == "facts");
        let beyond = files.len().saturating_sub(MAX_KEPT);
        for (at, (_, path)) in files.iter().enumerate() {
            if at < beyond || !finished(path) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

//! Facts of layers, kept: a layer is read once, whatever becomes of its bytes.

use std::path::Path;

use crate::evidence::kept::Kept;
use crate::oci::{Descriptor, Digest};
use crate::scan::{FACTS_VERSION, LayerFacts};

/// Most layers whose facts are kept: some ten kB each. The longest unchanged go first.
const MAX_KEPT: usize = 20_000;
/// Largest facts that are read back: more than a layer may leave.
const MAX_BYTES: usize = 512 << 20;

/// A folder of facts. What cannot be read in it is not there.
pub(super) struct Facts(Kept);

impl Facts {
    /// In this folder, which need not be there.
    pub(super) fn in_folder(folder: &Path) -> Facts {
        Facts(Kept::open(folder, "facts", MAX_KEPT))
    }

    /// The type that a manifest gives a layer, and its announcements, matter to how it is read.
    fn name(layer: &Descriptor) -> String {
        let (digest, kind) = (&layer.digest, &layer.media_type);
        let read_as = format!("{FACTS_VERSION}\n{digest}\n{kind}\n{:?}", layer.annotations);
        Digest::of(read_as.as_bytes()).hex().to_owned()
    }

    /// Waits for the disk.
    pub(super) fn read(&self, layer: &Descriptor) -> Option<LayerFacts> {
        let packed = self.0.read(&Facts::name(layer))?;
        let json = zstd::bulk::decompress(&packed, MAX_BYTES).ok()?;
        let facts: LayerFacts = serde_json::from_slice(&json).ok()?;
        (facts.version == FACTS_VERSION).then_some(facts)
    }

    /// Waits for the disk. What cannot be kept is read again the next time.
    pub(super) fn keep(&self, layer: &Descriptor, facts: &LayerFacts) {
        let written = || {
            let json = serde_json::to_vec(facts).map_err(std::io::Error::other)?;
            let packed = zstd::bulk::compress(&json, 1)?;
            self.0.write(&Facts::name(layer), &packed)
        };
        if let Err(error) = written() {
            tracing::warn!(layer = %layer.digest, %error, "the facts of a layer are not kept");
        }
    }
}

//! What a virus scanner says of layers: asked while a layer passes, kept by its digest and the scanner's own version.

use std::path::Path;

use crate::evidence::clamd::{Clamd, Looked, Streamed};
use crate::evidence::kept::Kept;
use crate::oci::Digest;
use crate::policy::Viruses;

/// Most answers that are kept: an answer of some bytes a layer and version of the data, which changes daily.
const MAX_KEPT: usize = 50_000;
/// What stands for all files of a layer.
const ALL: &str = "every file";

/// A virus scanner and its answers.
pub(super) struct VirusScanner {
    clamd: Clamd,
    kept: Kept,
}

impl VirusScanner {
    pub(super) fn new(clamd: Clamd, folder: &Path) -> VirusScanner {
        let kept = Kept::open(folder, "json", MAX_KEPT);
        VirusScanner { clamd, kept }
    }

    /// The scanner's version with that of its data; waits.
    pub(super) fn version(&self) -> Result<String, String> {
        self.clamd.version().map_err(|error| error.to_string())
    }

    pub(super) fn onlooker(&self) -> Streamed {
        self.clamd.onlooker()
    }

    fn name(layer: &Digest, version: &str) -> String {
        let asked = format!("{layer}\n{version}");
        Digest::of(asked.as_bytes()).hex().to_owned()
    }

    /// What it said of a layer before; waits for the disk.
    pub(super) fn kept(&self, layer: &Digest, version: &str) -> Option<Looked> {
        let json = self.kept.read(&VirusScanner::name(layer, version))?;
        serde_json::from_slice(&json).ok()
    }

    /// Waits for the disk. What cannot be kept is asked again.
    pub(super) fn keep(&self, layer: &Digest, version: &str, looked: &Looked) {
        let written = || {
            let json = serde_json::to_vec(looked).map_err(std::io::Error::other)?;
            self.kept.write(&VirusScanner::name(layer, version), &json)
        };
        if let Err(error) = written() {
            tracing::warn!(%layer, %error, "what clamd said of a layer is not kept");
        }
    }
}

/// What it says of all layers, in the words of the policy. `why` is what kept it from looking.
pub(super) fn judged(version: String, layers: Vec<Result<Looked, String>>) -> Viruses {
    let mut viruses = Viruses {
        scanner: version,
        ..Viruses::default()
    };
    for layer in layers {
        match layer {
            Ok(looked) => {
                viruses.infected.extend(looked.infected);
                viruses.unscanned.extend(looked.unscanned);
            }
            Err(why) => viruses.unscanned.push((ALL.to_owned(), why)),
        }
    }
    viruses
}

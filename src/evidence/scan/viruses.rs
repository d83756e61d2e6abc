//! What a virus scanner says of layers: asked while a layer passes, kept by its digest and the scanner's own version.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::evidence::clamd::{Clamd, Looked, Streamed};
use crate::oci::Digest;
use crate::policy::Viruses;

/// Most answers that are kept: an answer of some bytes a layer and version of the data, which changes daily.
const MAX_KEPT: usize = 50_000;
/// What stands for all files of a layer.
const ALL: &str = "every file";

/// A virus scanner and its answers.
pub(super) struct VirusScanner {
    clamd: Clamd,
    folder: PathBuf,
}

impl VirusScanner {
    pub(super) fn new(clamd: Clamd, folder: PathBuf) -> VirusScanner {
        let scanner = VirusScanner { clamd, folder };
        scanner.prune();
        scanner
    }

    /// The scanner's version with that of its data; waits.
    pub(super) fn version(&self) -> Result<String, String> {
        self.clamd.version().map_err(|error| error.to_string())
    }

    pub(super) fn onlooker(&self) -> Streamed {
        self.clamd.onlooker()
    }

    fn file(&self, layer: &Digest, version: &str) -> PathBuf {
        let asked = format!("{layer}\n{version}");
        let name = Digest::of(asked.as_bytes()).hex();
        self.folder.join(format!("{name}.json"))
    }

    /// What it said of a layer before; waits for the disk.
    pub(super) fn kept(&self, layer: &Digest, version: &str) -> Option<Looked> {
        let json = std::fs::read(self.file(layer, version)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Waits for the disk. What cannot be kept is asked again.
    pub(super) fn keep(&self, layer: &Digest, version: &str, looked: &Looked) {
        let written = || {
            let file = self.file(layer, version);
            let passing = file.with_extension(fastrand::u64(..).to_string());
            std::fs::create_dir_all(&self.folder)?;
            let json = serde_json::to_vec(looked).map_err(std::io::Error::other)?;
            std::fs::write(&passing, json)?;
            std::fs::rename(&passing, &file)
        };
        if let Err(error) = written() {
            tracing::warn!(%layer, %error, "what clamd said of a layer is not kept");
        }
    }

    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        let finished = |path: &Path| path.extension().is_some_and(|end| end == "json");
        let beyond = files.len().saturating_sub(MAX_KEPT);
        for (at, (_, path)) in files.iter().enumerate() {
            if at < beyond || !finished(path) {
                let _ = std::fs::remove_file(path);
            }
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

//! Who looks at files while a layer passes: asked once, kept by the layer's digest and the looker's own version.

use std::path::Path;

use crate::evidence::clamd::Clamd;
use crate::evidence::kept::Kept;
use crate::evidence::looked::{Looked, Looking};
#[cfg(feature = "yara")]
use crate::evidence::yara::Yara;
use crate::oci::Digest;
use crate::policy::FileScan;
use crate::scan::Onlooker;

/// Most answers that are kept of each: an answer of some bytes a layer and version of the data, which changes daily.
const MAX_KEPT: usize = 50_000;
/// What stands for all files of a layer.
const ALL: &str = "every file";

/// What a looker said of a layer, or why it did not.
pub(super) type Answer = Result<Looked, String>;
/// The version of each looker with that of its data, or why it does not answer.
pub(super) type Versions = Vec<Result<String, String>>;

/// Who looks.
pub(super) enum Who {
    Clamd(Clamd),
    #[cfg(feature = "yara")]
    Yara(Yara),
}

/// One who looks, and what it said before.
pub(super) struct Looker {
    who: Who,
    kept: Kept,
}

impl Looker {
    /// Keeps answers in a folder of its own in `data`.
    pub(super) fn new(who: Who, data: &Path) -> Looker {
        let folder = match who {
            Who::Clamd(_) => "viruses",
            #[cfg(feature = "yara")]
            Who::Yara(_) => "yara",
        };
        let kept = Kept::open(&data.join(folder), "json", MAX_KEPT);
        Looker { who, kept }
    }

    /// Its version with that of its data; waits.
    pub(super) fn version(&self) -> Result<String, String> {
        match &self.who {
            Who::Clamd(clamd) => clamd.version().map_err(|error| error.to_string()),
            #[cfg(feature = "yara")]
            Who::Yara(yara) => Ok(yara.version().to_owned()),
        }
    }

    fn looking(&self) -> Box<dyn Looking> {
        match &self.who {
            Who::Clamd(clamd) => Box::new(clamd.onlooker()),
            #[cfg(feature = "yara")]
            Who::Yara(yara) => Box::new(yara.onlooker()),
        }
    }

    fn name(layer: &Digest, version: &str) -> String {
        let asked = format!("{layer}\n{version}");
        Digest::of(asked.as_bytes()).hex().to_owned()
    }

    fn kept(&self, layer: &Digest, version: &str) -> Option<Looked> {
        let json = self.kept.read(&Looker::name(layer, version))?;
        serde_json::from_slice(&json).ok()
    }

    /// What it says of a layer, as far as that is known without showing it; waits for the disk.
    pub(super) fn known(
        &self,
        layer: Option<&Digest>,
        version: &Result<String, String>,
    ) -> Option<Answer> {
        match version {
            Ok(version) => Some(Ok(self.kept(layer?, version)?)),
            Err(why) => Some(Err(why.clone())),
        }
    }

    /// Waits for the disk. What cannot be kept is asked again.
    pub(super) fn keep(&self, layer: &Digest, version: &Result<String, String>, answer: &Answer) {
        let (Ok(version), Ok(looked)) = (version, answer) else {
            return;
        };
        if looked.passing {
            return;
        }
        let written = || {
            let json = serde_json::to_vec(looked).map_err(std::io::Error::other)?;
            self.kept.write(&Looker::name(layer, version), &json)
        };
        if let Err(error) = written() {
            tracing::warn!(%layer, %error, "what was said of a layer's files is not kept");
        }
    }
}

/// A layer's files on their way to all who have not seen them yet.
pub(super) struct Shown(Vec<Result<Box<dyn Looking>, Answer>>);

impl Shown {
    pub(super) fn to(lookers: &[Looker], known: Vec<Option<Answer>>) -> Shown {
        let each = lookers.iter().zip(known);
        Shown(
            each.map(|(looker, known)| known.map_or_else(|| Ok(looker.looking()), Err))
                .collect(),
        )
    }

    /// Whether there is anybody to show files to.
    pub(super) fn is_watched(&self) -> bool {
        self.0.iter().any(Result::is_ok)
    }

    /// One answer of each.
    pub(super) fn finish(self) -> Vec<Answer> {
        let each = self.0.into_iter();
        each.map(|one| one.map_or_else(|known| known, |looking| looking.finish()))
            .collect()
    }
}

impl Onlooker for Shown {
    fn begin(&mut self, path: &str, size: u64) {
        for one in self.0.iter_mut().flatten() {
            one.begin(path, size);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for one in self.0.iter_mut().flatten() {
            one.bytes(bytes);
        }
    }

    fn end(&mut self) {
        for one in self.0.iter_mut().flatten() {
            one.end();
        }
    }
}

/// What all say of an image's files, in the words of the policy.
#[derive(Default)]
pub(super) struct Said {
    pub(super) viruses: Option<FileScan>,
    pub(super) yara: Option<FileScan>,
}

/// The answers about an image's layers, by looker.
pub(super) fn judged(lookers: &[Looker], versions: Versions, layers: Vec<Vec<Answer>>) -> Said {
    let mut said = Said::default();
    let mut layers: Vec<_> = layers.into_iter().map(Vec::into_iter).collect();
    for (looker, version) in lookers.iter().zip(versions) {
        let answers = layers.iter_mut().filter_map(Iterator::next);
        match &looker.who {
            Who::Clamd(_) => {
                let name = version.unwrap_or_else(|_| "clamd".to_owned());
                said.viruses = Some(together(name, answers));
            }
            #[cfg(feature = "yara")]
            Who::Yara(_) => {
                let name = Yara::name(&version.unwrap_or_default());
                said.yara = Some(together(name, answers));
            }
        }
    }
    said
}

fn together(scanner: String, layers: impl Iterator<Item = Answer>) -> FileScan {
    let mut all = FileScan {
        scanner,
        ..FileScan::default()
    };
    for layer in layers {
        match layer {
            Ok(looked) => {
                all.found.extend(looked.found);
                all.unscanned.extend(looked.unscanned);
            }
            Err(why) => all.unscanned.push((ALL.to_owned(), why)),
        }
    }
    all
}

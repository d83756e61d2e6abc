//! What a layer holds, as facts: never judged, never changed, kept by the layer's digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Paths;
use crate::oci::Digest;
use crate::scan::catalogue::{Item, Kind, System};
use crate::scan::checks::{Observed, Told};

/// The version of facts: raise it when a reader learns more, so that layers are read anew.
pub const FACTS_VERSION: u32 = 6;
/// Most programs that are told one by one which do not say what they are made of: every system without a database has
/// more, and images of a few programs have fewer.
pub(super) const MAX_UNEXPLAINED: usize = 100;
/// Most gaps that are told one by one; all are counted.
pub(super) const MAX_GAPS: usize = 100;

/// The facts of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// [`FACTS_VERSION`] of the gateway that wrote them; facts of another are none.
    pub version: u32,
    /// The digest of the unpacked tar, as image configurations name it.
    pub diff_id: Digest,
    /// How much there was.
    pub counts: Counts,
    /// The `os-release` files by path.
    pub systems: BTreeMap<String, System>,
    /// Files that name packages, none or many.
    pub found: Vec<Found>,
    /// Symbolic links at, and above, where databases and `os-release` lie: path and target.
    pub links: BTreeMap<String, String>,
    /// Write-ahead logs that are not empty: part of the databases beside them.
    pub logs: Vec<String>,
    /// What whiteouts remove from lower layers.
    pub removed: Vec<String>,
    /// Directories whose content of lower layers is gone; the root is the empty path.
    pub emptied: Vec<String>,
    /// Every path of the layer, to see what it replaces.
    pub paths: Paths,
    /// Programs and libraries that do not say what they are made of: only a database of packages could.
    pub unexplained: Told<String>,
    /// What could not be looked into.
    pub gaps: Gaps,
    /// What it shows of its author's care.
    pub observed: Observed,
}

/// Counts of a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Bytes of the layer as it was sent.
    pub compressed_bytes: u64,
    /// Bytes of its tar.
    pub tar_bytes: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// Regular files among them.
    pub files: u64,
    /// Regular files that are programs or libraries.
    pub executables: u64,
}

/// A file that names packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its path from the root.
    pub path: String,
    /// What kind of file it is.
    pub kind: Kind,
    /// What it names.
    pub packages: Vec<Item>,
    /// A package of the distribution brought it, in this layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shipped: bool,
}

/// Files that may name packages and were not understood: the inventory is incomplete by these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// All of them.
    pub count: u64,
    /// The first, with their paths.
    pub first: Vec<(String, Gap)>,
}

/// Why a file was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// Larger than is looked into.
    TooLarge,
    /// Not the format that its name says.
    Malformed,
    /// A second name of a file that was not read under its first.
    HardLink,
    /// A program of Go before 1.18, whose list of modules is found through memory only.
    OldGo,
    /// A Java archive that does not say what it is.
    Unidentified,
}

impl Gap {
    /// In words for a person, about files.
    pub fn words(self) -> &'static str {
        match self {
            Gap::TooLarge => "too large",
            Gap::Malformed => "not of the form that their names say",
            Gap::HardLink => "second names of files of another layer",
            Gap::OldGo => "programs of Go before 1.18",
            Gap::Unidentified => "Java archives that do not say what they are",
        }
    }
}

impl Gaps {
    pub(super) fn add(&mut self, path: &str, gap: Gap) {
        self.count += 1;
        if self.first.len() < MAX_GAPS {
            self.first.push((path.to_owned(), gap));
        }
    }

    /// Adds those of another layer.
    pub(crate) fn append(&mut self, other: &Gaps) {
        self.count += other.count;
        let room = MAX_GAPS.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(room).cloned());
    }
}

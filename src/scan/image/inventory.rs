//! What an image holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::Digest;
use crate::scan::catalogue::{Kind, System};
use crate::scan::checks::Observed;
use crate::scan::layer::{Gaps, LayerFacts};
use crate::scan::{Package, Place};

/// What an inventory is made from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The layers' digests and facts, base first.
    pub layers: &'a [(Digest, LayerFacts)],
    /// The digest of the image configuration: where runtimes are found.
    pub config: Digest,
    /// `NAME=value` of the image configuration.
    pub environment: &'a [String],
    /// The unpacked layers that the configuration names, base first, as it writes them.
    pub diff_ids: &'a [String],
}

/// What an image holds, as far as it tells.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The distribution; none in images from scratch.
    pub system: Option<System>,
    /// Every package, sorted.
    pub packages: Vec<Package>,
    /// Packages of languages that packages of the distribution brought, sorted: its advisories say what is wrong with
    /// those, and it puts fixes into old versions.
    pub shipped: Vec<Package>,
    /// The databases of distributions, and how they were written.
    pub databases: BTreeMap<Place, Kind>,
    /// Programs and libraries, of all layers, those that higher ones removed included.
    pub executables: u64,
    /// What could not be looked into.
    pub gaps: Gaps,
    /// What the layers show of their author's care, without what higher ones removed; but for secrets, which are
    /// pulled all the same.
    pub observed: Observed,
    /// Files with secrets that a higher layer removed or replaced.
    pub buried: BTreeSet<String>,
}

/// How much an inventory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Packages are known.
    Packages,
    /// No packages are known and no programs are there: certificates, configuration, data.
    Nothing,
    /// Programs are there and nothing says what they are made of: never to be called clean.
    Unknown,
}

impl Inventory {
    /// All packages, whoever's advisories count for them.
    pub fn all(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().chain(&self.shipped)
    }

    /// How much this says: for a static program on an empty base, that no packages are known.
    pub fn answer(&self) -> Answer {
        match (self.packages.is_empty(), self.executables) {
            (false, _) => Answer::Packages,
            (true, 0) => Answer::Nothing,
            (true, _) => Answer::Unknown,
        }
    }
}

//! What an image holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::Digest;
use crate::scan::catalogue::{Kind, System};
use crate::scan::checks::{Observed, Told};
use crate::scan::layer::{Gaps, LayerFacts};
use crate::scan::{Ecosystem, Package, Place};

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
    /// Programs and libraries that do not say what they are made of, without those that higher layers removed.
    pub unexplained: Told<String>,
    /// Whether a database of the distribution is there, and names packages.
    pub managed: bool,
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
    /// Some packages are known. Beside them are programs of which nothing says what they are made of.
    Partly,
    /// Programs are there and nothing says what they are made of: never to be called clean.
    Unknown,
}

impl Inventory {
    /// All packages, whoever's advisories count for them.
    pub fn all(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().chain(&self.shipped)
    }

    /// How much this says. A database of packages speaks for all programs; without one, each for itself.
    ///
    /// Where a distribution is named its database was there once: without it nothing is known of what it brought. What
    /// an image only claims, in its environment or Bitnami's documents, explains no program.
    pub fn answer(&self) -> Answer {
        let installed = |package: &Package| package.ecosystem != Ecosystem::Bitnami;
        match (self.managed, self.unexplained.count()) {
            (true, _) => Answer::Packages,
            (false, 0) if self.packages.is_empty() => Answer::Nothing,
            (false, 0) => Answer::Packages,
            (false, _) if self.system.is_none() && self.packages.iter().any(installed) => {
                Answer::Partly
            }
            (false, _) => Answer::Unknown,
        }
    }
}

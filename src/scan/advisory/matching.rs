//! Packages against advisories.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::exploited::Exploited;
use super::index::{Index, IndexError};
use super::lookup::{Facts, Lookup, Row};
use super::range::Affects;
use super::severity::{Rating, Severity};
use crate::oci::Digest;
use crate::scan::ecosystem::Ecosystem;
use crate::scan::package::Package;
use crate::scan::version::{Incomparable, Rule, compare};

/// Most matches of one image. The worst of real ones have some ten thousand.
const MAX_MATCHES: usize = 200_000;

/// All index files of a folder, and what is known of exploitation. The default has neither: nothing is covered.
#[derive(Default)]
pub struct Advisories {
    indexes: BTreeMap<String, Index>,
    exploited: Exploited,
}

/// A package that an advisory means.
#[derive(Clone, Debug, PartialEq)]
pub struct Match<'a> {
    /// The package.
    pub package: &'a Package,
    /// The advisory.
    pub id: String,
    /// Its other names, CVEs among them.
    pub aliases: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// The CVSS base score in tenths.
    pub score_tenths: Option<u8>,
    /// The least version that is fixed; none if there is no fix.
    pub fixed: Option<String>,
    /// One line for a person.
    pub summary: String,
    /// A package made to do harm.
    pub malicious: bool,
    /// Known to be exploited.
    pub kev: bool,
    /// Probability of exploitation in the next 30 days.
    pub epss: Option<f32>,
    /// When the advisory was published.
    pub published: Option<Timestamp>,
    /// The version could not be compared with the advisory's, so it is taken to be meant.
    pub unsure: Option<Incomparable>,
}

/// Packages of which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// Whose they are.
    pub ecosystem: Ecosystem,
    /// How many.
    pub packages: usize,
}

/// What is known about packages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report<'a> {
    /// What was found, each package and advisory once, by package and id.
    pub matches: Vec<Match<'a>>,
    /// Ecosystems without data: their packages are not clean, they are unknown.
    pub uncovered: Vec<Uncovered>,
}

impl Advisories {
    /// Opens all index files of `folder`. One that is damaged is an error, not an ecosystem less.
    ///
    /// # Errors
    /// If the folder or a file in it cannot be read.
    pub fn open(folder: &Path, exploited: Exploited) -> Result<Advisories, IndexError> {
        let failed = |error| IndexError::Io(folder.to_owned(), error);
        let mut indexes = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|end| end == "advisories") {
                let index = Index::open(&path)?;
                let name = Ecosystem::named(&index.header().ecosystem).index_file();
                if path.file_name().is_none_or(|found| *found != *name) {
                    return Err(IndexError::Damaged(
                        path,
                        "it bears the name of another ecosystem",
                    ));
                }
                indexes.insert(index.header().ecosystem.clone(), index);
            }
        }
        Ok(Advisories { indexes, exploited })
    }

    /// The indexes, by ecosystem.
    pub fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.values()
    }

    /// What is known of exploitation.
    pub fn exploited(&self) -> &Exploited {
        &self.exploited
    }

    /// The identity of all data: when it changes, findings are to be made anew.
    pub fn digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        for index in self.indexes.values() {
            hasher.update(index.digest().to_string());
        }
        self.exploited.hash(&mut hasher);
        Digest::Sha256(hasher.finalize().into())
    }

    /// What is wrong with packages, and which of them nothing is known about.
    ///
    /// It may wait for the disk: call it where waiting is allowed.
    ///
    /// # Errors
    /// If an index is not what was written, or more is found than in any real image.
    pub fn findings<'a>(&self, packages: &'a [Package]) -> Result<Report<'a>, IndexError> {
        let mut lookups: BTreeMap<&str, Lookup<'_>> = BTreeMap::new();
        let mut covered: BTreeMap<&Ecosystem, bool> = BTreeMap::new();
        let mut uncovered: BTreeMap<&Ecosystem, usize> = BTreeMap::new();
        let mut matches = Vec::new();
        for package in packages {
            let ecosystem = &package.ecosystem;
            let mut is_covered = |index: &&Index| {
                *covered
                    .entry(ecosystem)
                    .or_insert_with(|| index.covers(ecosystem))
            };
            let index = self.indexes.get(ecosystem.base());
            let (Some(index), Some(rule)) = (index.filter(&mut is_covered), ecosystem.rule())
            else {
                *uncovered.entry(ecosystem).or_default() += 1;
                continue;
            };
            let lookup = match lookups.entry(ecosystem.base()) {
                btree_map::Entry::Occupied(open) => open.into_mut(),
                btree_map::Entry::Vacant(free) => free.insert(Lookup::of(index)?),
            };
            let mut found = BTreeMap::new();
            for (name, version) in names(package) {
                for block in lookup.blocks(ecosystem, name)? {
                    hits(&block.rows(index)?, rule, version, &mut found);
                }
            }
            for (number, hit) in found {
                if matches.len() == MAX_MATCHES {
                    return Err(IndexError::TooMany);
                }
                matches.push(self.joined(package, lookup.facts(number)?, hit));
            }
        }
        let uncovered = uncovered
            .into_iter()
            .map(|(ecosystem, packages)| Uncovered {
                ecosystem: ecosystem.clone(),
                packages,
            });
        Ok(Report {
            matches,
            uncovered: uncovered.collect(),
        })
    }

    fn joined<'a>(&self, package: &'a Package, facts: Facts, hit: Hit) -> Match<'a> {
        let ids = || facts.aliases.iter().chain([&facts.id]).map(String::as_str);
        Match {
            package,
            severity: hit.rating.severity,
            score_tenths: hit.rating.tenths,
            fixed: hit.fixed,
            unsure: hit.unsure,
            malicious: facts.malicious,
            kev: self.exploited.kev(ids()),
            epss: self.exploited.epss(ids()),
            published: facts.published,
            id: facts.id,
            aliases: facts.aliases,
            summary: facts.summary,
        }
    }
}

/// The names and versions under which advisories may mean a package: some name the binary, some its source.
fn names(package: &Package) -> impl Iterator<Item = (&str, &str)> {
    let own = (package.name.as_str(), package.version.as_str());
    let source = package.source.as_ref();
    let source = source.map(|(name, version)| (name.as_str(), version.as_str()));
    [own]
        .into_iter()
        .chain(source.filter(|source| *source != own))
}

/// What the rows of an advisory say of a package.
struct Hit {
    rating: Rating,
    fixed: Option<String>,
    unsure: Option<Incomparable>,
}

/// Puts the advisories that mean `version` into `found`, by number.
fn hits(rows: &[Row<'_>], rule: Rule, version: &str, found: &mut BTreeMap<u64, Hit>) {
    for row in rows {
        let (fixed, unsure) = match row.versions.affect(rule, version) {
            Affects::No => continue,
            Affects::Yes { fixed } => (fixed.map(str::to_owned), None),
            Affects::Unsure(why) => (None, Some(why)),
        };
        if fixed_in_another_stream(rows, row.number, rule, version) {
            continue;
        }
        let new = Hit {
            rating: row.rating,
            fixed,
            unsure,
        };
        match found.entry(row.number) {
            btree_map::Entry::Vacant(free) => {
                free.insert(new);
            }
            btree_map::Entry::Occupied(mut known) => known.get_mut().merge(new, rule),
        }
    }
}

/// An advisory about a module has a row for each of its streams, with a fixed build each: whoever has one of those
/// builds has the fix, even if another stream's has a higher number.
fn fixed_in_another_stream(rows: &[Row<'_>], number: u64, rule: Rule, version: &str) -> bool {
    let module = rule == Rule::Rpm && version.contains(".module");
    let mut same = rows.iter().filter(|row| row.number == number);
    module && same.any(|row| row.versions.fixed_at(rule, version))
}

impl Hit {
    /// The worst rating, the nearest fix; sure if one row is.
    fn merge(&mut self, other: Hit, rule: Rule) {
        self.rating.severity = self.rating.severity.max(other.rating.severity);
        self.rating.tenths = self.rating.tenths.max(other.rating.tenths);
        self.unsure = self.unsure.and(other.unsure);
        self.fixed = match (self.fixed.take(), other.fixed) {
            (Some(a), Some(b)) if compare(rule, &b, &a) == Ok(Ordering::Less) => Some(b),
            (a, b) => a.or(b),
        };
    }
}

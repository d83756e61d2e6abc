//! What is known about what is in an image, in the words of the policy.

use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::hygiene;
use super::lookers::Said;
use crate::policy::{
    AskedAdvisories, Contents, Severity, Uncovered, Unexplained, Unread, Vulnerability,
};
use crate::scan::{self, Answer, Gaps, Inventory, Match, Report, Rule, System, compare};

use crate::evidence::advisories::Current;

/// Most files of a kind whose names are told.
const MAX_NAMED: usize = 10;

/// What is known about an inventory.
pub(super) fn judged(
    inventory: &Inventory,
    current: &Current,
    asked: &[String],
    missing: &BTreeMap<String, String>,
    said: Said,
) -> Result<Contents, String> {
    let advisories = current.advisories.as_ref().map_err(Clone::clone)?;
    let found = |packages| {
        advisories
            .findings(packages)
            .map_err(|error| error.to_string())
    };
    let mut report = found(&inventory.packages)?;
    // What a package of the distribution brought is the distribution's to judge, but not what was made to do harm: anybody
    // can write a list of files. Only what is here is asked, for nothing is fetched for it.
    let brought = found(&inventory.shipped)?.matches;
    report
        .matches
        .extend(brought.into_iter().filter(|one| one.malicious));
    let uncovered = report.uncovered.iter().map(|one| Uncovered {
        ecosystem: one.ecosystem.to_string(),
        packages: one.packages,
        why: missing.get(one.ecosystem.base()).cloned(),
    });
    let indexes = advisories.indexes();
    let asked = indexes.filter(|index| asked.contains(&index.header().ecosystem));
    let asked = asked.filter_map(|index| {
        let ecosystem = &index.header().ecosystem;
        Some(AskedAdvisories {
            ecosystem: ecosystem.clone(),
            fetched: *current.fetched.get(ecosystem)?,
            newest: index.header().watermark,
            digest: index.digest(),
        })
    });
    Ok(Contents {
        packages: inventory.packages.len(),
        names: names(inventory),
        unexplained: unexplained(inventory),
        unread: unread(&inventory.gaps),
        uncovered: uncovered.collect(),
        asked: asked.collect(),
        scored: advisories.exploited().is_scored(),
        hygiene: hygiene::judged(inventory, said),
        vulnerabilities: vulnerabilities(&report),
    })
}

fn unexplained(inventory: &Inventory) -> Unexplained {
    let named = |system: &System| match system.pretty_name.as_str() {
        "" => system.id.clone(),
        name => name.to_owned(),
    };
    let programs = &inventory.unexplained;
    match (inventory.answer(), &inventory.system) {
        (Answer::Packages | Answer::Nothing, _) => Unexplained::Nothing,
        (Answer::Partly, _) => {
            let first = programs.first.iter().take(MAX_NAMED).cloned();
            Unexplained::Beside(programs.count(), first.collect())
        }
        (Answer::Unknown, Some(system)) => Unexplained::Of(named(system)),
        (Answer::Unknown, None) => Unexplained::All,
    }
}

/// Files that may name packages, by what was wrong with them.
fn unread(gaps: &Gaps) -> Vec<Unread> {
    let mut reasons: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (path, gap) in &gaps.first {
        reasons.entry(gap.words()).or_default().push(path);
    }
    let told = reasons.into_iter().map(|(why, paths)| Unread {
        why: why.to_owned(),
        count: paths.len() as u64,
        first: paths.into_iter().take(MAX_NAMED).cloned().collect(),
    });
    let more = gaps.count.saturating_sub(gaps.first.len() as u64);
    let more = (more > 0).then(|| Unread {
        why: "only counted".to_owned(),
        count: more,
        first: Vec::new(),
    });
    told.chain(more).collect()
}

/// Names and versions of packages and of their sources, each once.
fn names(inventory: &Inventory) -> Vec<(String, String)> {
    let own = inventory.packages.iter().flat_map(|package| {
        let own = (package.name.clone(), package.version.clone());
        std::iter::once(own).chain(package.source.clone())
    });
    let names: BTreeSet<(String, String)> = own.collect();
    names.into_iter().collect()
}

/// One for each vulnerability and file, worst first. Packages built from one source share their advisories; several
/// advisories about the same CVEs, of one database or of two, are one vulnerability.
fn vulnerabilities(report: &Report<'_>) -> Vec<Vulnerability> {
    let mut advisories: BTreeMap<(&str, &scan::Place, Option<&str>), Found> = BTreeMap::new();
    for one in &report.matches {
        let package = one.package;
        let key = (one.id.as_str(), &package.found, one.fixed.as_deref());
        let found = advisories.entry(key).or_insert_with(|| Found::new(one));
        let vulnerability = &mut found.vulnerability;
        vulnerability.severity = vulnerability.severity.max(severity(one.severity));
        vulnerability.unsure &= one.unsure.is_some();
        let named = (package.name.clone(), package.version.clone());
        if !vulnerability.packages.contains(&named) {
            vulnerability.packages.push(named);
            vulnerability.purls.push(package.purl());
        }
    }
    let mut merged: BTreeMap<_, Found> = BTreeMap::new();
    for found in advisories.into_values() {
        match merged.entry(found.sameness()) {
            Entry::Vacant(free) => drop(free.insert(found)),
            Entry::Occupied(mut known) => known.get_mut().merge(found),
        }
    }
    let found = merged.into_values().map(|found| found.vulnerability);
    let mut found: Vec<Vulnerability> = found.collect();
    found.sort_by_key(|one| {
        let id = one.ids.first().cloned();
        (
            std::cmp::Reverse((one.malicious, one.exploited, one.severity)),
            id,
        )
    });
    found
}

/// An advisory that means packages of one file, and how their versions compare.
struct Found {
    vulnerability: Vulnerability,
    rule: Option<Rule>,
}

impl Found {
    fn new(one: &Match<'_>) -> Found {
        Found {
            vulnerability: vulnerability(one),
            rule: one.package.ecosystem.rule(),
        }
    }

    /// What advisories have in common that are about the same: file, packages, and CVEs or, without any, names.
    fn sameness(&self) -> (String, Vec<(String, String)>, Vec<String>) {
        let one = &self.vulnerability;
        let cves = one.ids.iter().filter(|id| id.starts_with("CVE-"));
        let mut ids: Vec<String> = cves.cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            ids.extend(one.ids.iter().min().cloned());
        }
        (one.path.clone(), one.packages.clone(), ids)
    }

    /// The stricter word of both. Of two fixes the later one, for whoever has the earlier is told of the other; one that
    /// only one advisory knows is a fix.
    fn merge(&mut self, other: Found) {
        let (one, other) = (&mut self.vulnerability, other.vulnerability);
        for id in other.ids {
            if !one.ids.contains(&id) {
                one.ids.push(id);
            }
        }
        if one.summary.is_empty() {
            one.summary = other.summary;
        }
        one.severity = one.severity.max(other.severity);
        one.malicious |= other.malicious;
        one.exploited |= other.exploited;
        one.unsure &= other.unsure;
        one.epss = one.epss.max(other.epss);
        one.published = one.published.min(other.published);
        one.fixed = match (one.fixed.take(), other.fixed) {
            (Some(a), Some(b)) => {
                let later = self.rule.and_then(|rule| compare(rule, &a, &b).ok());
                Some(if later == Some(Ordering::Less) { b } else { a })
            }
            (a, b) => a.or(b),
        };
    }
}

fn vulnerability(one: &Match<'_>) -> Vulnerability {
    let ids = std::iter::once(&one.id).chain(&one.aliases);
    Vulnerability {
        ids: ids.cloned().collect(),
        severity: severity(one.severity),
        packages: Vec::new(),
        purls: Vec::new(),
        by: Vec::new(),
        path: one.package.found.path.clone(),
        fixed: one.fixed.clone(),
        summary: one.summary.clone(),
        malicious: one.malicious,
        exploited: one.kev,
        epss: one.epss.map(|score| (score * 10_000.0).round() as u16),
        published: one.published,
        unsure: one.unsure.is_some(),
    }
}

fn severity(severity: scan::Severity) -> Severity {
    match severity {
        scan::Severity::Unknown => Severity::Unknown,
        scan::Severity::Negligible => Severity::Negligible,
        scan::Severity::Low => Severity::Low,
        scan::Severity::Medium => Severity::Medium,
        scan::Severity::High => Severity::High,
        scan::Severity::Critical => Severity::Critical,
    }
}

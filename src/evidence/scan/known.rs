//! What is known about what is in an image, in the words of the policy.

use std::collections::BTreeMap;

use super::hygiene;
use crate::policy::{Contents, Severity, Uncovered, Viruses, Vulnerability};
use crate::scan::{self, Answer, Inventory, Match, Report};

use crate::evidence::advisories::Current;

/// What is known about an inventory.
pub(super) fn judged(
    inventory: &Inventory,
    current: &Current,
    asked: &[String],
    missing: &BTreeMap<String, String>,
    viruses: Option<Viruses>,
) -> Result<Contents, String> {
    let advisories = current.advisories.as_ref().map_err(Clone::clone)?;
    let report = advisories
        .findings(&inventory.packages)
        .map_err(|error| error.to_string())?;
    let uncovered = report.uncovered.iter().map(|one| Uncovered {
        ecosystem: one.ecosystem.to_string(),
        packages: one.packages,
        why: missing.get(one.ecosystem.base()).cloned(),
    });
    let asked = asked.iter().filter_map(|ecosystem| {
        let fetched = current.fetched.get(ecosystem)?;
        Some((ecosystem.clone(), *fetched))
    });
    Ok(Contents {
        packages: inventory.packages.len(),
        unidentified: inventory.answer() == Answer::Unknown,
        uncovered: uncovered.collect(),
        asked: asked.collect(),
        scored: advisories.exploited().is_scored(),
        hygiene: hygiene::judged(inventory, viruses),
        vulnerabilities: vulnerabilities(&report),
    })
}

/// One for each advisory and file, worst first: packages built from one source share their advisories.
fn vulnerabilities(report: &Report<'_>) -> Vec<Vulnerability> {
    let mut found: BTreeMap<(&str, &scan::Place, Option<&str>), Vulnerability> = BTreeMap::new();
    for one in &report.matches {
        let package = one.package;
        let key = (one.id.as_str(), &package.found, one.fixed.as_deref());
        let vulnerability = found.entry(key).or_insert_with(|| vulnerability(one));
        vulnerability.severity = vulnerability.severity.max(severity(one.severity));
        vulnerability.unsure &= one.unsure.is_some();
        let named = (package.name.clone(), package.version.clone());
        if !vulnerability.packages.contains(&named) {
            vulnerability.packages.push(named);
        }
    }
    let mut found: Vec<Vulnerability> = found.into_values().collect();
    found.sort_by_key(|one| std::cmp::Reverse((one.malicious, one.exploited, one.severity)));
    found
}

fn vulnerability(one: &Match<'_>) -> Vulnerability {
    let ids = std::iter::once(&one.id).chain(&one.aliases);
    Vulnerability {
        ids: ids.cloned().collect(),
        severity: severity(one.severity),
        packages: Vec::new(),
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

//! For programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::care::care;
use super::{Survey, word};
use crate::policy::{Unexplained, Vulnerability};

/// One object: what the image is, what was asked about it, and all that was found.
pub fn json(survey: &Survey) -> Value {
    let contents = &survey.contents;
    let system = survey.inventory.system.as_ref();
    let asked = contents.asked.iter().map(|one| {
        let told = json!({ "fetched": one.fetched, "newest": one.newest, "digest": one.digest });
        (one.ecosystem.as_str(), told)
    });
    let asked: BTreeMap<&str, Value> = asked.collect();
    let uncovered = contents
        .uncovered
        .iter()
        .map(|one| json!({ "ecosystem": one.ecosystem, "packages": one.packages, "why": one.why }));
    let unread = contents.unread.iter();
    let unread =
        unread.map(|one| json!({ "why": one.why, "files": one.count, "first": one.first }));
    let care = care(survey);
    let care = care
        .into_iter()
        .map(|seen| json!({ "kind": seen.kind, "path": seen.path, "message": seen.message }));
    json!({
        "target": survey.target,
        "platform": survey.platform.to_string(),
        "manifest": survey.manifest,
        "config": survey.config,
        "layers": survey.layers,
        "system": system.map(|system| &system.pretty_name),
        "packages": contents.packages,
        "unidentified": contents.unexplained.is_unknown(),
        "unexplained": told(&contents.unexplained),
        "unread": unread.collect::<Vec<_>>(),
        "advisories": asked,
        "uncovered": uncovered.collect::<Vec<_>>(),
        "vulnerabilities": contents.vulnerabilities.iter().map(vulnerability).collect::<Vec<_>>(),
        "care": care.collect::<Vec<_>>(),
    })
}

/// The programs of which nothing says what they are made of, in a sentence; null if there are none.
fn told(unexplained: &Unexplained) -> Option<String> {
    (*unexplained != Unexplained::Nothing).then(|| unexplained.to_string())
}

fn vulnerability(one: &Vulnerability) -> Value {
    let packages = one.packages.iter();
    let packages = packages.map(|(name, version)| json!({ "name": name, "version": version }));
    json!({
        "id": one.ids.first(),
        "aliases": one.ids.get(1..).unwrap_or_default(),
        "severity": word(one.severity),
        "packages": packages.collect::<Vec<_>>(),
        "path": one.path,
        "fixed": one.fixed,
        "summary": one.summary,
        "exploited": one.exploited,
        "malicious": one.malicious,
        "unsure": one.unsure,
        "epss": one.epss.map(|score| f64::from(score) / 10_000.0),
        "published": one.published.map(|at| at.to_string()),
    })
}

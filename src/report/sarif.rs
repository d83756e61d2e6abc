//! SARIF 2.1.0 (OASIS), as code hosts take it: a rule for each advisory, a result for each place.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::care::{care, unknown};
use super::{ADVISORIES, Survey, TOOL, VERSION, known_as, word};
use crate::oci::Digest;
use crate::policy::{Severity, Vulnerability};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One document about all images.
pub fn sarif(surveys: &[Survey]) -> Value {
    let mut rules = BTreeMap::new();
    let mut results = Vec::new();
    for survey in surveys {
        for one in &survey.contents.vulnerabilities {
            rules
                .entry(known_as(one).to_owned())
                .or_insert_with(|| rule(one));
            results.push(result(survey, one));
        }
        for seen in care(survey).into_iter().chain(unknown(survey)) {
            let path = seen.path.unwrap_or_default();
            rules.entry(seen.kind.to_owned()).or_insert_with(|| {
                json!({
                    "id": seen.kind,
                    "shortDescription": { "text": seen.kind },
                    "properties": { "tags": ["security"] },
                })
            });
            let message = match path.as_str() {
                "" => seen.message,
                path => format!("{path}: {}", seen.message),
            };
            results.push(about(survey, seen.kind, "warning", &message, &path));
        }
    }
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": TOOL,
                "version": VERSION,
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "results": results,
        }],
    })
}

fn rule(one: &Vulnerability) -> Value {
    let id = known_as(one);
    let own = one.ids.first().map_or(id, String::as_str);
    let summary = if one.summary.is_empty() {
        id
    } else {
        one.summary.as_str()
    };
    let fix = match &one.fixed {
        Some(fixed) => format!("Fixed in {fixed}."),
        None => "No fix is known.".to_owned(),
    };
    json!({
        "id": id,
        "name": id,
        "shortDescription": { "text": summary },
        "help": {
            "text": format!("{summary}\n{fix}\n{ADVISORIES}{own}"),
            "markdown": format!("{summary}\n\n{fix}\n\n[{own}]({ADVISORIES}{own})"),
        },
        "helpUri": format!("{ADVISORIES}{own}"),
        "properties": {
            "tags": ["security", "vulnerability", word(one.severity)],
            "precision": if one.unsure { "medium" } else { "high" },
            "security-severity": score(one.severity),
        },
    })
}

/// Code hosts show a number: the middle of what the word stands for in CVSS.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Negligible | Severity::Unknown => "0.0",
    }
}

fn result(survey: &Survey, one: &Vulnerability) -> Value {
    let level = match one.severity {
        _ if one.malicious || one.exploited => "error",
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::Negligible => "note",
    };
    let packages = one.packages.iter();
    let packages: Vec<String> = packages
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let fix = match &one.fixed {
        Some(fixed) => format!("; fixed in {fixed}"),
        None => String::new(),
    };
    let message = format!(
        "{}, {}, in {} of {}{fix}",
        known_as(one),
        word(one.severity),
        packages.join(", "),
        one.path
    );
    about(survey, known_as(one), level, &message, &one.path)
}

/// The fingerprint stays when the image is built anew: a known result is not reported again.
fn about(survey: &Survey, rule: &str, level: &str, message: &str, path: &str) -> Value {
    let same = Digest::of(format!("{}\n{rule}\n{path}\n{message}", survey.target).as_bytes());
    // A result about no file is about the image.
    let place = if path.is_empty() {
        survey.target.as_str()
    } else {
        path
    };
    json!({
        "ruleId": rule,
        "level": level,
        "message": { "text": message },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(place) },
                "region": { "startLine": 1 },
            },
            "message": { "text": format!("{} ({})", survey.target, survey.platform) },
        }],
        "partialFingerprints": { "lazaret/v1": same.hex() },
    })
}

fn uri(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(path, PLAIN).to_string()
}

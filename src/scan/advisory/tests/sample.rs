//! Real records, where a sample of them lies beside the project, against OSV's own algorithm.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::package;
use crate::scan::advisory::{Advisories, Exploited, Header, Record, build};
use crate::scan::{Ecosystem, Rule, compare};

/// OSV's own algorithm, over JSON: sort the events, walk them (OSV schema, "Evaluation").
fn affected_by_the_book(affected: &Value, rule: Rule, version: &str) -> Option<bool> {
    let listed = affected["versions"].as_array().into_iter().flatten();
    let mut vulnerable = listed.clone().any(|listed| {
        listed == version || compare(rule, listed.as_str().unwrap(), version) == Ok(Ordering::Equal)
    });
    for range in affected["ranges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|range| range["type"] != "GIT")
    {
        let mut events: Vec<(&str, &str)> = range["events"]
            .as_array()?
            .iter()
            .flat_map(|event| {
                event
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(kind, at)| (kind.as_str(), at.as_str().unwrap()))
            })
            .collect();
        let order = |a: &str, b: &str| match (a, b) {
            ("0", "0") => Ordering::Equal,
            ("0", _) => Ordering::Less,
            (_, "0") => Ordering::Greater,
            _ => compare(rule, a, b).unwrap_or(Ordering::Equal),
        };
        events.sort_by(|a, b| order(a.1, b.1));
        let mut inside = false;
        for (kind, at) in events {
            let order = if at == "0" {
                Ordering::Greater
            } else {
                compare(rule, version, at).ok()?
            };
            match kind {
                "introduced" if order.is_ge() => inside = true,
                "fixed" if order.is_ge() => inside = false,
                "last_affected" if order.is_gt() => inside = false,
                _ => {}
            }
        }
        vulnerable |= inside;
    }
    Some(vulnerable)
}

#[test]
fn real_records_match_as_the_schema_says() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/osv-sample.jsonl.zst");
    if !sample.is_file() {
        println!(
            "SKIPPED: no sample of real records beside the project, at {}",
            sample.display()
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let built = build(&sample, None, folder.path()).unwrap();
    let took = started.elapsed();
    assert_eq!(built.malformed, 0);
    let size: u64 = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    let sum = |count: fn(&Header) -> u64| built.headers.iter().map(count).sum::<u64>();
    println!(
        "{} records, {} rows: built in {took:.1?}, {size} bytes",
        sum(|h| h.records),
        sum(|h| h.rows)
    );
    let advisories = Advisories::open(folder.path(), Exploited::default()).unwrap();
    let text = zstd::decode_all(fs::File::open(&sample).unwrap()).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .step_by(SAMPLE_STEP)
    {
        let record: Value = serde_json::from_slice(line).unwrap();
        let id = record["id"].as_str().unwrap();
        let counts = Record::parse(line).unwrap().counts();
        let all = record["affected"].as_array().unwrap();
        for affected in all
            .iter()
            .filter(|affected| affected["package"].is_object())
            .take(8)
        {
            let (ecosystem, name) = (
                affected["package"]["ecosystem"].as_str().unwrap(),
                affected["package"]["name"].as_str().unwrap(),
            );
            let rule = Ecosystem::named(ecosystem).rule().unwrap();
            let same: Vec<&Value> = all
                .iter()
                .filter(|other| other["package"] == affected["package"])
                .collect();
            for version in versions(affected) {
                let expected = same
                    .iter()
                    .any(|affected| affected_by_the_book(affected, rule, &version) != Some(false));
                let packages = [package(ecosystem, name, &version)];
                let report = advisories.findings(&packages).unwrap();
                let got = report.matches.iter().any(|found| found.id == id);
                checked += 1;
                let module = version.contains(".module");
                if got != (expected && counts) && !(module && expected) {
                    wrong.push(format!(
                        "{id} {ecosystem} {name} {version}: found {got}, by the book {expected}"
                    ));
                }
            }
        }
    }
    println!("{checked} versions of real records looked up");
    assert!(checked > 10_000 / SAMPLE_STEP);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Every so manieth record is looked up: all of them take minutes unoptimized.
const SAMPLE_STEP: usize = if cfg!(debug_assertions) { 41 } else { 1 };

/// The versions at which a record changes its mind, and some of those that it lists.
fn versions(affected: &Value) -> Vec<String> {
    let events = affected["ranges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|range| range["type"] != "GIT");
    let events = events.flat_map(|range| range["events"].as_array().unwrap());
    let at = events.flat_map(|event| event.as_object().unwrap().values());
    let listed = affected["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .take(6);
    let versions = at
        .chain(listed)
        .map(|version| version.as_str().unwrap().to_owned());
    versions.filter(|version| version != "0").take(24).collect()
}

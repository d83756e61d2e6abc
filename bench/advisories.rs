//! What an index of advisories costs: to build, on disk, to open cold, and to look 400 packages up in.
//!
//! `cargo bench --bench advisories` uses the sample of real records that lies beside the project; with `-- --scale 45`
//! so many renamed copies of it, as many rows as all of OSV has.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that panics is a bench that says where"
)]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lazaret::oci::Digest;
use lazaret::scan::{Advisories, Builder, Ecosystem, Exploited, Package, Place, compare};
use serde_json::Value;

/// Packages looked up at once: an image of a distribution with a runtime.
const PACKAGES: usize = 400;
/// Rounds of each measurement; the median counts.
const ROUNDS: usize = 9;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let scale = arguments.iter().position(|argument| argument == "--scale");
    let scale: usize = scale.map_or(1, |at| arguments[at + 1].parse().unwrap());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/osv-sample.jsonl.zst");
    let Ok(file) = fs::File::open(&sample) else {
        println!("no sample of records beside the project: nothing measured");
        return;
    };
    let text = zstd::decode_all(file).unwrap();
    let records: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("advisories");
    let _ = fs::remove_dir_all(&folder);

    let started = Instant::now();
    let mut builder = Builder::new(None);
    for record in &records {
        builder.add(record);
    }
    for copy in 1..scale {
        for record in &records {
            builder.add(&renamed(record, copy));
        }
    }
    let added = started.elapsed();
    let built = builder.finish(Digest::of(&text), &folder).unwrap();
    let took = started.elapsed();
    let sum =
        |count: fn(&lazaret::scan::Header) -> u64| built.headers.iter().map(count).sum::<u64>();
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let size: u64 = files
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    println!(
        "records {} | packages {} | rows {}",
        sum(|h| h.records),
        sum(|h| h.packages),
        sum(|h| h.rows)
    );
    println!(
        "build {took:.2?}, of which reading {added:.2?} | {:.2} MB in {} files",
        size as f64 / 1e6,
        files.len()
    );

    let packages = packages(&records);
    let (mut opened, mut cold, mut warm, mut matches) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        for file in &files {
            // Opening a file so makes the kernel forget its pages.
            let forgotten = Command::new("dd")
                .arg(format!("if={}", file.display()))
                .args(["iflag=nocache", "count=0"])
                .output();
            assert!(forgotten.unwrap().status.success());
        }
        let started = Instant::now();
        let advisories = Advisories::open(&folder, Exploited::default()).unwrap();
        opened.push(started.elapsed());
        for times in [&mut cold, &mut warm] {
            let started = Instant::now();
            matches = advisories.findings(&packages).unwrap().matches.len();
            times.push(started.elapsed());
        }
    }
    println!(
        "open cold {:.2?} | {} packages cold {:.2?}, warm {:.2?}, {matches} matches | resident {} MiB",
        median(opened),
        packages.len(),
        median(cold),
        median(warm),
        resident().unwrap_or(0),
    );
}

/// A copy of a record about packages of other names.
fn renamed(record: &[u8], copy: usize) -> Vec<u8> {
    let mut record: Value = serde_json::from_slice(record).unwrap();
    record["id"] = format!("{}-{copy}", record["id"].as_str().unwrap()).into();
    for affected in record["affected"].as_array_mut().unwrap() {
        if let Some(name) = affected.pointer_mut("/package/name") {
            *name = format!("{}-{copy}", name.as_str().unwrap()).into();
        }
    }
    serde_json::to_vec(&record).unwrap()
}

/// Packages of the records, evenly taken, each once, at the newest version that an advisory calls fixed or at the
/// oldest, turn about.
fn packages(records: &[&[u8]]) -> Vec<Package> {
    let mut all: BTreeMap<(Ecosystem, String), Vec<String>> = BTreeMap::new();
    for record in records {
        let record: Value = serde_json::from_slice(record).unwrap();
        for affected in record["affected"].as_array().unwrap() {
            let events = affected
                .pointer("/ranges/0/events")
                .and_then(Value::as_array);
            let fixed =
                events.and_then(|events| events.iter().find_map(|event| event["fixed"].as_str()));
            let name = affected.pointer("/package/name").and_then(Value::as_str);
            if let (Some(fixed), Some(name)) = (fixed, name) {
                let ecosystem =
                    Ecosystem::named(affected["package"]["ecosystem"].as_str().unwrap());
                all.entry((ecosystem, name.to_owned()))
                    .or_default()
                    .push(fixed.to_owned());
            }
        }
    }
    let step = (all.len() / PACKAGES).max(1);
    let taken = all.into_iter().step_by(step).take(PACKAGES).enumerate();
    let package =
        |(at, ((ecosystem, name), mut fixed)): (usize, ((Ecosystem, String), Vec<String>))| {
            let rule = ecosystem.rule().unwrap();
            fixed.sort_by(|a, b| compare(rule, a, b).unwrap_or(Ordering::Equal));
            let version = if at % 2 == 0 {
                fixed.pop()
            } else {
                Some(fixed.remove(0))
            };
            let found = Place {
                layer: Digest::of(b""),
                path: String::new(),
            };
            Package {
                ecosystem,
                name,
                version: version.unwrap(),
                source: None,
                found,
            }
        };
    taken.map(package).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Resident memory in MiB, where the system tells.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

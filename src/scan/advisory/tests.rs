//! The index: built from the fixtures, from a sample of real records where it lies beside the project, and damaged.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::oci::Digest;
use crate::scan::{Ecosystem, Package, Place, Rule, compare};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/advisories")
}

fn package(ecosystem: &str, name: &str, version: &str) -> Package {
    Package {
        ecosystem: Ecosystem::named(ecosystem),
        name: name.to_owned(),
        version: version.to_owned(),
        source: None,
        found: Place {
            layer: Digest::of(b"layer"),
            path: "lib/db".to_owned(),
        },
    }
}

fn built() -> (TempDir, Advisories) {
    let folder = tempfile::tempdir().unwrap();
    build(&fixtures(), folder.path()).unwrap();
    let advisories = Advisories::open(folder.path(), Exploited::default()).unwrap();
    (folder, advisories)
}

/// What is found for one package, a line a match.
fn found(advisories: &Advisories, package: Package) -> String {
    let packages = [package];
    let report = advisories.findings(&packages).unwrap();
    let uncovered = report.uncovered.iter().map(|_| "uncovered".to_owned());
    let lines = report.matches.iter().map(|found| {
        let fixed = found.fixed.as_deref().unwrap_or("no fix");
        let unsure = if found.unsure.is_some() {
            " unsure"
        } else {
            ""
        };
        format!("{} {} {fixed}{unsure}", found.id, found.severity)
    });
    lines.chain(uncovered).collect::<Vec<_>>().join("; ")
}

#[test]
fn packages_meet_their_advisories() {
    let (_folder, advisories) = built();
    let debian = "DEBIAN-CVE-2030-0001 critical 3.0.11-1~deb12u3";
    let alma = "ALSA-2030:0002 high";
    let cases = [
        (
            "Debian:12",
            "openssl",
            "3.0.11-1~deb12u2",
            debian.to_owned(),
        ),
        ("Debian:12", "openssl", "3.0.11-1~deb12u3", String::new()),
        (
            "Debian:11",
            "openssl",
            "1.1.1w-0+deb11u1",
            "DEBIAN-CVE-2030-0001 negligible no fix".to_owned(),
        ),
        ("Debian:12", "openss", "1", String::new()),
        ("Debian:13", "openssl", "1", "uncovered".to_owned()),
        (
            "Debian:12",
            "openssl",
            "x:1",
            "DEBIAN-CVE-2030-0001 critical no fix unsure".to_owned(),
        ),
        (
            "AlmaLinux:9",
            "bash",
            "5.1.8-6.el9",
            format!("{alma} 5.1.8-9.el9"),
        ),
        (
            "AlmaLinux:9",
            "podman",
            "2:4.9.4-1.module_el9.4.0+19+cccccccc",
            format!("{alma} 2:4.9.4-3.module_el9.4.0+20+bbbbbbbb"),
        ),
        (
            "AlmaLinux:9",
            "podman",
            "2:4.4.1-3.module_el9.1.0+10+aaaaaaaa",
            String::new(),
        ),
        (
            "AlmaLinux:9",
            "podman",
            "2:4.4.1-1.module_el9.1.0+10+aaaaaaaa",
            format!("{alma} 2:4.4.1-3.module_el9.1.0+10+aaaaaaaa"),
        ),
        (
            "npm",
            "@example/merge",
            "1.4.1",
            "GHSA-aaaa-bbbb-cccc critical 1.4.2".to_owned(),
        ),
        (
            "npm",
            "@example/merge",
            "2.0.0",
            "GHSA-aaaa-bbbb-cccc critical 2.0.1".to_owned(),
        ),
        ("npm", "@example/merge", "0.9.0", String::new()),
        (
            "npm",
            "@example/merge",
            "latest",
            "GHSA-aaaa-bbbb-cccc critical no fix unsure".to_owned(),
        ),
        (
            "PyPI",
            "exampel-pkg",
            "1.0.1",
            "MAL-2030-0005 critical no fix".to_owned(),
        ),
        (
            "PyPI",
            "exampel.pkg",
            "1.0.0",
            "MAL-2030-0005 critical no fix".to_owned(),
        ),
        (
            "PyPI",
            "exampel-pkg",
            "0.0.0-evil!",
            "MAL-2030-0005 critical no fix".to_owned(),
        ),
        ("PyPI", "exampel-pkg", "2.0", String::new()),
        (
            "Alpine:v3.20",
            "musl",
            "1.2.5-r0",
            "ALPINE-CVE-2030-0006 unknown 1.2.5-r1".to_owned(),
        ),
        ("Alpine:v3.19", "musl", "1.2.5-r0", "uncovered".to_owned()),
        ("Alpine:v3.2", "musl", "1.2.5-r0", "uncovered".to_owned()),
        (
            "Ubuntu:22.04:LTS",
            "curl",
            "7.81.0-1ubuntu1.14",
            "UBUNTU-CVE-2030-0007 low 7.81.0-1ubuntu1.15".to_owned(),
        ),
        (
            "Ubuntu:20.04:LTS",
            "curl",
            "7.68.0-1",
            "uncovered".to_owned(),
        ),
        (
            "crates.io",
            "frobnicate",
            "3.0.0",
            "RUSTSEC-2030-0008 negligible no fix".to_owned(),
        ),
        (
            "Go",
            "stdlib",
            "1.30.8",
            "GO-2030-0009 unknown 1.30.9".to_owned(),
        ),
        (
            "Go",
            "stdlib",
            "1.31.0-rc.1",
            "GO-2030-0009 unknown 1.31.2".to_owned(),
        ),
        (
            "Go",
            "example.com/a/b",
            "v1.5.0",
            "GO-2030-0009 unknown no fix".to_owned(),
        ),
        ("Go", "example.com/a/b", "v1.5.1", String::new()),
        (
            "PyPI",
            "Zope-Thing",
            "2.4.post1",
            "PYSEC-2030-10 unknown 2.5".to_owned(),
        ),
        (
            "PyPI",
            "zope.thing",
            "1.9b2",
            "PYSEC-2030-10 unknown no fix".to_owned(),
        ),
        (
            "SUSE:Linux Enterprise Server 15 SP5",
            "zlib",
            "1.2.13-150500.2.1",
            "SUSE-SU-2030:0013-1 unknown 1.2.13-150500.4.3.1".to_owned(),
        ),
        (
            "SUSE:Linux Enterprise Server 15 SP6",
            "zlib",
            "1",
            "uncovered".to_owned(),
        ),
        (
            "Bitnami",
            "node",
            "20.11.0",
            "BIT-node-2030-0014 high 20.11.1".to_owned(),
        ),
        ("Frobnicate:1", "x", "1", "uncovered".to_owned()),
        ("Amazon Linux:2023", "bash", "1", "uncovered".to_owned()),
        ("Maven", "a:b", "1", "uncovered".to_owned()),
    ];
    for (ecosystem, name, version, expected) in cases {
        assert_eq!(
            found(&advisories, package(ecosystem, name, version)),
            expected,
            "{ecosystem} {name} {version}"
        );
    }
}

#[test]
fn a_source_package_is_looked_up_too_and_found_once() {
    let (_folder, advisories) = built();
    let mut binary = package("Debian:12", "libssl3", "3.0.11-1~deb12u2+b1");
    assert_eq!(found(&advisories, binary.clone()), "");
    binary.source = Some(("openssl".to_owned(), "3.0.11-1~deb12u2".to_owned()));
    let expected = "DEBIAN-CVE-2030-0001 critical 3.0.11-1~deb12u3";
    assert_eq!(found(&advisories, binary.clone()), expected);
    binary.name = "openssl".to_owned();
    assert_eq!(found(&advisories, binary), expected);
}

#[test]
fn matches_carry_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    build(&fixtures(), folder.path()).unwrap();
    let kev = br#"{"vulnerabilities":[{"cveID":"CVE-2030-0002"}]}"#;
    let exploited = Exploited::default().with_kev(kev).unwrap();
    let exploited = exploited
        .with_epss(&b"cve,epss,percentile\nCVE-2030-0002,0.5,0.9\n"[..])
        .unwrap();
    let advisories = Advisories::open(folder.path(), exploited).unwrap();
    let packages = [
        package("AlmaLinux:9", "bash", "5.1.8-6.el9"),
        package("PyPI", "exampel-pkg", "1.0"),
    ];
    let report = advisories.findings(&packages).unwrap();
    let [bash, malicious] = &report.matches[..] else {
        panic!("{report:?}");
    };
    assert!(bash.kev && bash.epss.is_some_and(|score| (score - 0.5).abs() < 0.001));
    assert_eq!(bash.aliases, ["CVE-2030-0002"]);
    assert_eq!(bash.summary, "Important: container-tools security update");
    assert_eq!(
        bash.published,
        Some("2030-01-01T00:00:00Z".parse().unwrap())
    );
    assert!(malicious.malicious && !malicious.kev && malicious.epss.is_none());
    let headers: Vec<&Header> = advisories.indexes().map(Index::header).collect();
    let alma = headers
        .iter()
        .find(|header| header.ecosystem == "AlmaLinux")
        .unwrap();
    assert_eq!(
        (alma.records, alma.ignored, alma.packages, alma.rows),
        (1, 1, 2, 3)
    );
    assert_eq!(alma.watermark, "2030-03-04T05:06:07Z".parse().unwrap());
}

#[test]
fn an_advisory_is_read_back_whole() {
    let (_folder, advisories) = built();
    let npm = advisories
        .indexes()
        .find(|index| index.header().ecosystem == "npm")
        .unwrap();
    let affected = npm.advisories(&Ecosystem::Npm, "@example/merge").unwrap();
    assert_eq!(affected.len(), 1, "the withdrawn one is gone");
    assert_eq!(affected[0].aliases, ["CVE-2030-0004"]);
    assert_eq!(affected[0].score_tenths, Some(93));
    let events = [
        (Event::Introduced, "1.0.0"),
        (Event::Fixed, "1.4.2"),
        (Event::Introduced, "2.0.0-rc.1"),
        (Event::Fixed, "2.0.1"),
    ];
    assert_eq!(
        affected[0].ranges,
        [events.map(|(event, at)| (event, at.to_owned())).to_vec()]
    );
}

fn jsonl() -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(fixtures())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let lines = files.iter().map(|file| {
        let record: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        format!("{record}\n")
    });
    lines.collect()
}

fn zip(path: &Path) {
    use std::io::Write as _;
    let mut archive = rawzip::ZipArchiveWriter::new(fs::File::create(path).unwrap());
    for file in fs::read_dir(fixtures()).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        let new = archive
            .new_file(name)
            .compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = new.start().unwrap();
        let encoder =
            flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
        let mut writer = config.wrap(encoder);
        writer.write_all(&fs::read(&file).unwrap()).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn every_kind_of_export_gives_the_same_packages() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("all.jsonl"), jsonl()).unwrap();
    fs::write(
        at("all.jsonl.zst"),
        zstd::encode_all(jsonl().as_bytes(), 3).unwrap(),
    )
    .unwrap();
    zip(&at("all.zip"));
    let counts = |export: &Path| -> Vec<(String, u64, u64)> {
        let built = build(export, &at("out")).unwrap();
        built
            .headers
            .into_iter()
            .map(|header| (header.ecosystem, header.records, header.rows))
            .collect()
    };
    let expected = counts(&fixtures());
    assert_eq!(expected.len(), 10, "{expected:?}");
    for export in ["all.jsonl", "all.jsonl.zst", "all.zip"] {
        assert_eq!(counts(&at(export)), expected, "{export}");
    }
    // A damaged archive is an error, wherever the damage is in a file.
    let whole = fs::read(at("all.zip")).unwrap();
    for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
        fs::write(at("cut.zip"), &whole[..cut]).unwrap();
        assert!(build(&at("cut.zip"), &at("cut")).is_err(), "{cut}");
    }
    assert!(!at("cut").exists());
    assert!(build(&at("absent.zip"), &at("cut")).is_err());
}

#[test]
fn an_export_that_is_not_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("all.jsonl");
    let out = folder.path().join("out");
    fs::write(&export, "").unwrap();
    assert!(matches!(build(&export, &out), Err(BuildError::Empty)));
    fs::write(&export, format!("{}<html>\n", jsonl())).unwrap();
    let error = build(&export, &out).unwrap_err();
    assert!(
        matches!(error, BuildError::Malformed { malformed: 1, .. }),
        "{error}"
    );
    // One of thousands is an accident, and is counted.
    fs::write(&export, format!("{}{{}}\n", jsonl().repeat(100))).unwrap();
    assert_eq!(build(&export, &out).unwrap().malformed, 1);
}

#[test]
fn no_damage_goes_unseen() {
    let (folder, advisories) = built();
    let packages = [
        package("AlmaLinux:9", "podman", "1:1"),
        package("AlmaLinux:9", "bash", "1:1"),
        package("AlmaLinux:8", "bash", "0"),
    ];
    let expected = advisories.findings(&packages).unwrap();
    let whole = fs::read(folder.path().join("almalinux.advisories")).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let path = damaged.path().join("almalinux.advisories");
    let read = |bytes: &[u8]| {
        // A new file each time, as in life: the map of the last one stays whole.
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        Advisories::open(damaged.path(), Exploited::default()).and_then(|all| {
            let report = all.findings(&packages)?;
            Ok(report == expected)
        })
    };
    assert!(read(&whole).unwrap());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        // The header of a zstd frame has bits that mean nothing.
        assert!(read(&bytes).unwrap_or(true), "byte {at}");
        assert!(read(&whole[..at]).is_err(), "cut at {at}");
    }
}

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
    let built = build(&sample, folder.path()).unwrap();
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

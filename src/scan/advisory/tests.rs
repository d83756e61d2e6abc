//! The index, built from the fixtures: which packages meet which advisories.

mod amend;
mod files;
mod sample;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::oci::Digest;
use crate::scan::{Ecosystem, Package, Place};

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
    build(&fixtures(), None, folder.path()).unwrap();
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
fn advisories_may_be_shared_and_tell_when_they_changed() {
    fn shared<T: Send + Sync>(_: &T) {}
    let (folder, advisories) = built();
    shared(&advisories);
    let kev = br#"{"vulnerabilities":[{"cveID":"CVE-2030-0002"}]}"#;
    let exploited = Exploited::default().with_kev(kev).unwrap();
    let other = Advisories::open(folder.path(), exploited).unwrap();
    let same = Advisories::open(folder.path(), Exploited::default()).unwrap();
    assert_ne!(advisories.digest(), other.digest());
    assert_eq!(advisories.digest(), same.digest());
}

#[test]
fn matches_carry_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    build(&fixtures(), None, folder.path()).unwrap();
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

//! Exports of every kind, exports that are none, and damage.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::{built, fixtures, package};
use crate::oci::Digest;
use crate::scan::Ecosystem;
use crate::scan::advisory::{Advisories, BuildError, Builder, Exploited, Record, build};

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
        let built = build(export, None, &at("out")).unwrap();
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
        assert!(build(&at("cut.zip"), None, &at("cut")).is_err(), "{cut}");
    }
    assert!(!at("cut").exists());
    assert!(build(&at("absent.zip"), None, &at("cut")).is_err());
}

#[test]
fn an_export_that_is_not_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("all.jsonl");
    let out = folder.path().join("out");
    fs::write(&export, "").unwrap();
    assert!(matches!(build(&export, None, &out), Err(BuildError::Empty)));
    fs::write(&export, format!("{}<html>\n", jsonl())).unwrap();
    let error = build(&export, None, &out).unwrap_err();
    assert!(
        matches!(error, BuildError::Malformed { malformed: 1, .. }),
        "{error}"
    );
    // One of thousands is an accident, and is counted.
    fs::write(&export, format!("{}{{}}\n", jsonl().repeat(100))).unwrap();
    assert_eq!(build(&export, None, &out).unwrap().malformed, 1);
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

fn export(folder: &Path, records: &str) -> PathBuf {
    let path = folder.join("new.jsonl");
    fs::write(&path, records).unwrap();
    path
}

#[test]
fn an_export_of_one_ecosystem_touches_no_other() {
    let folder = tempfile::tempdir().unwrap();
    build(&fixtures(), None, folder.path()).unwrap();
    let before = fs::read(folder.path().join("npm.advisories")).unwrap();
    let record = r#"{"id":"GHSA-1","modified":"2031-01-01T00:00:00Z","affected":[
        {"package":{"ecosystem":"npm","name":"x"},"versions":["1"]},
        {"package":{"ecosystem":"crates.io","name":"x"},"versions":["1.0.0"]}]}"#;
    let export = export(folder.path(), &record.replace('\n', ""));
    let built = build(&export, Some(&Ecosystem::CratesIo), folder.path()).unwrap();
    assert_eq!(built.headers.len(), 1);
    assert_eq!(built.headers[0].ecosystem, "crates.io");
    assert_eq!(
        fs::read(folder.path().join("npm.advisories")).unwrap(),
        before
    );
    let nothing = build(&export, Some(&Ecosystem::Go), folder.path());
    assert!(matches!(nothing, Err(BuildError::Empty)));
}

#[test]
fn data_does_not_go_backwards() {
    let folder = tempfile::tempdir().unwrap();
    let records = |count: usize, day: usize| -> String {
        let record = |id| {
            format!(
                r#"{{"id":"GHSA-{id}","modified":"2031-01-{day:02}T00:00:00Z","affected":[{{"package":{{"ecosystem":"npm","name":"x"}},"versions":["1.0.0"]}}]}}"#
            )
        };
        (0..count).map(|id| record(id) + "\n").collect()
    };
    let built = |count, day| {
        build(
            &export(folder.path(), &records(count, day)),
            None,
            folder.path(),
        )
    };
    assert!(built(10, 5).is_ok());
    assert!(
        matches!(built(10, 4), Err(BuildError::Backwards { .. })),
        "older"
    );
    assert!(
        matches!(built(4, 6), Err(BuildError::Backwards { .. })),
        "cut"
    );
    assert!(built(9, 5).is_ok(), "some are withdrawn");
    fs::write(folder.path().join("npm.advisories"), "damaged").unwrap();
    assert!(Advisories::open(folder.path(), Exploited::default()).is_err());
    assert!(built(1, 1).is_ok(), "what is damaged holds nothing back");
}

#[test]
fn a_file_under_another_name_is_refused() {
    let (folder, _advisories) = built();
    let at = |name: &str| folder.path().join(name);
    fs::rename(at("npm.advisories"), at("go.advisories")).unwrap();
    assert!(Advisories::open(folder.path(), Exploited::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hostile_records_neither_panic_nor_break_the_index(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = jsonl().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut builder = Builder::new(None);
        for line in bytes.split(|byte| *byte == b'\n') {
            if Record::parse(line).is_ok() {
                builder.add(line);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        if builder.finish(Digest::of(&bytes), folder.path()).is_ok() {
            let advisories = Advisories::open(folder.path(), Exploited::default()).unwrap();
            let packages = [package("npm", "@example/merge", "1.0.0"), package("AlmaLinux:9", "bash", "1")];
            prop_assert!(advisories.findings(&packages).is_ok());
        }
    }
}

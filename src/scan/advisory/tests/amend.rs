//! An index into which changes were put says the same as one that was built from everything.

use std::fs;

use fst::Streamer as _;

use super::*;

/// Everything that an index says, a line a package.
fn said(index: &Index) -> Vec<String> {
    let mut lookup = super::super::lookup::Lookup::of(index).unwrap();
    let mut keys = index.keys();
    let mut lines = Vec::new();
    while let Some((key, place)) = keys.next() {
        let block = lookup.rows_at(place >> 16, place & 0xffff).unwrap();
        let mut rows: Vec<String> = block
            .rows(index)
            .unwrap()
            .iter()
            .map(|row| {
                let facts = lookup.facts(row.number).unwrap();
                format!("{facts:?} {:?} {:?}", row.rating.severity, row.versions)
            })
            .collect();
        rows.sort();
        lines.push(format!("{} {rows:?}", String::from_utf8_lossy(key)));
    }
    lines
}

fn records() -> Vec<String> {
    let files = fs::read_dir(fixtures()).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let json = files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "json"));
    json.map(|file| fs::read_to_string(file).unwrap().replace('\n', " "))
        .collect()
}

fn index(folder: &Path, ecosystem: &Ecosystem) -> Index {
    Index::open(&folder.join(ecosystem.index_file())).unwrap()
}

#[test]
fn changes_are_put_in_as_if_they_had_always_been_there() {
    let records = records();
    let (_whole, advisories) = built();
    let mut amended = 0;
    for wanted in advisories.indexes() {
        let ecosystem = Ecosystem::named(&wanted.header().ecosystem);
        // What was there before: every other record not yet, the others with another fix.
        let before = records.iter().step_by(2);
        let before = before.map(|record| record.replace("\"fixed\": \"", "\"fixed\": \"0"));
        let folder = tempfile::tempdir().unwrap();
        let export = folder.path().join("before.jsonl");
        fs::write(&export, before.collect::<Vec<_>>().join("\n")).unwrap();
        if build(&export, Some(&ecosystem), folder.path()).is_err() {
            continue;
        }
        let changed: Vec<Vec<u8>> = records.iter().map(|one| one.clone().into_bytes()).collect();
        amend(&ecosystem, &changed, folder.path()).unwrap();
        let index = index(folder.path(), &ecosystem);
        assert_eq!(said(&index), said(wanted), "{ecosystem}");
        assert_eq!(index.header().records, wanted.header().records);
        assert_eq!(index.header().watermark, wanted.header().watermark);
        assert_eq!(
            (index.header().increments, wanted.header().increments),
            (1, 0)
        );
        amended += 1;
    }
    assert!(amended > 3, "{amended}");
}

#[test]
fn what_is_withdrawn_goes() {
    let ecosystem = Ecosystem::named("Debian");
    let folder = tempfile::tempdir().unwrap();
    let record = |id: &str, more: &str| {
        format!(
            r#"{{"id":"{id}","modified":"2026-01-02T00:00:00Z"{more},"affected":[{{"package":{{"ecosystem":"Debian:12","name":"{}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}]}}]}}]}}"#,
            id.to_lowercase()
        )
    };
    let export = folder.path().join("before.jsonl");
    let both = [record("A", ""), record("B", "")].join("\n");
    fs::write(&export, both).unwrap();
    build(&export, Some(&ecosystem), folder.path()).unwrap();
    let withdrawn = record("A", r#","withdrawn":"2026-01-02T00:00:00Z""#);
    amend(&ecosystem, &[withdrawn.into_bytes()], folder.path()).unwrap();
    let index = index(folder.path(), &ecosystem);
    let known = |name| {
        index
            .advisories(&Ecosystem::named("Debian:12"), name)
            .unwrap()
            .len()
    };
    assert_eq!((known("a"), known("b")), (0, 1));
    assert_eq!((index.header().records, index.header().ignored), (1, 1));
}

#[test]
fn what_cannot_be_amended_stays() {
    let ecosystem = Ecosystem::named("Debian");
    let folder = tempfile::tempdir().unwrap();
    let none = amend(&ecosystem, &[], folder.path()).unwrap_err();
    assert!(
        matches!(none, BuildError::Index(IndexError::Io(..))),
        "{none}"
    );
    build(&fixtures(), Some(&ecosystem), folder.path()).unwrap();
    let path = folder.path().join(ecosystem.index_file());
    let before = fs::read(&path).unwrap();
    let broken = amend(&ecosystem, &[b"{".to_vec()], folder.path()).unwrap_err();
    assert!(matches!(broken, BuildError::Malformed { .. }), "{broken}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

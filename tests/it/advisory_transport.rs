//! Advisories on their way: downloads that are cut, changed or damaged, and changes in place of whole exports.

use std::path::Path;
use std::sync::Arc;

use lazaret::evidence::{AdvisoryData, AdvisorySource, Fetched};
use lazaret::scan::Ecosystem;
use lazaret::upstream::Upstreams;
use lazaret::upstream::{RegistrySettings, Settings, Timeouts};

use crate::scans::{advisory, zip};
use crate::support::fake_registry::{FakeRegistry, Fault, Times};

const ZIP: &str = "/osv/Debian/all.zip";
const CSV: &str = "/osv/Debian/modified_id.csv";

fn data(registry: &FakeRegistry, folder: &Path) -> Arc<AdvisoryData> {
    let upstreams = Upstreams::new(Settings {
        registries: vec![RegistrySettings {
            plain_http: true,
            ..RegistrySettings::new("OSV", &registry.url())
        }],
        proxy: None,
        ca_files: Vec::new(),
        timeouts: Timeouts::default(),
    });
    let source = AdvisorySource {
        upstream: upstreams.unwrap().get("OSV").unwrap().clone(),
        path: "/osv/".to_owned(),
    };
    AdvisoryData::open(folder, Some(source))
}

async fn fetch(data: &AdvisoryData) -> Result<Fetched, String> {
    data.fetch("Debian", &mut |_, _| {}).await
}

/// The ids that are known of a package of Debian 12.
fn known(data: &AdvisoryData, name: &str) -> Vec<String> {
    let current = data.current();
    let mut indexes = current.advisories.as_ref().unwrap().indexes();
    let Some(index) = indexes.next() else {
        return Vec::new();
    };
    let known = index.advisories(&Ecosystem::named("Debian:12"), name);
    let mut ids: Vec<String> = known.unwrap().into_iter().map(|one| one.id).collect();
    ids.sort();
    ids
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// What the registry was asked for of the export: range and tag.
fn asked(registry: &FakeRegistry) -> Vec<(Option<String>, Option<String>)> {
    let requests = registry.requests();
    let requests = requests.iter().filter(|request| request.path == ZIP);
    let header = |request: &crate::support::fake_registry::Request, name| {
        request.header(name).map(str::to_owned)
    };
    requests
        .map(|request| (header(request, "range"), header(request, "if-range")))
        .collect()
}

fn export() -> Vec<u8> {
    zip(&[advisory("DSA-1", "3.0.13-1"), advisory("DSA-2", "3.0.14-1")])
}

#[tokio::test]
async fn a_download_that_is_cut_goes_on() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = data(&registry, folder.path());
    registry.file(ZIP, "\"one\"", &[], export());
    registry.fault(ZIP, Times::N(2), Fault::CutAfter(100));
    let mut shown = Vec::new();
    let mut progress = |arrived, of| shown.push((arrived, of));
    let fetched = data.fetch("Debian", &mut progress).await.unwrap();
    assert!(matches!(fetched, Fetched::Whole(_)));
    assert_eq!(known(&data, "openssl"), ["DSA-1", "DSA-2"]);
    let part = |from: &str| (Some(format!("bytes={from}-")), Some("\"one\"".to_owned()));
    assert_eq!(asked(&registry), [(None, None), part("100"), part("200")]);
    let whole = export().len() as u64;
    assert_eq!(shown.last(), Some(&(whole, Some(whole))));
    assert!(shown.is_sorted(), "{shown:?}");
    assert_eq!(left(folder.path()), ["debian.advisories", "debian.fetched"]);
}

#[tokio::test]
async fn the_next_process_goes_on_too() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    registry.file(ZIP, "\"one\"", &[], export());
    registry.fault(ZIP, Times::Once, Fault::CutAfter(100));
    registry.fault(ZIP, Times::N(3), Fault::CutAfter(0));
    let why = fetch(&data(&registry, folder.path())).await.unwrap_err();
    assert!(
        why.contains("broke off") || why.contains("shorter"),
        "{why}"
    );
    assert_eq!(left(folder.path()).len(), 2, "the part and its tag");
    let before = asked(&registry).len();
    let data = data(&registry, folder.path());
    fetch(&data).await.unwrap();
    assert_eq!(known(&data, "openssl").len(), 2);
    let range = asked(&registry)[before].0.clone();
    assert_eq!(range.as_deref(), Some("bytes=100-"));
    assert_eq!(left(folder.path()), ["debian.advisories", "debian.fetched"]);
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_fetched_anew() {
    let registry = FakeRegistry::start().await;
    let part_of = |folder: &Path, bytes: &[u8]| {
        std::fs::write(folder.join(".partial-debian.advisories.zip"), bytes).unwrap();
        std::fs::write(folder.join(".partial-debian.advisories.zip.tag"), "\"one\"").unwrap();
    };
    registry.file(ZIP, "\"two\"", &[], export());
    // The part is of another file; the server says so.
    let folder = tempfile::tempdir().unwrap();
    part_of(folder.path(), b"something else altogether");
    let changed = data(&registry, folder.path());
    fetch(&changed).await.unwrap();
    assert_eq!(known(&changed, "openssl").len(), 2);
    // The part is as long as the file, or longer: the server has no more (416).
    registry.file(ZIP, "\"one\"", &[], export());
    let folder = tempfile::tempdir().unwrap();
    part_of(folder.path(), &[0; 10_000]);
    let longer = data(&registry, folder.path());
    fetch(&longer).await.unwrap();
    assert_eq!(known(&longer, "openssl").len(), 2);
    // The server answers another range than it was asked for.
    let folder = tempfile::tempdir().unwrap();
    part_of(folder.path(), &export()[..50]);
    let wrong = vec![("content-range".to_owned(), "bytes 0-9/10".to_owned())];
    registry.fault(ZIP, Times::Once, Fault::Status(206, wrong, vec![0; 10]));
    let other = data(&registry, folder.path());
    fetch(&other).await.unwrap();
    assert_eq!(known(&other, "openssl").len(), 2);
    // It does not know ranges: everything comes again.
    let folder = tempfile::tempdir().unwrap();
    part_of(folder.path(), &export()[..50]);
    registry.fault(ZIP, Times::Once, Fault::Status(200, Vec::new(), export()));
    let whole = data(&registry, folder.path());
    fetch(&whole).await.unwrap();
    assert_eq!(known(&whole, "openssl").len(), 2);
}

#[tokio::test]
async fn what_has_another_checksum_is_not_taken() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = data(&registry, folder.path());
    // CRC-32C of "123456789".
    let told = [(
        "x-goog-hash",
        "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==",
    )];
    registry.file(ZIP, "\"one\"", &told, export());
    let why = fetch(&data).await.unwrap_err();
    assert_eq!(
        why,
        "what arrived has not the checksum that its publisher tells"
    );
    assert_eq!(
        left(folder.path()),
        [""; 0],
        "nothing is left to go on with"
    );
    registry.file(ZIP, "\"one\"", &told, "123456789");
    let why = fetch(&data).await.unwrap_err();
    assert!(
        why.contains("damaged"),
        "the checksum is right, the archive is none: {why}"
    );
    // A damaged record in a sound archive: each has a checksum of its own.
    let mut damaged = export();
    let at = damaged.windows(7).position(|bytes| bytes == b"openssl");
    let at = at.expect("records of this test are stored, not compressed");
    damaged[at] ^= 1;
    registry.file(ZIP, "\"two\"", &[], damaged);
    let why = fetch(&data).await.unwrap_err();
    assert!(why.contains("export of advisories"), "{why}");
    assert_eq!(data.epoch(), 0);
}

/// Serves records one by one.
fn serve(registry: &FakeRegistry, records: &[(&str, String)]) {
    for (id, record) in records {
        registry.file(
            &format!("/osv/Debian/{id}.json"),
            "\"r\"",
            &[],
            record.clone(),
        );
    }
}

fn at(record: String, day: &str) -> String {
    record.replace("2026-01-02", day)
}

#[tokio::test]
async fn only_what_changed_is_fetched() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = data(&registry, folder.path());
    registry.file(ZIP, "\"one\"", &[], export());
    fetch(&data).await.unwrap();
    // A new one, one that is withdrawn, one that names another package from now on.
    let new = at(advisory("DSA-3", "3.0.15-1"), "2026-01-05");
    let gone = at(advisory("DSA-1", "3.0.13-1"), "2026-01-04");
    let gone = gone.replacen('{', "{\"withdrawn\":\"2026-01-04T00:00:00Z\",", 1);
    let moved = at(advisory("DSA-2", "3.0.14-1"), "2026-01-03").replace("openssl", "zlib");
    serve(
        &registry,
        &[("DSA-1", gone), ("DSA-2", moved), ("DSA-3", new)],
    );
    let list = "2026-01-05T00:00:00Z,DSA-3\n2026-01-04T00:00:00Z,DSA-1\n2026-01-03T00:00:00Z,DSA-2\n2025-01-01T00:00:00Z,DSA-0\n";
    registry.file(CSV, "\"c\"", &[], list);
    let fetched = fetch(&data).await.unwrap();
    assert!(matches!(fetched, Fetched::Changed(3, _)), "{fetched:?}");
    assert_eq!(known(&data, "openssl"), ["DSA-3"]);
    assert_eq!(known(&data, "zlib"), ["DSA-2"]);
    assert_eq!(registry.count(ZIP), 1, "the export is not fetched again");
    assert_eq!(data.epoch(), 2);
    let before = data.current().fetched["Debian"];
    let fetched = fetch(&data).await.unwrap();
    assert!(matches!(fetched, Fetched::Unchanged(_)), "{fetched:?}");
    assert!(
        data.current().fetched["Debian"] > before,
        "it is as fresh as the look"
    );
    assert_eq!(registry.count("/osv/Debian/DSA-"), 3);
    // A list that ends before what is here is an old copy.
    registry.file(CSV, "\"d\"", &[], "2026-01-01T00:00:00Z,DSA-1\n");
    let why = fetch(&data).await.unwrap_err();
    assert!(
        why.starts_with("the list of changes ends at 2026-01-01T00:00:00Z, before 2026-01-05"),
        "{why}"
    );
    assert_eq!(known(&data, "openssl"), ["DSA-3"]);
}

#[tokio::test]
async fn where_changes_say_too_little_the_whole_export_is_fetched() {
    let registry = FakeRegistry::start().await;
    let many: String = (0..300)
        .map(|n| format!("2026-01-05T00:00:00Z,DSA-{n}\n"))
        .collect();
    let newest = "2026-01-05T00:00:00Z,DSA-3\n";
    let record = at(advisory("DSA-3", "3.0.15-1"), "2026-01-05");
    let cases = [
        ("too many", many.as_str(), record.clone()),
        (
            "a record that is another",
            newest,
            record.replace("DSA-3", "DSA-4"),
        ),
        ("a record that is none", newest, "{}".to_owned()),
        ("no list", "<html>", record.clone()),
        ("an endless line", &"x".repeat(5000), record.clone()),
        ("a path", "2026-01-05T00:00:00Z,../npm/DSA-3\n", record),
    ];
    for (what, list, record) in cases {
        let folder = tempfile::tempdir().unwrap();
        let data = data(&registry, folder.path());
        registry.file(ZIP, "\"one\"", &[], export());
        registry.file(CSV, "\"c\"", &[], "");
        fetch(&data).await.unwrap();
        let three = at(advisory("DSA-3", "3.0.15-1"), "2026-01-05");
        let whole = zip(&[advisory("DSA-1", "3.0.13-1"), three]);
        registry.file(ZIP, "\"two\"", &[], whole);
        registry.file(CSV, "\"c\"", &[], list.to_owned());
        serve(&registry, &[("DSA-3", record)]);
        let fetched = fetch(&data).await.unwrap();
        assert!(matches!(fetched, Fetched::Whole(_)), "{what}: {fetched:?}");
        assert_eq!(known(&data, "openssl"), ["DSA-1", "DSA-3"], "{what}");
    }
}

#[tokio::test]
async fn after_a_week_of_changes_the_whole_export_is_fetched() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = data(&registry, folder.path());
    registry.file(ZIP, "\"one\"", &[], export());
    fetch(&data).await.unwrap();
    let mut whole = 0;
    for number in 0..29 {
        let time = format!("2026-01-03T00:00:{number:02}Z");
        let record = advisory("DSA-2", "3.0.14-1").replace("2026-01-02T00:00:00Z", &time);
        serve(&registry, &[("DSA-2", record.clone())]);
        registry.file(CSV, "\"c\"", &[], format!("{time},DSA-2\n"));
        registry.file(
            ZIP,
            "\"two\"",
            &[],
            zip(&[advisory("DSA-1", "3.0.13-1"), record]),
        );
        match fetch(&data).await.unwrap() {
            Fetched::Whole(_) => whole += 1,
            other => assert!(matches!(other, Fetched::Changed(1, _)), "{other:?}"),
        }
    }
    assert_eq!(whole, 1, "the 29th in a row");
}

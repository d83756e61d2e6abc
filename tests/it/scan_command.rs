//! `lazaret scan`, as a person or a script calls it: the same image in every form in which it may lie here.

use std::path::Path;
use std::process::Command;

use lazaret::oci::{Digest, media_type};
use serde_json::{Value, json};

use crate::support::fixtures;
use crate::support::tarball::tarball;

const EXPORT: &str = concat!(
    r#"{"id":"DSA-1","modified":"2026-01-02T00:00:00Z","published":"2026-01-01T00:00:00Z","aliases":["CVE-2026-1"],"summary":"overflow","database_specific":{"severity":"CRITICAL"},"affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.13-1"}]}]}]}"#,
    "\n",
    r#"{"id":"DEBIAN-CVE-2026-1","modified":"2026-01-02T00:00:00Z","upstream":["CVE-2026-1"],"affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.14-1"}]}]}]}"#,
    "\n",
    r#"{"id":"DSA-2","modified":"2026-01-02T00:00:00Z","aliases":["CVE-2026-2"],"affected":[{"package":{"ecosystem":"Debian:12","name":"bash"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}],"database_specific":{"severity":"LOW"}}"#,
    "\n",
);
const STATUS: &[u8] = b"Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.11-1\n\nPackage: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n";
const RELEASE: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
const FILES: [(&str, &[u8]); 2] = [("etc/os-release", RELEASE), ("var/lib/dpkg/status", STATUS)];

fn lazaret(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .current_dir(folder)
        .env("LAZARET_CONFIG", "lazaret.toml")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn scan(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut all = vec!["scan", "--platform", "linux/amd64"];
    all.extend(arguments);
    lazaret(folder, &all)
}

/// A folder with advisories and one image in every form.
fn image() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("export.jsonl"), EXPORT).unwrap();
    let settings = "data_dir = \"data\"\n[upstream]\nfetch_advisories = false\n";
    std::fs::write(at("lazaret.toml"), settings).unwrap();
    let (code, _, said) = lazaret(
        folder.path(),
        &["db", "import", "export.jsonl", "--ecosystem", "Debian"],
    );
    assert_eq!(code, 0, "{said}");
    let layer = tarball(&FILES);
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "2026-02-03T04:05:06Z",
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let described = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": described(media_type::OCI_CONFIG, &config),
        "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let mut entry = described(media_type::OCI_MANIFEST, &manifest);
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "acme/app:1" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] })
        .to_string()
        .into_bytes();
    let files: Vec<(String, &[u8])> = vec![
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        ),
        ("index.json".to_owned(), &index),
        (blob(&manifest), &manifest),
        (blob(&config), &config),
        (blob(&layer), &layer),
    ];
    for (name, bytes) in &files {
        let path = at("layout").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let names: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    std::fs::write(at("layout.tar"), tarball(&names)).unwrap();
    let saved =
        json!([{ "Config": "c.json", "RepoTags": ["acme/app:1"], "Layers": ["1/layer.tar"] }]);
    let saved = saved.to_string().into_bytes();
    let archive = tarball(&[
        ("manifest.json", &saved),
        ("c.json", &config),
        ("1/layer.tar", &layer),
    ]);
    std::fs::write(at("saved.tar"), &archive).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &archive).unwrap();
    std::fs::write(at("saved.tar.gz"), packed.finish().unwrap()).unwrap();
    for (name, bytes) in FILES {
        let path = at("root").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::os::unix::fs::symlink("/nowhere", at("root/link")).unwrap();
    folder
}

#[test]
fn an_image_is_the_same_in_every_form() {
    let folder = image();
    let table = |said: &str| said.split_once("SEVERITY").unwrap().1.to_owned();
    let (_, wanted, _) = scan(folder.path(), &["./layout"]);
    fixtures::expect(
        &fixtures::folder("scan").join("layout.txt"),
        &undated(&wanted),
    );
    for target in [
        "oci:layout",
        "layout.tar",
        "archive:saved.tar",
        "./saved.tar.gz",
        "dir:root",
    ] {
        let (code, said, wrong) = scan(folder.path(), &[target]);
        assert_eq!((code, wrong.as_str()), (0, ""), "{target}");
        assert_eq!(table(&said), table(&wanted), "{target}");
    }
}

/// Without the moment at which the advisories were imported.
fn undated(said: &str) -> String {
    let dated = |line: &&str| !line.contains("fetched ");
    said.lines()
        .filter(dated)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_exit_code_is_what_was_asked_for() {
    let folder = image();
    let fails = |arguments: &[&str]| scan(folder.path(), arguments).0;
    assert_eq!(fails(&["layout.tar"]), 0);
    assert_eq!(fails(&["--fail-on", "critical", "layout.tar"]), 1);
    assert_eq!(
        fails(&["--fail-on", "critical", "--only-fixable", "layout.tar"]),
        1
    );
    std::fs::write(
        folder.path().join("root/var/lib/dpkg/status"),
        "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n",
    )
    .unwrap();
    assert_eq!(fails(&["--fail-on", "high", "dir:root"]), 0);
    assert_eq!(fails(&["--fail-on", "low", "dir:root"]), 1);
    assert_eq!(
        fails(&["--fail-on", "any", "--only-fixable", "dir:root"]),
        0
    );
    // What nothing is known about is not clean.
    std::fs::write(
        folder.path().join("root/etc/os-release"),
        "ID=debian\nVERSION_ID=13\n",
    )
    .unwrap();
    assert_eq!(fails(&["--fail-on", "critical", "dir:root"]), 1);
    for wrong in [
        "./absent",
        "absent.tar",
        "lazaret.toml/x.tar",
        "archive:lazaret.toml",
        "Not A Name",
    ] {
        let (code, _, said) = scan(folder.path(), &[wrong]);
        assert_eq!(code, 2, "{wrong}");
        assert!(said.starts_with("error: "), "{wrong}: {said}");
    }
}

#[test]
fn a_layer_that_is_another_is_no_layer() {
    let folder = image();
    let blobs = folder.path().join("layout/blobs/sha256");
    let layer = blobs.join(Digest::of(&tarball(&FILES)).hex());
    std::fs::write(layer, tarball(&[("etc/os-release", RELEASE)])).unwrap();
    let (code, _, said) = scan(folder.path(), &["./layout"]);
    assert!(code == 2 && said.contains("is something else"), "{said}");
}

#[test]
fn documents_are_the_same_each_time() {
    let folder = image();
    let print = |format: &str| {
        let (code, said, wrong) = scan(folder.path(), &["--sbom", format, "layout.tar"]);
        assert_eq!((code, wrong.as_str()), (0, ""));
        let document: Value = serde_json::from_str(&said).unwrap();
        serde_json::to_string_pretty(&document).unwrap() + "\n"
    };
    fixtures::expect(
        &fixtures::folder("scan").join("cyclonedx.json"),
        &print("cyclonedx"),
    );
    fixtures::expect(&fixtures::folder("scan").join("spdx.json"), &print("spdx"));
    let (_, said, _) = scan(folder.path(), &["--sarif", "-", "layout.tar"]);
    let document: Value = serde_json::from_str(&said).unwrap();
    fixtures::expect(
        &fixtures::folder("scan").join("sarif.json"),
        &(serde_json::to_string_pretty(&document).unwrap() + "\n"),
    );
    let (_, said, _) = scan(folder.path(), &["--json", "layout.tar", "absent.tar"]);
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["vulnerabilities"][0]["fixed"], "3.0.14-1");
    assert_eq!(
        lines[0]["vulnerabilities"].as_array().unwrap().len(),
        2,
        "two advisories about one CVE"
    );
    assert!(lines[1]["error"].is_string());
}

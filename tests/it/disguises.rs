//! Pulls of images that are not what they say: programs under other names, systems without what makes them known, lists
//! that claim what is not theirs, headers that hide what follows.

use lazaret::oci::Digest;
use serde_json::json;

use crate::hostile_layers::said;
use crate::scans::{APP, POLICY, advisory, at, debian, image, know, refused};
use crate::support::fake_registry::{Dress, FakeRegistry};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::{changed, ended, entry, header, tarball};

const STATUS: &[u8] = b"Package: libssl3\nStatus: install ok installed\nVersion: 3.0.13-1\n\n";
const DEBIAN: &[u8] =
    b"ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
const SIX: &[u8] = b"Name: six\nVersion: 1.0.0\n";
const MINER: &[u8] = b"\x7fELF a miner";

async fn gate(keys: &str) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let policy = POLICY.replace("[default]", &format!("{keys}\n[default]"));
    let gate = Setup::new(&policy).start(&registry).await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    (registry, gate)
}

/// Go skips the NUL before the size: to it the file of one block holds the header of the next, which C's readers see.
#[tokio::test]
async fn a_header_that_hides_what_follows() {
    let (registry, gate) = gate("").await;
    let mut tar = Vec::new();
    let hiding = header("noise", b'0', "", 0);
    tar.extend(changed(hiding, 124, b"\x0000000001000"));
    entry(&mut tar, "bin/miner", b'0', "", MINER);
    let said = said(&registry, &gate, ended(tar), Dress::default()).await;
    assert!(
        said.contains("deny[unscannable]") && said.contains("a number that is none"),
        "{said}"
    );
}

#[tokio::test]
async fn a_denied_program_under_another_name_or_removed() {
    let (registry, gate) = gate(&format!("denied_files = [\"{}\"]", Digest::of(MINER))).await;
    let base = debian("3.0.13-1");
    for (name, upper) in [
        ("app.jar", None),
        ("six.dist-info/METADATA", None),
        ("bin/miner", Some("bin/.wh.miner")),
    ] {
        let mut layers = vec![base.clone(), tarball(&[(name, MINER)])];
        layers.extend(upper.map(|gone| tarball(&[(gone, b"")])));
        let tag = Digest::of(name.as_bytes()).hex().to_owned();
        registry.push_image(APP, &tag, &image(layers));
        let said = refused(&gate, &tag).await;
        let expected = format!("{name} is on the list of denied files");
        assert!(
            said.contains("deny[denied-file]") && said.contains(&expected),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_program_that_calls_itself_data() {
    let (registry, gate) = gate("").await;
    for (tag, name, content) in [
        ("jar", "app.jar", MINER),
        ("windows", "app.exe", b"MZ and so on".as_slice()),
        ("wasm", "app.wasm", b"\0asm\x01\0\0\0"),
    ] {
        registry.push_image(APP, tag, &image(vec![tarball(&[(name, content)])]));
        let said = refused(&gate, tag).await;
        assert!(said.contains("deny[content-unidentified]"), "{tag}: {said}");
    }
}

/// Whoever removes the database of packages leaves them; packages of a language beside them do not make them known.
#[tokio::test]
async fn a_system_without_its_database() {
    let (registry, gate) = gate("").await;
    let system = tarball(&[
        ("etc/os-release", DEBIAN),
        ("var/lib/dpkg/status", STATUS),
        ("bin/sh", MINER),
    ]);
    registry.push_image(APP, "whole", &image(vec![system.clone()]));
    at(&gate).pull(APP, "whole").await.pulled();
    let slim = tarball(&[("var/lib/.wh.dpkg", b"")]);
    registry.push_image(APP, "slim", &image(vec![system, slim]));
    let said = refused(&gate, "slim").await;
    assert!(
        said.contains(
            "deny[content-unidentified]: it calls itself Debian GNU/Linux 12 (bookworm), and the database of its packages is not there"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn packages_of_another_manager_than_the_systems() {
    let (registry, gate) = gate("").await;
    let layer = tarball(&[
        ("etc/os-release", DEBIAN),
        ("lib/apk/db/installed", b"P:musl\nV:1.2.5-r0\n\n"),
    ]);
    registry.push_image(APP, "mixed", &image(vec![layer]));
    let said = refused(&gate, "mixed").await;
    assert!(
        said.contains("deny[distro-unsupported]: no advisories about 1 package of apk in what calls itself Debian:12"),
        "{said}"
    );
}

#[tokio::test]
async fn files_that_are_not_understood_are_told() {
    let broken: [(&str, &[u8]); 2] = [
        ("app/six.dist-info/METADATA", b"no metadata"),
        ("app/lib.jar", b"no archive"),
    ];
    let layers = || vec![debian("3.0.13-1"), tarball(&broken)];
    let (registry, strict) = gate("unread = \"deny\"").await;
    registry.push_image(APP, "1", &image(layers()));
    let said = refused(&strict, "1").await;
    assert!(
        said.contains("deny[file-unread]: 2 files that may name packages were not understood (not of the form that their names say): app/six.dist-info/METADATA, app/lib.jar"),
        "{said}"
    );
    let (registry, usual) = gate("").await;
    registry.push_image(APP, "1", &image(layers()));
    at(&usual).pull(APP, "1").await.pulled();
}

/// A list of files makes a package the distribution's to judge; what was made to do harm is not let through by it.
#[tokio::test]
async fn a_malicious_package_that_a_list_claims() {
    let (registry, gate) = gate("").await;
    let record = json!({
        "id": "MAL-2026-1", "modified": "2026-01-02T00:00:00Z", "published": "2026-01-01T00:00:00Z",
        "summary": "Malicious code in six",
        "affected": [{ "package": { "ecosystem": "PyPI", "name": "six" }, "versions": ["1.0.0"] }],
    });
    let export = gate.data().join("pypi.jsonl");
    std::fs::write(&export, record.to_string()).unwrap();
    let advisories = gate.admission.scanner().advisories().clone();
    let now = lazaret::telemetry::now();
    advisories.import(&export, Some("PyPI"), now).await.unwrap();
    let place = "usr/lib/python3/dist-packages/six.dist-info/METADATA";
    let layer = tarball(&[
        ("etc/os-release", DEBIAN),
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/libssl3.list", place.as_bytes()),
        (place, SIX),
    ]);
    registry.push_image(APP, "claimed", &image(vec![layer]));
    let said = refused(&gate, "claimed").await;
    assert!(
        said.contains("deny[malicious-package]: MAL-2026-1") && said.contains("six 1.0.0"),
        "{said}"
    );
}

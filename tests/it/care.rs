//! Pulls of images whose authors took no care.

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::tarball;

const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64", "linux/arm64"]
[names]
registries = ["docker.io"]
[scan.standard]
secrets = "deny"
[scan.looked-at]
viruses = "deny"
[[rule]]
match = ["docker.io/acme/looked-at"]
unsigned = "allow"
scan = "looked-at"
[default]
unsigned = "allow"
scan = "standard"
[[waiver]]
finding = "secret-in-file"
images = ["docker.io/acme/app"]
paths = ["app/known.token"]
reason = "was withdrawn the day it was found"
owner = "platform@acme.example"
until = 2999-01-31
"#;
const APP: &str = "acme/app";

/// Put together here, so that this file holds no token.
fn token() -> Vec<u8> {
    ["token = gh", "p_Zq8Kp3Vt7Xw2Rm5Yb9Nc4Hd6Jf1Ls0Gq7Tz3"]
        .concat()
        .into_bytes()
}

async fn said(layers: Vec<Vec<u8>>, name: &str) -> Option<String> {
    let registry = FakeRegistry::start().await;
    let gate: Gate = Setup::new(POLICY).start(&registry).await;
    let image = ImageSpec {
        layers,
        ..ImageSpec::default()
    };
    registry.push_image(name, "1", &image);
    let client = gate.at_gateway().with_namespace("docker.io");
    let answer = client
        .get(&format!("/v2/{name}/manifests/1?ns=docker.io"))
        .await;
    (answer.status != 200).then(|| answer.text())
}

#[tokio::test]
async fn a_secret_denies_and_is_not_repeated() {
    let said = said(vec![tarball(&[("app/my.token", &token())])], APP)
        .await
        .unwrap();
    assert!(
        said.contains("a secret (github-token) in app/my.token, line 1"),
        "{said}"
    );
    assert!(!said.contains("Zq8Kp3"), "{said}");
}

#[tokio::test]
async fn a_secret_under_a_later_layer_denies_too() {
    let layers = vec![
        tarball(&[("app/my.token", &token())]),
        tarball(&[("app/.wh.my.token", b"")]),
    ];
    let said = said(layers, APP).await.unwrap();
    assert!(said.contains("a later layer removes the file"), "{said}");
}

#[tokio::test]
async fn a_waiver_names_its_file() {
    assert_eq!(
        said(vec![tarball(&[("app/known.token", &token())])], APP).await,
        None
    );
}

#[tokio::test]
async fn an_open_account_denies_unless_a_later_layer_locks_it() {
    let open = || tarball(&[("etc/shadow", b"root::19000::::::\n")]);
    let locked = tarball(&[("etc/shadow", b"root:*:19000::::::\n")]);
    let said_open = said(vec![open()], APP).await.unwrap();
    assert!(said_open.contains("has an empty password"), "{said_open}");
    assert_eq!(said(vec![open(), locked], APP).await, None);
}

#[tokio::test]
async fn a_virus_scanner_that_is_required_and_absent_denies() {
    let said = said(vec![tarball(&[("app/a", b"a")])], "acme/looked-at")
        .await
        .unwrap();
    assert!(
        said.contains("a virus scanner is required, and none is configured"),
        "{said}"
    );
}

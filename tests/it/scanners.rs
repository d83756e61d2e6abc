//! Pulls for which other scanners are asked: programs, servers, adapters of Harbor's, and what somebody signed.

mod adapters;
mod signed;

use std::sync::Arc;
use std::time::Duration;

use lazaret::evidence::{Adapter, Login, OtherScanner, Program, ScannerWay, Shown, Webhook};
use lazaret::gateway::{self, Limits, Listener};
use lazaret::inspection::inspect;
use lazaret::oci::Digest;
use lazaret::upstream::Upstream;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::scans::{APP, advisory, at, debian, image, know, refused};
use crate::support::client::Client;
use crate::support::fake_registry::{FakeRegistry, Fault, Pushed, Request, Times};
use crate::support::gate::{Gate, Setup, upstreams};
use crate::support::signing::{Key, push};

/// Asks one scanner, which must say something.
const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
[scan.standard]
unsupported = "allow"
scanners = ["house"]
[default]
unsigned = "allow"
scan = "standard"
"#;

fn scanner(way: ScannerWay, patience: Duration) -> OtherScanner {
    OtherScanner {
        name: "house".to_owned(),
        way,
        patience,
        good_for: Duration::from_secs(3600),
    }
}

pub(crate) async fn scene(way: ScannerWay) -> (FakeRegistry, Gate, Pushed) {
    within(way, Duration::from_secs(60)).await
}

/// A gate that asks this scanner, and an image.
async fn within(way: ScannerWay, patience: Duration) -> (FakeRegistry, Gate, Pushed) {
    let registry = FakeRegistry::start().await;
    let setup = Setup {
        scanners: vec![scanner(way, patience)],
        ..Setup::new(POLICY)
    };
    let gate = setup.start(&registry).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.13-1")]));
    (registry, gate, pushed)
}

fn program(script: &str) -> ScannerWay {
    let words = [
        "/bin/sh",
        "-c",
        script,
        "scan",
        "{layout}",
        "{digest}",
        "{bill}",
        "{platform}",
        "{image}",
    ];
    ScannerWay::Program(Program {
        command: words.map(str::to_owned).to_vec(),
        environment: [("GIVEN".to_owned(), "yes".to_owned())].into(),
    })
}

/// A report in our own words.
fn report(digest: &str, found: Value) -> String {
    json!({
        "scanner": { "name": "house", "version": "1" },
        "artifact": { "digest": digest },
        "vulnerabilities": found,
    })
    .to_string()
}

fn found(severity: &str) -> Value {
    json!([{ "id": "CVE-2026-5", "package": "left-pad", "version": "1.0.0", "fixed_in": "1.0.1",
        "severity": severity, "path": "app/package.json" }])
}

/// A program that says this of whatever it is shown.
fn saying(found: &Value) -> ScannerWay {
    let report = report("$2", found.clone()).replace('"', "\\\"");
    program(&format!("echo \"{report}\""))
}

#[tokio::test]
async fn a_program_sees_the_image_and_nothing_of_the_server() {
    // What is not as it should be ends the script, and so the pull.
    let script = r#"set -eu
        test -z "${PATH_OF_SERVER:-}${CARGO_MANIFEST_DIR:-}" && test "$GIVEN" = yes
        grep -q 1.0.0 "$1/oci-layout" && grep -q "$2" "$1/index.json"
        manifest="$1/blobs/sha256/${2#sha256:}"
        test "$(sha256sum <"$manifest" | cut -d' ' -f1)" = "${2#sha256:}"
        for blob in "$1"/blobs/sha256/*; do
            test "$(sha256sum <"$blob" | cut -d' ' -f1)" = "${blob##*/}"
        done
        test "$(ls "$1/blobs/sha256" | wc -l)" = 3
        grep -q libssl3 "$3" && test "$4" = linux/amd64 && test "$5" = "docker.io/acme/app@$2"
        printf '{"scanner":{"name":"house"},"artifact":{"digest":"%s"},"vulnerabilities":[]}' "$2""#;
    let (_registry, gate, _) = scene(program(script)).await;
    at(&gate).pull(APP, "1").await.pulled();
    let scratch = gate.data().join("scratch");
    assert_eq!(
        std::fs::read_dir(scratch).unwrap().count(),
        0,
        "nothing is left"
    );
}

#[tokio::test]
async fn what_a_program_finds_is_held_against_the_image() {
    let (_registry, gate, _) = scene(saying(&found("CRITICAL"))).await;
    let said = refused(&gate, "1").await;
    let line = "CVE-2026-5, critical, in left-pad 1.0.0 of app/package.json, says house";
    assert!(said.contains(line), "{said}");
    assert!(said.contains("fixed in 1.0.1"), "{said}");
    let (_registry, gate, _) = scene(saying(&found("medium"))).await;
    at(&gate).pull(APP, "1").await.pulled();
}

#[tokio::test]
async fn a_program_that_says_nothing_good_refuses_the_image() {
    let trivy = |id: &str| {
        let report = json!({ "SchemaVersion": 2, "ArtifactType": "container_image", "Metadata": { "ImageID": id } });
        format!("echo '{report}'")
    };
    let cases = [
        ("exit 3".to_owned(), "/bin/sh failed (exit status: 3)"),
        (
            "echo broken database >&2; exit 1".to_owned(),
            "(exit status: 1): broken database",
        ),
        ("true".to_owned(), "its report is no JSON"),
        (
            "echo '{}'".to_owned(),
            "neither trivy's nor grype's nor ours",
        ),
        (
            format!(
                "echo '{}'",
                report(&Digest::of(b"another").to_string(), json!([]))
            ),
            "its report is about another image",
        ),
        (trivy(""), "does not say which image it is about"),
        (trivy("sha256:00"), "its report is about another image"),
        ("kill -9 $$".to_owned(), "/bin/sh failed (signal: 9"),
    ];
    for (script, why) in cases {
        let (_registry, gate, _) = scene(program(&script)).await;
        let said = refused(&gate, "1").await;
        assert!(
            said.contains("the scanner \\\"house\\\" is required and says nothing: "),
            "{said}"
        );
        assert!(said.contains(why), "{why} is not in {said}");
    }
    let missing = ScannerWay::Program(Program {
        command: vec!["/no/such/scanner".to_owned()],
        environment: Default::default(),
    });
    let (_registry, gate, _) = scene(missing).await;
    let said = refused(&gate, "1").await;
    assert!(said.contains("/no/such/scanner cannot be run"), "{said}");
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended() {
    let way = program("echo $$ > $HOME/../../pid; exec cat /dev/zero > /dev/null");
    // Enough for it to say who it is, on any machine.
    let (_registry, gate, _) = within(way, Duration::from_secs(3)).await;
    let said = refused(&gate, "1").await;
    assert!(said.contains("no answer within 3 s"), "{said}");
    let pid = std::fs::read_to_string(gate.data().join("pid")).unwrap();
    let gone = async {
        // It is no child of ours that we could wait for.
        while std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
            .is_ok_and(|stat| !stat.contains(") Z "))
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_scanner_that_nobody_set_up_says_nothing() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    registry.push_image(APP, "1", &image(vec![debian("3.0.13-1")]));
    let said = refused(&gate, "1").await;
    assert!(
        said.contains("lazaret.toml has no [scanner.house]"),
        "{said}"
    );
}

async fn server(fake: &FakeRegistry) -> Arc<Upstream> {
    let url = fake.url().parse().unwrap();
    upstreams(&fake.url()).elsewhere(&url).unwrap()
}

fn answer(status: u16, body: String) -> Fault {
    Fault::Status(status, Vec::new(), body.into_bytes())
}

pub(crate) async fn webhook(fake: &FakeRegistry) -> ScannerWay {
    ScannerWay::Webhook(Webhook {
        server: server(fake).await,
        path: "/verdict?team=a".to_owned(),
        login: Login::Authorization("Bearer secret".to_owned()),
    })
}

#[tokio::test]
async fn a_server_is_told_what_is_in_the_image_and_its_verdict_counts() {
    let fake = FakeRegistry::start().await;
    let (_registry, gate, pushed) = scene(webhook(&fake).await).await;
    let manifest = pushed.children[0].manifest.to_string();
    let mut verdict: Value = serde_json::from_str(&report(&manifest, json!([]))).unwrap();
    verdict["verdict"] = json!("fail");
    verdict["reason"] = json!("built by a team that left\nthe company");
    fake.fault(
        "POST /verdict",
        Times::Once,
        answer(200, verdict.to_string()),
    );
    let said = refused(&gate, "1").await;
    let line = "is against it: built by a team that leftthe company";
    assert!(said.contains(line), "{said}");
    let asked = fake.requests().remove(0);
    assert_eq!(
        (asked.query.as_str(), asked.header("authorization")),
        ("team=a", Some("Bearer secret"))
    );
    let question: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(question["digest"], json!(manifest));
    assert_eq!(question["image"], "docker.io/acme/app");
    assert_eq!(question["platform"], "linux/amd64");
    assert!(
        question["bill"].to_string().contains("libssl3"),
        "{question}"
    );
    // What was said is kept: another verdict about the same image asks nobody.
    know(&gate, &[advisory("DSA-1", "1")]).await;
    refused(&gate, "1").await;
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_fails_or_redirects_refuses_the_image() {
    let elsewhere = vec![("location".to_owned(), "http://127.0.0.1:1/".to_owned())];
    for (fault, why) in [
        (answer(500, String::new()), "it answered HTTP 500"),
        (
            Fault::Status(302, elsewhere, Vec::new()),
            "it answered HTTP 302",
        ),
        (answer(200, "<html>".to_owned()), "its report is no JSON"),
        (Fault::Reset, "says nothing: "),
    ] {
        let fake = FakeRegistry::start().await;
        fake.fault("POST /verdict", Times::Always, fault);
        let (_registry, gate, _) = scene(webhook(&fake).await).await;
        let said = refused(&gate, "1").await;
        assert!(said.contains(why), "{why} is not in {said}");
    }
}

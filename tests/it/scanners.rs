//! Pulls for which other scanners are asked: programs, servers, adapters of Harbor's, and what somebody signed.

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

async fn scene(way: ScannerWay) -> (FakeRegistry, Gate, Pushed) {
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

async fn webhook(fake: &FakeRegistry) -> ScannerWay {
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

const METADATA: &str = r#"{"scanner":{"name":"Fake","vendor":"Nobody","version":"1"},"capabilities":[{"type":"vulnerability",
    "consumes_mime_types":["application/vnd.oci.image.manifest.v1+json"],
    "produces_mime_types":["application/vnd.security.vulnerability.report; version=1.1"]}],
    "properties":{"harbor.scanner-adapter/vulnerability-database-updated-at":"2026-11-20T00:00:00Z"}}"#;

/// Where adapters fetch images; it ends with the sender.
async fn shown() -> (Arc<Shown>, std::net::SocketAddr, watch::Sender<bool>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let address = listener.address().unwrap();
    let shown = Shown::new(format!("http://{address}"));
    let (stop, stopping) = watch::channel(false);
    let showing = shown.clone();
    tokio::spawn(gateway::serve(
        listener,
        Limits::default(),
        stopping,
        move |request, _| {
            let shown = showing.clone();
            async move { inspect(&shown, &request).await }
        },
    ));
    (shown, address, stop)
}

async fn adapter(fake: &FakeRegistry, shown: &Arc<Shown>) -> ScannerWay {
    ScannerWay::Harbor(Adapter {
        server: server(fake).await,
        path: "/adapter".to_owned(),
        login: Login::ApiKey("key".to_owned()),
        shown: Some(shown.clone()),
    })
}

fn listing(digest: &str, found: &str) -> String {
    format!(
        r#"{{"generated_at":"2026-11-20T00:00:00Z","artifact":{{"repository":"docker.io/acme/app","digest":"{digest}"}},
        "scanner":{{"name":"Fake","version":"1"}},"severity":"Critical","vulnerabilities":{found}}}"#
    )
}

/// The request by which an adapter hears of an image, once it has.
async fn heard(fake: &FakeRegistry) -> Request {
    let wait = async {
        loop {
            let asked = fake.requests().into_iter().find(|one| one.method == "POST");
            match asked {
                Some(asked) => return asked,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_adapter_fetches_the_image_and_its_findings_count() {
    let fake = FakeRegistry::start().await;
    let (shown, address, _running) = shown().await;
    let (registry, gate, pushed) = scene(adapter(&fake, &shown).await).await;
    let child = &pushed.children[0];
    let other = registry.push_image(APP, "2", &image(vec![debian("9")]));
    fake.fault(
        "GET /adapter/api/v1/metadata",
        Times::Always,
        answer(200, METADATA.to_owned()),
    );
    fake.fault(
        "POST /adapter/api/v1/scan",
        Times::Always,
        answer(202, r#"{"id":"job-1"}"#.to_owned()),
    );
    // Forgotten once, then not ready once: it is no redirect, though it looks like one.
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Once,
        answer(404, String::new()),
    );
    let later = vec![
        ("refresh-after".to_owned(), "1".to_owned()),
        ("location".to_owned(), "/evil".to_owned()),
    ];
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Once,
        Fault::Status(302, later, Vec::new()),
    );
    let found = r#"[{"id":"CVE-2026-5","package":"left-pad","version":"1.0.0","fix_version":"1.0.1","severity":"Critical"}]"#;
    let body = listing(&child.manifest.to_string(), found);
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Always,
        answer(200, body),
    );
    let pulling = tokio::spawn(async move { (refused(&gate, "1").await, gate) });
    let asked = heard(&fake).await;
    assert_eq!(asked.header("x-scanneradapter-api-key"), Some("key"));
    let question: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        question["registry"]["url"],
        json!(format!("http://{address}"))
    );
    assert_eq!(question["artifact"]["digest"], json!(child.manifest));
    assert_eq!(question["enabled_capabilities"][0]["type"], "vulnerability");
    let pass = question["registry"]["authorization"]
        .as_str()
        .unwrap()
        .to_owned();
    let client = Client::new(address, "scanner");
    let statuses = async |pass: &str| {
        let own = format!("/v2/docker.io/{APP}");
        let paths = [
            format!("{own}/manifests/{}", child.manifest),
            format!("{own}/blobs/{}", child.config),
            format!("{own}/blobs/{}", child.layers[0]),
            format!("{own}/manifests/1"),
            format!("{own}/manifests/{}", other.children[0].manifest),
            format!("{own}/blobs/{}", other.children[0].layers[0]),
            format!("/v2/docker.io/acme/other/blobs/{}", child.config),
        ];
        let mut statuses = Vec::new();
        for path in paths {
            let answer = client.send("GET", &path, &[("authorization", pass)]).await;
            statuses.push(answer.status);
        }
        statuses
    };
    assert_eq!(statuses(&pass).await, [200, 200, 200, 404, 404, 404, 404]);
    assert_eq!(statuses("Basic c2Nhbm5lcjp3cm9uZw==").await, [401; 7]);
    let written = client
        .send("PUT", "/v2/", &[("authorization", &pass)])
        .await;
    assert_eq!(written.status, 405);
    let (said, _gate) = pulling.await.unwrap();
    assert!(
        said.contains("CVE-2026-5, critical, in left-pad 1.0.0, says house"),
        "{said}"
    );
    assert!(fake.requests().iter().all(|one| one.path != "/evil"));
    assert_eq!(
        statuses(&pass).await,
        [401; 7],
        "a pass ends with its question"
    );
}

#[tokio::test]
async fn an_adapter_that_fails_refuses_the_image() {
    let (shown, ..) = shown().await;
    let good = |fake: &FakeRegistry| {
        fake.fault(
            "GET /adapter/api/v1/metadata",
            Times::Always,
            answer(200, METADATA.to_owned()),
        );
        fake.fault(
            "POST /adapter/api/v1/scan",
            Times::Always,
            answer(202, r#"{"id":"job-1"}"#.to_owned()),
        );
    };
    let report = "GET /adapter/api/v1/scan/job-1/report";
    let complaint = r#"{"error":{"message":"no database"}}"#.to_owned();
    for (at, fault, why) in [
        (
            "GET /adapter/api/v1/metadata",
            answer(503, String::new()),
            "it answered HTTP 503",
        ),
        (
            "POST /adapter/api/v1/scan",
            answer(422, complaint.clone()),
            "it answered HTTP 422: no database",
        ),
        (
            "POST /adapter/api/v1/scan",
            answer(202, r#"{"id":"../x"}"#.to_owned()),
            "unusable name",
        ),
        (
            report,
            answer(500, complaint),
            "it answered HTTP 500: no database",
        ),
        (
            report,
            answer(200, "{}".to_owned()),
            "its answer is malformed",
        ),
        (
            report,
            answer(200, listing("sha256:00", "null")),
            "its report is about another image",
        ),
        (
            report,
            answer(404, String::new()),
            "it forgot 3 scans in a row",
        ),
    ] {
        let fake = FakeRegistry::start().await;
        fake.fault(at, Times::Always, fault);
        good(&fake);
        let (_registry, gate, _) = scene(adapter(&fake, &shown).await).await;
        let said = refused(&gate, "1").await;
        assert!(said.contains(why), "{why} is not in {said}");
    }
}

/// A policy that hears what `vendor` signed.
fn told(key: &Key) -> String {
    let profile = "unsupported = \"allow\"\nreports_by = [\"vendor\"]\nvex_by = [\"vendor\"]";
    let policy = POLICY.replace("unsupported = \"allow\"\nscanners = [\"house\"]", profile);
    policy + &key.signer("vendor")
}

const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const COSIGN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

fn vex(status: &str, justification: &str) -> Value {
    json!({ "@context": VEX, "@id": "x", "author": "vendor", "timestamp": "2026-01-01T00:00:00Z", "version": 1,
        "statements": [{ "vulnerability": { "name": "CVE-2026-1" }, "status": status, "justification": justification,
            "products": [{ "@id": "pkg:deb/debian/libssl3" }] }] })
}

#[tokio::test]
async fn what_a_trusted_signer_says_does_no_harm_does_not_deny() {
    let (key, stranger) = (Key::new(), Key::new());
    let good = "vulnerable_code_not_present";
    for (signer, predicate, clears) in [
        (&key, vex("not_affected", good), true),
        (&key, vex("not_affected", ""), false),
        (&key, vex("affected", good), false),
        (&stranger, vex("not_affected", good), false),
    ] {
        let registry = FakeRegistry::start().await;
        let gate = Setup::new(&told(&key)).start(&registry).await;
        know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
        let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
        let child = &pushed.children[0];
        for digest in [&pushed.digest, &child.manifest] {
            let subject = pushed.descriptor.clone();
            let statement = signer.bundle(digest, VEX, predicate.clone());
            push(&registry, APP, &[statement], Some(&subject));
        }
        match clears {
            true => drop(at(&gate).pull(APP, "1").await.pulled()),
            false => drop(refused(&gate, "1").await),
        }
    }
}

#[tokio::test]
async fn a_signed_report_counts_like_a_scanner() {
    let key = Key::new();
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&told(&key)).start(&registry).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    let second = registry.push_image(APP, "2", &image(vec![debian("3.0.12-1")]));
    assert_ne!(pushed.digest, second.digest);
    let trivy = json!({ "SchemaVersion": 2, "ArtifactType": "container_image", "Results": [{ "Target": "app/package.json",
        "Vulnerabilities": [{ "VulnerabilityID": "CVE-2026-5", "PkgName": "left-pad", "InstalledVersion": "1.0.0",
            "FixedVersion": "1.0.1", "Severity": "CRITICAL" }] }] });
    let predicate = json!({ "scanner": { "uri": "trivy", "result": trivy },
        "metadata": { "scanFinishedOn": "2026-11-20T00:00:00Z" } });
    let statement = key.bundle(&second.digest, COSIGN, predicate);
    push(&registry, APP, &[statement], Some(&second.descriptor));
    let said = refused(&gate, "2").await;
    assert!(
        said.contains(
            "CVE-2026-5, critical, in left-pad 1.0.0 of app/package.json, says report by vendor"
        ),
        "{said}"
    );
}

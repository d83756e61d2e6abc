//! Verdicts as attestations beside the images.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::ledger::Event;
use lazaret::oci::Digest;
use lazaret::policy::{EventKind, Revocation, Revoked};
use serde_json::Value;

use crate::support::client::{Answer, Client};
use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};

const APP: &str = "acme/app";
const KIND: &str = "https://slsa.dev/verification_summary/v1";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

async fn gate(policy: &str) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let mut setup = Setup::new(policy);
    setup.vouches = true;
    let gate = setup.start(&registry).await;
    (registry, gate)
}

fn at(gate: &Gate) -> Client {
    gate.at_gateway().with_namespace("docker.io")
}

async fn get(gate: &Gate, rest: &str) -> Answer {
    at(gate)
        .get(&format!("/v2/{APP}/{rest}?ns=docker.io"))
        .await
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// What refers to an image, our kind only.
async fn listed(gate: &Gate, image: &Digest) -> Vec<Value> {
    let list = json(&get(gate, &format!("referrers/{image}")).await);
    let all = list["manifests"].as_array().unwrap().clone();
    let ours = |one: &Value| one["annotations"]["dev.sigstore.bundle.predicateType"] == KIND;
    all.into_iter().filter(ours).collect()
}

/// The statement behind an entry, once every digest and the signature hold.
async fn said(gate: &Gate, entry: &Value) -> Value {
    let digest = entry["digest"].as_str().unwrap();
    let manifest = get(gate, &format!("manifests/{digest}")).await;
    assert_eq!(Digest::of(&manifest.body).to_string(), digest);
    assert_eq!(entry["size"], manifest.body.len());
    assert_eq!(manifest.header("docker-content-digest"), Some(digest));
    let manifest = json(&manifest);
    assert_eq!(manifest["artifactType"], BUNDLE);
    let empty = manifest["config"]["digest"].as_str().unwrap();
    assert_eq!(get(gate, &format!("blobs/{empty}")).await.text(), "{}");
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let bundle = get(gate, &format!("blobs/{layer}")).await;
    assert_eq!(Digest::of(&bundle.body).to_string(), layer);
    let head = at(gate)
        .head(&format!("/v2/{APP}/blobs/{layer}?ns=docker.io"))
        .await;
    assert_eq!(
        head.header("content-length"),
        Some(bundle.body.len().to_string().as_str())
    );
    let bundle = json(&bundle);
    let envelope = &bundle["dsseEnvelope"];
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let (payload, signature) = (
        bytes(&envelope["payload"]),
        bytes(&envelope["signatures"][0]["sig"]),
    );
    let kind = envelope["payloadType"].as_str().unwrap();
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    signed.extend_from_slice(&payload);
    let key = lazaret::vsa::VsaSigner::open(&gate.data().join("vsa.key")).unwrap();
    let pem = key.public_pem();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(der).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der)
        .verify(&signed, &signature)
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let subject = manifest["subject"]["digest"].as_str().unwrap();
    let hex = subject.strip_prefix("sha256:").unwrap();
    assert_eq!(statement["subject"][0]["digest"]["sha256"], hex);
    statement
}

#[tokio::test]
async fn an_admitted_image_bears_our_word_and_it_stays_the_same() {
    let (registry, gate) = gate(LENIENT).await;
    let spec = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        ..ImageSpec::default()
    };
    let image = registry.push_image(APP, "1", &spec);
    let found = listed(&gate, &image.digest).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["artifactType"], BUNDLE);
    let statement = said(&gate, &found[0]).await;
    assert_eq!(statement["predicateType"], KIND);
    let predicate = &statement["predicate"];
    assert_eq!(predicate["verificationResult"], "PASSED");
    assert_eq!(predicate["verifier"]["id"], "https://lazaret.test");
    assert_eq!(
        predicate["verifiedLevels"],
        serde_json::json!(["LAZARET_POLICY"])
    );
    assert_eq!(
        predicate["resourceUri"],
        format!("docker.io/{APP}@{}", image.digest)
    );
    let id = predicate["lazaret"]["decision"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(gate.ledger.decision(id).await.unwrap().is_some());
    assert_eq!(listed(&gate, &image.digest).await, found, "signed once");

    // A platform's image in the index has a word about itself.
    let child = image.children[0].manifest;
    let of_child = listed(&gate, &child).await;
    assert_ne!(of_child, found);
    let statement = said(&gate, &of_child[0]).await;
    assert_eq!(
        statement["predicate"]["lazaret"]["judged"],
        image.digest.to_string()
    );

    // The filter of the API holds for it.
    let path = format!(
        "/v2/{APP}/referrers/{}?ns=docker.io&artifactType=",
        image.digest
    );
    for (kind, count) in [(BUNDLE, 1), ("application/else", 0)] {
        let kind: String = url::form_urlencoded::byte_serialize(kind.as_bytes()).collect();
        let list = json(&at(&gate).get(&format!("{path}{kind}")).await);
        assert_eq!(list["manifests"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn it_outlives_a_restart_and_is_no_way_around_a_refusal() {
    let (registry, gate) = gate(LENIENT).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    let entry = listed(&gate, &image.digest).await.remove(0);
    let digest = entry["digest"].as_str().unwrap().to_owned();
    let folder = gate.folder.clone();
    drop(gate);
    let mut setup = Setup::new(LENIENT);
    setup.vouches = true;
    let gate = setup.start_in(folder, &registry).await;
    said(&gate, &entry).await;
    // Elsewhere it is nobody's.
    let path = format!("/v2/acme/other/manifests/{digest}?ns=docker.io");
    assert_eq!(at(&gate).get(&path).await.status, 404);
    // Once the image is not served any more, neither is what vouched for it.
    let revocation = Revocation {
        id: "R1".to_owned(),
        what: Revoked::Digest(image.digest),
        reason: "bad".to_owned(),
        by: "ops".to_owned(),
        at: lazaret::telemetry::now(),
    };
    let told = Event::new(EventKind::Revoked, "R1".to_owned(), revocation.at);
    gate.ledger.revoke(revocation, told).await.unwrap();
    gate.admission.reread_revocations().await.unwrap();
    assert_ne!(get(&gate, &format!("manifests/{digest}")).await.status, 200);
    assert_eq!(listed(&gate, &image.digest).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_only_audit_mode_lets_through_has_failed() {
    let policy = LENIENT
        .replace("version = 1", "version = 1\nmode = \"audit\"")
        .replace("unsigned = \"allow\"", "unsigned = \"deny\"");
    let (registry, gate) = gate(&policy).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    let entry = listed(&gate, &image.digest).await.remove(0);
    let predicate = &said(&gate, &entry).await["predicate"];
    assert_eq!(predicate["verificationResult"], "FAILED");
    assert_eq!(predicate["verifiedLevels"], serde_json::json!(["FAILED"]));
    let findings = predicate["lazaret"]["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|one| one["level"] == "deny"),
        "{findings:?}"
    );
}

#[tokio::test]
async fn without_the_table_nobody_vouches() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    assert_eq!(listed(&gate, &image.digest).await, Vec::<Value>::new());
    let empty = Digest::of(b"{}");
    assert_eq!(get(&gate, &format!("blobs/{empty}")).await.status, 404);
}

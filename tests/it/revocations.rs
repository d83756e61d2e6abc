//! What is revoked is denied from the next request on, whatever was ruled, waived or set to audit.

use lazaret::ledger::Event;
use lazaret::oci::Digest;
use lazaret::policy::{
    EventKind, Pattern, Revocation, Revocations, Revoked, SignatureEvidence, ValidSignature,
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::signing::{Key, SIGN, push};

const APP: &str = "acme/app";

fn revocation(id: &str, what: Revoked) -> Revocation {
    Revocation {
        id: id.to_owned(),
        what,
        reason: "backdoor".to_owned(),
        by: "alice".to_owned(),
        at: lazaret::telemetry::now(),
    }
}

async fn revoke(gate: &Gate, id: &str, what: Revoked) {
    let told = Event::new(
        EventKind::Revoked,
        what.to_string(),
        lazaret::telemetry::now(),
    );
    gate.ledger
        .revoke(revocation(id, what), told)
        .await
        .unwrap();
    gate.admission.reread_revocations().await.unwrap();
}

async fn undo(gate: &Gate, id: &str) {
    let now = lazaret::telemetry::now();
    let ended = gate
        .ledger
        .end_revocation(id.to_owned(), "bob".to_owned(), now);
    ended.await.unwrap();
    gate.admission.reread_revocations().await.unwrap();
}

async fn gate(policy: &str) -> (FakeRegistry, Gate, Digest, Digest) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(policy).start(&registry).await;
    let image = registry.push_image(APP, "1.0", &ImageSpec::default());
    let (digest, layer) = (image.digest, image.children[0].layers[0]);
    (registry, gate, digest, layer)
}

#[tokio::test]
async fn a_digest_a_layer_and_a_name_are_denied_and_allowed_again() {
    let (_registry, gate, digest, layer) = gate(LENIENT).await;
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1.0").await.pulled();
    let pattern = Pattern::parse("docker.io/acme/**").unwrap();
    for (id, what) in [
        ("1", Revoked::Digest(digest)),
        ("2", Revoked::Digest(layer)),
        ("3", Revoked::Images(pattern)),
    ] {
        revoke(&gate, id, what).await;
        client.pull(APP, "1.0").await.refused();
        for target in ["1.0".to_owned(), digest.to_string()] {
            let said = client
                .get(&format!("/v2/docker.io/{APP}/manifests/{target}"))
                .await;
            assert_eq!(said.status, 403, "{}", said.text());
            assert!(said.text().contains("was revoked by alice"));
        }
        let blob = client
            .get(&format!("/v2/docker.io/{APP}/blobs/{layer}"))
            .await;
        assert_eq!(blob.status, 403, "{}", blob.text());
        undo(&gate, id).await;
        client.pull(APP, "1.0").await.pulled();
    }
}

/// An image that `ci` and nobody else has signed.
async fn signed(size: usize) -> (FakeRegistry, Gate, Digest) {
    let key = Key::new();
    let text = format!(
        "{LENIENT}\n{}[[rule]]\nmatch = [\"docker.io/acme/*\"]\nsigned_by = [\"ci\"]\n",
        key.signer("ci")
    );
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&text).start(&registry).await;
    let big = ImageSpec {
        layers: vec![vec![7; size]],
        ..ImageSpec::default()
    };
    let image = registry.push_image(APP, "1.0", &big);
    let layer = key.bundle(&image.digest, SIGN, serde_json::json!({}));
    push(&registry, APP, &[layer], Some(&image.descriptor));
    (registry, gate, image.children[0].layers[0])
}

#[tokio::test]
async fn what_a_revoked_signer_vouched_for_is_denied_cut_and_allowed_again() {
    let (_registry, gate, layer) = signed(BIG).await;
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1.0").await.pulled();
    let mut stream = begun(&gate, &layer).await;
    revoke(&gate, "0", Revoked::Signer("somebody".to_owned())).await;
    client.pull(APP, "1.0").await.pulled();
    revoke(&gate, "1", Revoked::Signer("ci".to_owned())).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < BIG - FIRST, "{}", rest.len());
    client.pull(APP, "1.0").await.refused();
    let said = client
        .get(&format!("/v2/docker.io/{APP}/manifests/1.0"))
        .await;
    assert!(
        said.text().contains("signer ci was revoked by alice"),
        "{}",
        said.text()
    );
    undo(&gate, "1").await;
    client.pull(APP, "1.0").await.pulled();
}

/// A publisher is whoever the policy takes from the catalogue under that name, whatever it calls him.
#[test]
fn a_revoked_publisher_signs_nothing_and_signs_again() {
    let text = "version = 1\n[names]\nregistries = [\"registry.k8s.io\"]\n[signer.k8s]\npublisher = \"kubernetes\"\n\
        [signer.other]\npublisher = \"flux\"\n[default]\nsigned_by = [\"k8s\", \"other\"]\n";
    let policy = lazaret::config::parse_policy(text, "policy.toml", None).unwrap();
    let signed = |signer: &str| SignatureEvidence {
        signatures: vec![ValidSignature {
            signer: signer.to_owned(),
            reference: None,
            at: None,
            found: "referrer".to_owned(),
            authority: Default::default(),
        }],
        ..SignatureEvidence::default()
    };
    let left = |revocations: &Revocations, signer: &str| {
        let mut found = signed(signer);
        revocations.without_revoked(&policy, &mut found);
        (found.signatures.len(), found.refused.len())
    };
    let publisher = Revoked::Publisher("kubernetes".to_owned());
    let revoked = Revocations::new(vec![revocation("1", publisher)]);
    assert_eq!(left(&revoked, "k8s"), (0, 1));
    assert_eq!(left(&revoked, "other"), (1, 0));
    assert_eq!(left(&Revocations::default(), "k8s"), (1, 0));
}

fn lazaret(gate: &Gate, arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .arg("--data-dir")
        .arg(gate.data())
        .env_remove("LAZARET_CONFIG")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{}", text(output.stderr));
    text(output.stdout)
}

#[tokio::test]
async fn the_event_names_whoever_pulled_what_was_revoked() {
    let (_registry, gate, layer) = signed(FIRST).await;
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1.0").await.pulled();
    gate.ledger.flush().await.unwrap();
    let layer = layer.to_string();
    for meant in [
        ["--reason", "x", layer.as_str()],
        ["--reason", "x", "docker.io/acme/**"],
        ["--reason", "x", "--signer=ci"],
    ] {
        lazaret(&gate, &[["revoke"].as_slice(), &meant].concat());
        let event = gate.ledger.outbox().events(1).await.unwrap().remove(0);
        assert_eq!(event.kind, EventKind::Revoked);
        let who = format!("as docker.io/{APP}:1.0");
        assert!(
            event.detail.contains("\npulled by 127.0.0.1, last ") && event.detail.contains(&who),
            "{meant:?}: {}",
            event.detail
        );
    }
}

#[tokio::test]
async fn audit_mode_serves_what_is_denied_but_not_what_is_revoked() {
    let policy = LENIENT.replace("version = 1", "version = 1\nmode = \"audit\"");
    let (_registry, gate, digest, _) = gate(&policy).await;
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1.0").await.pulled();
    revoke(&gate, "1", Revoked::Digest(digest)).await;
    client.pull(APP, "1.0").await.refused();
}

#[tokio::test]
async fn revocations_outlive_the_server_and_the_sweep() {
    let (registry, gate, digest, _) = gate(LENIENT).await;
    revoke(&gate, "1", Revoked::Digest(digest)).await;
    gate.ledger.sweep(jiff::Timestamp::MAX).await.unwrap();
    let folder = gate.folder.clone();
    drop(gate);
    let gate = Setup::new(LENIENT).start_in(folder, &registry).await;
    gate.admission.reread_revocations().await.unwrap();
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1.0").await.refused();
}

/// More than what sockets hold.
const BIG: usize = 64 << 20;
/// What has arrived of a download.
const FIRST: usize = 64 << 10;

/// A download on its way.
async fn begun(gate: &Gate, layer: &Digest) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(gate.gateway).await.unwrap();
    let request = format!(
        "GET /v2/docker.io/{APP}/blobs/{layer} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = vec![0; FIRST];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    stream
}

#[tokio::test]
async fn a_download_on_its_way_is_cut() {
    let (registry, gate, _, _) = gate(LENIENT).await;
    let big = ImageSpec {
        layers: vec![vec![7; BIG]],
        ..ImageSpec::default()
    };
    let image = registry.push_image(APP, "big", &big);
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "big").await.pulled();
    let layer = image.children[0].layers[0];
    for (id, digest, whole) in [
        ("1", Digest::of(b"another"), true),
        ("2", image.digest, false),
    ] {
        let mut stream = begun(&gate, &layer).await;
        revoke(&gate, id, Revoked::Digest(digest)).await;
        let mut rest = Vec::new();
        // Cut short, the connection may end in an error too.
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(FIRST + rest.len() > BIG, whole, "{}", rest.len());
    }
}

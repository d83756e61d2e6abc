//! What is revoked is denied from the next request on, whatever was ruled, waived or set to audit.

use lazaret::oci::Digest;
use lazaret::policy::{Pattern, Revocation, Revoked};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};

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
    gate.ledger.revoke(revocation(id, what)).await.unwrap();
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
        let mut stream = tokio::net::TcpStream::connect(gate.gateway).await.unwrap();
        let request = format!(
            "GET /v2/docker.io/{APP}/blobs/{layer} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = vec![0; 64 << 10];
        stream.read_exact(&mut first).await.unwrap();
        assert!(first.starts_with(b"HTTP/1.1 200"));
        revoke(&gate, id, Revoked::Digest(digest)).await;
        let mut rest = Vec::new();
        // Cut short, the connection may end in an error too.
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(first.len() + rest.len() > BIG, whole, "{}", rest.len());
    }
}

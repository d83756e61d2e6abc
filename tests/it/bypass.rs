//! Clients that get images past the gate are noticed, told of, and counted.

use std::time::Duration;

use lazaret::gateway::{Gateway, Hold};
use lazaret::ledger::Event;
use lazaret::policy::EventKind;
use std::sync::Arc;
use tokio::sync::watch;

use crate::support::client::Client;
use crate::support::fake_registry::{FakeRegistry, ImageSpec, Pushed};
use crate::support::gate::{CLASSIC_DOCKER, CONTAINERD, Gate, LENIENT, Setup, upstreams};

const STRICT: &str = "[[rule]]\nmatch = [\"docker.io/acme/denied*\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n[config.strict]\nroot_user = \"deny\"\n";

async fn scene() -> (FakeRegistry, Gate, Pushed) {
    let registry = FakeRegistry::start().await;
    registry.push_image("acme/app", "1", &ImageSpec::default());
    let root = ImageSpec {
        user: "",
        layers: vec![b"a layer of its own".to_vec()],
        ..ImageSpec::default()
    };
    let denied = registry.push_image("acme/denied", "1", &root);
    registry.push_image("acme/denied-too", "1", &root);
    let gate = Setup::new(&format!("{LENIENT}{STRICT}"));
    let gate = gate.start(&registry).await;
    (registry, gate, denied)
}

async fn suspicions(gate: &Gate) -> Vec<Event> {
    gate.ledger.flush().await.unwrap();
    let events = gate.ledger.outbox().events(99).await.unwrap();
    let mut events: Vec<_> = events
        .into_iter()
        .filter(|event| event.kind == EventKind::SuspectedBypass)
        .collect();
    events.reverse();
    events
}

fn counted(sign: &str) -> u64 {
    let line = format!("lazaret_suspected_bypass_total{{sign=\"{sign}\"}} ");
    let text = lazaret::telemetry::metrics().render();
    let found = text
        .lines()
        .find_map(|by| by.strip_prefix(&line).map(str::to_owned));
    found.unwrap().parse().unwrap()
}

#[tokio::test]
async fn layers_of_a_refused_image_tell_that_the_manifest_came_from_elsewhere() {
    let (_registry, gate, denied) = scene().await;
    let before = counted("content-after-denial");
    let client = Client::new(gate.gateway, CONTAINERD).with_namespace("docker.io");
    let answer = client
        .head("/v2/acme/denied/manifests/1?ns=docker.io")
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        suspicions(&gate).await.is_empty(),
        "a refusal alone is no sign"
    );
    let child = &denied.children[0];
    for blob in child.layers.iter().chain([&child.config]) {
        let path = format!("/v2/acme/denied/blobs/{blob}?ns=docker.io");
        assert_eq!(client.get(&path).await.status, 404);
    }
    let told = suspicions(&gate).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let decisions = gate.ledger.decisions(None, 9).await.unwrap();
    assert_eq!(told[0].reference, "docker.io/acme/denied");
    assert_eq!(told[0].decision, Some(decisions[0].id));
    assert_eq!(
        told[0].detail,
        "127.0.0.1 was refused this image, and then asked for its content: it has the manifest from elsewhere"
    );
    assert!(counted("content-after-denial") > before);
}

#[tokio::test]
async fn layers_that_nobody_asked_the_manifest_of_are_a_sign_and_a_whole_pull_is_none() {
    let (_registry, gate, denied) = scene().await;
    let client = gate.at_mirror(CONTAINERD);
    client.pull("acme/app", "1").await.pulled();
    client.pull("acme/app", "1").await.pulled();
    assert!(suspicions(&gate).await.is_empty());
    let path = format!("/v2/acme/denied/blobs/{}", denied.children[0].layers[0]);
    for _ in 0..3 {
        assert_eq!(client.get(&path).await.status, 404);
    }
    let told = suspicions(&gate).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].detail.contains("no manifest served here names"),
        "{told:?}"
    );
    assert_eq!(told[0].count, 1, "once for all layers");
}

/// A gateway of its own on the mind of `gate`, so that a paused clock touches nothing else.
async fn apart(gate: &Gate, registry: &FakeRegistry) -> (Arc<Gateway>, std::net::SocketAddr) {
    let upstreams = Arc::new(upstreams(&registry.url()));
    let explain = "http://why".to_owned();
    let path = Gateway::new(gate.admission.clone(), upstreams, explain, Hold::default());
    let path = Arc::new(path);
    let address = crate::support::gate::listen_mirror(path.clone()).await;
    (path, address)
}

#[tokio::test]
async fn a_refused_client_that_does_not_ask_again_is_told_of_the_second_time() {
    let (registry, gate, _) = scene().await;
    let (path, address) = apart(&gate, &registry).await;
    let client = Client::new(address, CLASSIC_DOCKER);
    let (_stop, stopping) = watch::channel(false);
    let watching = path.clone();
    tokio::spawn(async move { watching.watch_for_bypass(stopping).await });
    // Who reads its refusal to the end is no suspect.
    client.pull("acme/denied", "1").await.refused();
    minutes_pass().await;
    assert!(suspicions(&gate).await.is_empty());
    for (name, told) in [("acme/denied", 0), ("acme/denied-too", 1)] {
        let before = counted("no-follow-up");
        let answer = client.head(&format!("/v2/{name}/manifests/1")).await;
        assert_eq!(answer.status, 200, "a tombstone");
        minutes_pass().await;
        assert!(counted("no-follow-up") > before, "{name}");
        assert_eq!(suspicions(&gate).await.len(), told, "{name}");
    }
    let told = suspicions(&gate).await;
    assert_eq!(told[0].reference, "docker.io/acme/denied-too");
    assert!(told[0].detail.contains("did not ask again"), "{told:?}");
}

/// Lets four minutes pass at once.
async fn minutes_pass() {
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(240)).await;
    tokio::time::resume();
}

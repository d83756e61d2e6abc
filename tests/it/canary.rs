//! The canary at mirror and gateway: the same answers as any image gets, and no trace where decisions are kept.

use std::sync::Arc;

use lazaret::canary::{image, proof};
use lazaret::gateway::{Gateway, Hold, Limits, Listener, Side, serve};
use tokio::sync::watch;

use crate::support::client::Client;
use crate::support::fake_registry::FakeRegistry;
use crate::support::gate::{CLASSIC_DOCKER, CONTAINERD, LENIENT, Setup, upstreams};

const ALLOWED: &str = "lazaret--canary/allowed";
const DENIED: &str = "lazaret--canary/denied";
const AGENTS: [&str; 6] = [
    CLASSIC_DOCKER,
    "docker/29.7.2 go/go1.26 containerd-client/2.3.3+unknown storage-driver/overlayfs",
    CONTAINERD,
    "buildkit/v0.25",
    "containers/5.23.1 (github.com/containers/image)",
    "",
];

#[tokio::test]
async fn the_allowed_canary_is_pulled_on_every_route_and_platform() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    for platform in [
        "linux/amd64",
        "linux/arm64",
        "linux/arm/v7",
        "linux/s390x",
        "linux/ppc64le",
        "linux/riscv64",
    ] {
        let mirror = gate.at_mirror(CLASSIC_DOCKER).for_platform(platform);
        let pulled = mirror.pull(ALLOWED, "n1").await.pulled();
        assert_eq!(pulled.digest, image().index.digest);
        assert_eq!(pulled.layers.len(), 1);
        for name in ["docker.io", "ghcr.io", "evil.example"] {
            let gateway = gate.at_gateway().for_platform(platform);
            let prefixed = gateway.pull(&format!("{name}/{ALLOWED}"), "n1").await;
            assert_eq!(prefixed.pulled().manifest, pulled.manifest);
            let by_name = gateway.with_namespace(name).pull(ALLOWED, "n1").await;
            assert_eq!(by_name.pulled().manifest, pulled.manifest);
        }
    }
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn the_denied_canary_is_refused_to_every_client_in_its_own_shape() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    for agent in AGENTS {
        let client = gate.at_mirror(agent);
        let head = client.head(&format!("/v2/{DENIED}/manifests/n1")).await;
        let get = client.get(&format!("/v2/{DENIED}/manifests/n1")).await;
        let words = format!("{}{}", get.text(), get.reason.unwrap_or_default());
        assert!(words.contains(&proof("n1")), "{agent}: {words}");
        // No status that a mirror's client takes for a reason to go on, but where its GET is what it believes.
        assert!([200, 300].contains(&head.status), "{agent}: {head:?}");
        if let Some(digest) = head.header("docker-content-digest") {
            let again = client
                .get(&format!("/v2/{DENIED}/manifests/{digest}"))
                .await;
            assert!(
                again.text().contains(&proof("n1")),
                "{agent}: {}",
                again.text()
            );
        }
    }
    let path = format!("/v2/ghcr.io/{DENIED}/manifests/n2");
    let answer = gate.at_gateway().get(&path).await;
    assert_eq!(answer.status, 403);
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        body["errors"][0]["message"],
        format!(
            "denied: ghcr.io/lazaret--canary/denied:n2\n  this is Lazaret's canary, which is always denied: the block holds (proof {})\n  why: http://explain.test/canary/n2",
            proof("n2")
        )
    );
    assert_eq!(body["errors"][0]["code"], "DENIED");
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn whatever_else_is_under_the_name_is_refused_and_never_asked_for() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let layer = image().index.digest;
    for path in [
        "lazaret--canary/other/manifests/n1".to_owned(),
        "lazaret--canary/allowed/more/manifests/n1".to_owned(),
        format!("{DENIED}/manifests/{layer}"),
        format!("{DENIED}/blobs/{layer}"),
        format!("{DENIED}/tags/list"),
        format!("{DENIED}/referrers/{layer}"),
    ] {
        let answer = gate
            .at_gateway()
            .get(&format!("/v2/docker.io/{path}"))
            .await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    let absent = format!("sha256:{}", "0".repeat(64));
    for (path, status) in [
        (format!("{ALLOWED}/blobs/{absent}"), 404),
        (format!("{ALLOWED}/manifests/{absent}"), 403),
        (format!("{ALLOWED}/tags/list"), 200),
        (format!("{ALLOWED}/referrers/{absent}"), 200),
    ] {
        let answer = gate
            .at_gateway()
            .get(&format!("/v2/docker.io/{path}"))
            .await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn the_server_knows_who_asked_by_the_nonce_and_the_ledger_knows_nothing() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let path = Arc::new(Gateway::new(
        gate.admission.clone(),
        Arc::new(upstreams(&registry.url())),
        "http://explain.test".to_owned(),
        Hold::default(),
    ));
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let client = Client::new(listener.address().unwrap(), CONTAINERD);
    let (_stop, stopping) = watch::channel(false);
    let handle = {
        let path = path.clone();
        move |request, from| path.clone().pull(Side::Gateway, request, from)
    };
    tokio::spawn(serve(listener, Limits::default(), stopping, handle));
    client
        .pull(&format!("ghcr.io/{ALLOWED}"), "n1")
        .await
        .pulled();
    client
        .pull(&format!("ghcr.io/{DENIED}"), "n1")
        .await
        .refused();
    let seen = path.sightings("n1");
    let told: Vec<_> = seen
        .iter()
        .map(|one| {
            (
                one.repository.as_str(),
                one.listener,
                one.user_agent.as_str(),
                one.served,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "ghcr.io/lazaret--canary/allowed",
                "gateway",
                CONTAINERD,
                true
            ),
            (
                "ghcr.io/lazaret--canary/denied",
                "gateway",
                CONTAINERD,
                false
            ),
        ]
    );
    assert!(seen[0].address.is_loopback());
    assert!(path.sightings("n2").is_empty());
    // Somebody who asks without end fills no memory.
    for _ in 0..80 {
        client
            .head(&format!("/v2/ghcr.io/{DENIED}/manifests/many"))
            .await;
    }
    assert_eq!(path.sightings("many").len(), 64);
    let long = "n".repeat(65);
    client
        .head(&format!("/v2/ghcr.io/{DENIED}/manifests/{long}"))
        .await;
    assert!(path.sightings(&long).is_empty());
    gate.ledger.flush().await.unwrap();
    assert!(gate.ledger.decisions(None, 9).await.unwrap().is_empty());
}

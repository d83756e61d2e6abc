//! What pulls wait for is on the first page, where nothing comes of it but a turn or an answer too.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::console::html;
use crate::scanners::{scene, webhook};
use crate::scans::{APP, POLICY, advisory, at, image, know};
use crate::support::fake_registry::{FakeRegistry, Fault, Times};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::tarball;

/// Until the page has these words.
async fn told(gate: &Gate, words: &str) {
    while !html(gate, "/").await.text.contains(words) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_turn_to_read_a_layer() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    know(&gate, &[advisory("DSA-1", "1")]).await;
    let layers = (0..5).map(|number| tarball(&[("a", [number].as_slice())]));
    let pushed = registry.push_image("acme/turns", "1", &image(layers.collect()));
    let come: Vec<Arc<Notify>> = pushed.children[0]
        .layers
        .iter()
        .map(|layer| {
            let come = Arc::new(Notify::new());
            let path = format!("GET /v2/acme/turns/blobs/{layer}");
            registry.fault(&path, Times::Once, Fault::DelayUntil(come.clone()));
            come
        })
        .collect();
    let client = at(&gate);
    let pull = tokio::spawn(async move { client.pull("acme/turns", "1").await });
    let waits = "a turn to read layer sha256:";
    told(&gate, waits).await;
    let text = html(&gate, "/").await.text;
    let line = text.lines().find(|line| line.contains(waits)).unwrap();
    assert!(line.contains(" of docker.io/acme/turns"), "{line}");
    come.iter().for_each(|come| come.notify_one());
    pull.await.unwrap().pulled();
    assert!(!html(&gate, "/").await.text.contains("acme/turns, which"));
}

#[tokio::test]
async fn an_answer_of_another_scanner() {
    let fake = FakeRegistry::start().await;
    let (_registry, gate, pushed) = scene(webhook(&fake).await).await;
    let come = Arc::new(Notify::new());
    let delay = Fault::DelayUntil(come.clone());
    fake.fault("POST /verdict", Times::Once, delay);
    let manifest = pushed.children[0].manifest.to_string();
    let client = at(&gate);
    let pull = tokio::spawn(async move { client.pull(APP, "1").await });
    let waits = format!("the scanner house, asked about docker.io/acme/app@{manifest}");
    told(&gate, &waits).await;
    come.notify_one();
    // What it answers is no report.
    pull.await.unwrap().refused();
    assert!(!html(&gate, "/").await.text.contains(&waits));
}

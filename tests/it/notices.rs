//! People are told of blocked pulls: once each, signed, and though they were away.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::notify::{Secret, Target, Way, deliver, signature};
use lazaret::policy::{EventKind, Pattern};
use serde_json::Value;

use crate::scans::{APP, advisory, debian, gate, image, know, refused};
use crate::support::fake_registry::{FakeRegistry, Fault, Request, Times};
use crate::support::fixtures;
use crate::support::gate::{Gate, upstreams};
use crate::support::tarball::tarball;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A target at a server that says 204 to everything.
async fn target(hook: &FakeRegistry, kind: &str) -> Target {
    let upstream = upstreams(&hook.url())
        .elsewhere(&hook.url().parse().unwrap())
        .unwrap();
    let path = "/hook?token=1".to_owned();
    let way = match kind {
        "slack" => Way::Slack(upstream, path),
        "teams" => Way::Teams(upstream, path),
        _ => Way::Webhook {
            upstream,
            path,
            secret: Some(Box::new(Secret::parse(SECRET).unwrap())),
        },
    };
    Target {
        name: kind.to_owned(),
        way,
        events: vec![EventKind::Blocked],
        images: images("docker.io/acme/*"),
        source: "https://lazaret.test".to_owned(),
    }
}

fn images(text: &str) -> Vec<Pattern> {
    vec![Pattern::parse(text).unwrap()]
}

fn answering(hook: &FakeRegistry, status: u16) {
    hook.clear_faults();
    hook.fault(
        "POST /hook",
        Times::Always,
        Fault::Status(status, Vec::new(), Vec::new()),
    );
}

async fn block(gate: &Gate, registry: &FakeRegistry, tag: &str) {
    let spec = image(vec![debian("3.0.11-1"), tarball(&[(tag, b"")])]);
    registry.push_image(APP, tag, &spec);
    refused(gate, tag).await;
}

/// The messages that arrived, once there are so many.
async fn arrived(hook: &FakeRegistry, many: usize) -> Vec<Request> {
    let wait = async {
        loop {
            let posted = hook.requests();
            if posted.len() >= many {
                return posted;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(std::time::Duration::from_secs(30), wait).await;
    all.unwrap_or_else(|_| panic!("{:?}", hook.requests()))
}

/// Without what differs from run to run.
fn steady(body: &str, gate: &Value) -> String {
    let mut text =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(body).unwrap()).unwrap();
    for (key, value) in gate.as_object().unwrap() {
        text = text.replace(value.as_str().unwrap(), &format!("<{key}>"));
    }
    text + "\n"
}

#[tokio::test]
async fn a_blocked_pull_is_told_in_every_form() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    for kind in ["webhook", "slack", "teams"] {
        let hook = FakeRegistry::start().await;
        answering(&hook, 204);
        let told = tokio::spawn(deliver(target(&hook, kind).await, gate.ledger.clone()));
        // It hears of what is new once it has begun.
        let heard = async || {
            let due = gate
                .ledger
                .outbox()
                .due(kind.to_owned(), lazaret::telemetry::now(), 9);
            due.await.unwrap().is_empty()
        };
        while !heard().await {
            tokio::task::yield_now().await;
        }
        block(&gate, &registry, kind).await;
        let posted = arrived(&hook, 1).await;
        told.abort();
        let event = gate.ledger.outbox().events(1).await.unwrap().remove(0);
        let now = event.at.to_string();
        let until = (lazaret::telemetry::now() + jiff::SignedDuration::from_hours(14 * 24))
            .strftime("%Y-%m-%d");
        let changing = serde_json::json!({
            "event": event.id, "decision": event.decision, "digest": event.digest, "time": now,
            "until": until.to_string(),
        });
        let said = steady(&posted[0].body, &changing);
        fixtures::expect(
            &fixtures::folder("notices").join(format!("{kind}.json")),
            &said,
        );
        if kind == "webhook" {
            let header = |name: &str| posted[0].header(name).unwrap().to_owned();
            let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
            let secret = Secret::parse(SECRET).unwrap();
            let wanted = signature(
                &secret,
                &id,
                seconds.parse().unwrap(),
                posted[0].body.as_bytes(),
            );
            assert_eq!(
                (header("webhook-signature"), id),
                (wanted, event.id.to_string())
            );
            assert_eq!(header("content-type"), "application/cloudevents+json");
            assert!(STANDARD.decode(&SECRET[6..]).is_ok());
        }
        assert_eq!(posted[0].query, "token=1");
    }
}

#[tokio::test]
async fn whoever_was_away_is_told_later_and_by_the_same_id() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let hook = FakeRegistry::start().await;
    answering(&hook, 503);
    gate.ledger
        .outbox()
        .begin("webhook".to_owned())
        .await
        .unwrap();
    block(&gate, &registry, "one").await;
    let told = tokio::spawn(deliver(target(&hook, "webhook").await, gate.ledger.clone()));
    let first = arrived(&hook, 1).await.remove(0);
    // The process ends in the middle; another one goes on.
    while gate
        .ledger
        .outbox()
        .backlog("webhook".to_owned())
        .await
        .unwrap()
        .0
        == 0
    {
        tokio::task::yield_now().await;
    }
    told.abort();
    let outbox = gate.ledger.outbox();
    let name = || "webhook".to_owned();
    let later = lazaret::telemetry::now() + jiff::SignedDuration::from_hours(1);
    let owed = outbox.due(name(), later, 9).await.unwrap().remove(0);
    assert_eq!(owed.tries, 1);
    let now = lazaret::telemetry::now();
    outbox
        .missed(name(), owed.sequence, Some(now), "tried by hand".to_owned())
        .await
        .unwrap();
    answering(&hook, 302);
    let told = tokio::spawn(deliver(target(&hook, "webhook").await, gate.ledger.clone()));
    let posted = arrived(&hook, 2).await;
    assert_eq!(posted.len(), 2, "a redirect is not followed");
    let ids: Vec<_> = posted
        .iter()
        .map(|by| by.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids, [first.header("webhook-id").unwrap(); 2]);
    told.abort();
    let (waiting, given_up, why) = gate
        .ledger
        .outbox()
        .backlog("webhook".to_owned())
        .await
        .unwrap();
    assert!((waiting, given_up) == (1, 0) && why.is_some());
}

#[tokio::test]
async fn nobody_is_told_of_what_is_not_theirs() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let hook = FakeRegistry::start().await;
    answering(&hook, 204);
    let mut other = target(&hook, "webhook").await;
    other.images = images("docker.io/library/*");
    gate.ledger
        .outbox()
        .begin("webhook".to_owned())
        .await
        .unwrap();
    block(&gate, &registry, "one").await;
    let told = tokio::spawn(deliver(other, gate.ledger.clone()));
    let outbox = Arc::clone(&gate.ledger);
    while !outbox
        .outbox()
        .due("webhook".to_owned(), lazaret::telemetry::now(), 9)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::task::yield_now().await;
    }
    told.abort();
    assert!(hook.requests().is_empty());
}

//! What was admitted is looked at anew when the world changes, without a pull and without a registry.

use lazaret::admission::Rejudged;
use lazaret::policy::EventKind;

use crate::scans::{APP, POLICY, advisory, at, debian, gate, image, know, refused};
use crate::support::fake_registry::FakeRegistry;
use crate::support::gate::Setup;
use crate::support::tarball::tarball;

#[tokio::test]
async fn a_new_advisory_ends_what_was_admitted_and_says_so() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.10-1")]).await;
    let bad = registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    registry.push_image(APP, "good", &image(vec![debian("3.0.14-1")]));
    for tag in ["bad", "good"] {
        at(&gate).pull(APP, tag).await.pulled();
    }
    let all = |images, refused| Rejudged {
        images,
        refused,
        told: 0,
        unknown: 0,
    };
    assert_eq!(gate.admission.rejudge().await.unwrap(), all(2, 0));
    assert!(gate.ledger.outbox().events(9).await.unwrap().is_empty());
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let before = registry.requests().len();
    assert_eq!(gate.admission.rejudge().await.unwrap(), all(2, 1));
    let layers = registry.requests().split_off(before);
    assert!(
        layers.iter().all(|by| !by.path.contains("/blobs/")),
        "{layers:?}"
    );
    let events = gate.ledger.outbox().events(9).await.unwrap();
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(
        (event.kind, event.digest),
        (EventKind::VerdictChanged, Some(bad.digest))
    );
    let reference = format!("docker.io/{APP}:bad@{}", bad.digest);
    assert_eq!(event.reference, reference);
    assert!(
        event
            .detail
            .starts_with("vulnerability: CVE-2026-1 (DSA-2), critical"),
        "{}",
        event.detail
    );
    let decision = gate
        .ledger
        .decision(event.decision.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(!decision.allowed && decision.client.listener == "background");
    // What is refused is no longer admitted, so the next round has nothing to say of it.
    assert_eq!(gate.admission.rejudge().await.unwrap(), all(1, 0));
    refused(&gate, "bad").await;
    at(&gate).pull(APP, "good").await.pulled();
}

/// Whoever pulls before the round comes is refused, and those who have it are told of all the same.
#[tokio::test]
async fn a_pull_that_comes_first_tells_of_it_too() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.10-1")]).await;
    let bad = registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "bad").await.pulled();
    gate.ledger.flush().await.unwrap();
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    refused(&gate, "bad").await;
    assert_eq!(gate.admission.rejudge().await.unwrap().images, 0);
    let events = gate.ledger.outbox().events(9).await.unwrap();
    let [changed, blocked] = <[_; 2]>::try_from(events).unwrap();
    assert_eq!(blocked.kind, EventKind::Blocked);
    assert_eq!(
        (changed.kind, changed.digest, changed.decision),
        (
            EventKind::VerdictChanged,
            Some(bad.digest),
            blocked.decision
        )
    );
    assert!(
        changed.detail.contains("\npulled by 127.0.0.1, last "),
        "{}",
        changed.detail
    );
}

/// A team that would rather hear of it than stand still: what runs goes on, what is new does not begin.
#[tokio::test]
async fn what_runs_may_be_told_of_and_served() {
    let registry = FakeRegistry::start().await;
    let policy = POLICY.replace("only_fixable = true", "on_new_finding = \"notify\"");
    let gate = Setup::new(&policy).start(&registry).await;
    know(&gate, &[advisory("DSA-1", "3.0.10-1")]).await;
    let runs = registry.push_image(APP, "runs", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "runs").await.pulled();
    gate.ledger.flush().await.unwrap();
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let round = |told| Rejudged {
        images: 1,
        refused: 0,
        told,
        unknown: 0,
    };
    assert_eq!(gate.admission.rejudge().await.unwrap(), round(1));
    assert_eq!(
        gate.admission.rejudge().await.unwrap(),
        round(0),
        "told once"
    );
    let [event] = <[_; 1]>::try_from(gate.ledger.outbox().events(9).await.unwrap()).unwrap();
    assert_eq!(
        (event.kind, event.digest),
        (EventKind::NewFinding, Some(runs.digest))
    );
    let lines: Vec<&str> = event.detail.lines().collect();
    let [found, who] = <[&str; 2]>::try_from(lines).unwrap();
    assert!(
        found.starts_with("vulnerability: CVE-2026-1 (DSA-2), critical")
            && found.ends_with("this image was admitted before: it is told, and not denied)"),
        "{found}"
    );
    assert!(who.starts_with("pulled by 127.0.0.1, last "), "{who}");
    at(&gate).pull(APP, "runs").await.pulled();
    let layers = vec![debian("3.0.11-1"), tarball(&[("x", b"")])];
    registry.push_image(APP, "new", &image(layers));
    refused(&gate, "new").await;
    // It ends when the finding does, and the next one is told again.
    know(&gate, &[advisory("DSA-2", "3.0.11-1")]).await;
    at(&gate).pull(APP, "runs").await.pulled();
    know(&gate, &[advisory("DSA-3", "3.0.14-1")]).await;
    assert_eq!(gate.admission.rejudge().await.unwrap().told, 1);
}

#[tokio::test]
async fn what_is_no_longer_kept_is_left_to_the_next_pull() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.10-1")]).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    gate.store.remove(&pushed.digest).await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let done = gate.admission.rejudge().await.unwrap();
    assert_eq!(
        done,
        Rejudged {
            images: 1,
            refused: 0,
            told: 0,
            unknown: 1
        }
    );
    refused(&gate, "1").await;
}

#[tokio::test]
async fn blocked_pulls_are_events_and_a_thousand_are_one() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    refused(&gate, "bad").await;
    let outbox = gate.ledger.outbox();
    let [event] = <[_; 1]>::try_from(outbox.events(9).await.unwrap()).unwrap();
    assert_eq!(
        (event.kind, event.count, event.before),
        (EventKind::Blocked, 1, 0)
    );
    assert_eq!(event.reference, format!("docker.io/{APP}:bad"));
    assert!(event.address.is_some() && event.decision.is_some());
    // Judged anew, for the same reason.
    for round in 2..5 {
        know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
        refused(&gate, "bad").await;
        let events = outbox.events(9).await.unwrap();
        assert_eq!((events.len(), events[0].count), (1, round));
    }
}

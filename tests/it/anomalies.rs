//! What is unusual: tags that move, signers that change, names from elsewhere, clients that guess.

use std::time::Duration;

use lazaret::ledger::{Event, KnownName};
use lazaret::policy::{Code, EventKind, Finding, Level, Verdict};
use serde_json::json;

use crate::support::fake_registry::{FakeRegistry, ImageSpec, Pushed};
use crate::support::gate::{Gate, LENIENT, Setup, policy};
use crate::support::signing::{Key, SIGN, push};

const APP: &str = "ghcr.io/acme/app";

/// A gate that asks the registry anew where a tag leads.
async fn gate(text: &str) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let setup = Setup {
        tag_freshness: Duration::ZERO,
        ..Setup::new(text)
    };
    let gate = setup.start(&registry).await;
    (registry, gate)
}

fn user(user: &'static str) -> ImageSpec {
    ImageSpec {
        user,
        ..ImageSpec::default()
    }
}

async fn newest(gate: &Gate) -> Verdict {
    let mut decisions = gate.ledger.decisions(None, 1).await.unwrap();
    decisions.remove(0).verdict
}

fn found(verdict: &Verdict, code: Code) -> Option<&Finding> {
    verdict.findings.iter().find(|finding| finding.code == code)
}

async fn events(gate: &Gate, kind: EventKind) -> Vec<Event> {
    let mut events = gate.ledger.outbox().events(99).await.unwrap();
    events.retain(|event| event.kind == kind);
    events
}

#[tokio::test]
async fn a_tag_that_moved_is_told_once_with_what_changed() {
    let (registry, gate) = gate(&format!("{LENIENT}\n[anomaly]\ntag_moved = \"warn\"")).await;
    let first = registry.push_image("acme/app", "1", &user("1000"));
    gate.at_gateway().pull(APP, "1").await.pulled();
    gate.at_gateway().pull(APP, "1").await.pulled();
    assert!(found(&newest(&gate).await, Code::TagMoved).is_none());
    registry.push_image("acme/app", "1", &user("7"));
    gate.at_gateway().pull(APP, "1").await.pulled();
    let verdict = newest(&gate).await;
    let moved = found(&verdict, Code::TagMoved).unwrap();
    assert_eq!(moved.level, Level::Warn);
    assert!(
        moved
            .message
            .starts_with(&format!("{APP}:1 led to {} on ", first.digest)),
        "{}",
        moved.message
    );
    let help = moved.help.as_ref().unwrap();
    assert!(
        help.starts_with("what changed: user \"7\", was \"1000\""),
        "{help}"
    );
    let [event] = <[_; 1]>::try_from(events(&gate, EventKind::TagMoved).await).unwrap();
    assert_eq!(event.reference, format!("{APP}:1"));
    assert!(
        event.detail.contains("user \"7\", was \"1000\""),
        "{}",
        event.detail
    );
    // From now on it is where the tag leads.
    gate.admission.replace_policy(policy(&format!(
        "{LENIENT}\n[anomaly]\ntag_moved = \"warn\"\n# again"
    )));
    gate.at_gateway().pull(APP, "1").await.pulled();
    assert!(found(&newest(&gate).await, Code::TagMoved).is_none());
}

#[tokio::test]
async fn what_is_meant_to_move_is_noted_and_nobody_hears_of_it() {
    let strict = format!("{LENIENT}\n[anomaly]\ntag_moved = \"deny\"\n");
    let (registry, gate) = gate(&strict).await;
    let client = gate.at_gateway();
    let first = registry.push_image("acme/app", "latest", &user("1000"));
    client.pull(APP, "latest").await.pulled();
    registry.push_image("acme/app", "latest", &user("7"));
    client.pull(APP, "latest").await.pulled();
    let verdict = newest(&gate).await;
    let moved = found(&verdict, Code::TagMoved).unwrap();
    assert_eq!(moved.level, Level::Note);
    assert!(
        moved
            .message
            .contains(&format!("led to {} on ", first.digest))
    );
    assert_eq!(events(&gate, EventKind::TagMoved).await, []);
    // Where other tags are named, it is none of them.
    let others = format!("{strict}moving_tags = [\"edge-*\", \"ghcr.io/acme/*:nightly\"]\n");
    gate.admission.replace_policy(policy(&others));
    registry.push_image("acme/app", "latest", &user("1000"));
    client.pull(APP, "latest").await.refused();
    for tag in ["edge-1", "nightly"] {
        for name in ["1000", "7"] {
            registry.push_image("acme/app", tag, &user(name));
            client.pull(APP, tag).await.pulled();
        }
    }
}

#[tokio::test]
async fn a_tag_that_must_not_move_is_refused_until_somebody_says_otherwise() {
    let strict = format!("{LENIENT}\n[anomaly]\ntag_moved = \"deny\"\n");
    let (registry, gate) = gate(&strict).await;
    registry.push_image("acme/app", "1", &user("1000"));
    // It is known under another tag, which does not make it the one that this tag led to.
    let other = registry.push_image("acme/app", "2", &user("7"));
    for tag in ["1", "2"] {
        gate.at_gateway().pull(APP, tag).await.pulled();
    }
    registry.push_image("acme/app", "1", &user("7"));
    gate.at_gateway().pull(APP, "1").await.refused();
    gate.at_gateway().pull(APP, "1").await.refused();
    gate.at_gateway().pull(APP, "2").await.pulled();
    let waived = format!(
        "{strict}[[waiver]]\nfinding = \"tag-moved\"\nimages = [\"{APP}\"]\ndigests = [\"{}\"]\nreason = \"a rebuild\"\nowner = \"a@b\"\nuntil = 2090-01-01\n",
        other.digest
    );
    gate.admission.replace_policy(policy(&waived));
    gate.at_gateway().pull(APP, "1").await.pulled();
    // And the image before is a move again.
    registry.push_image("acme/app", "1", &user("1000"));
    gate.at_gateway().pull(APP, "1").await.refused();
}

fn sign(registry: &FakeRegistry, key: &Key, image: &Pushed) {
    let layer = key.bundle(&image.digest, SIGN, json!({}));
    push(registry, "acme/app", &[layer], Some(&image.descriptor));
}

#[tokio::test]
async fn another_signer_than_the_predecessors_is_told() {
    let (one, two) = (Key::new(), Key::new());
    let text = format!(
        "{LENIENT}\n{}{}[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nunsigned = \"warn\"\nsigned_by = [\"one\", \"two\"]\n",
        one.signer("one"),
        two.signer("two")
    );
    let (registry, gate) = gate(&text).await;
    let image = registry.push_image("acme/app", "1", &user("1"));
    sign(&registry, &one, &image);
    gate.at_gateway().pull(APP, "1").await.pulled();
    let cases = [
        // By both: one of them is the old one.
        ("2", vec![&one, &two], None),
        ("3", vec![&two], None),
        (
            "4",
            vec![&one],
            Some("is signed by one; the one pulled before it, tagged 3, was signed by two"),
        ),
        (
            "4",
            vec![],
            Some(
                "is signed by nobody who counts; the image that the tag led to before was signed by one",
            ),
        ),
        // Nobody had signed the one before: nobody changed.
        ("4", vec![&two], None),
    ];
    for (at, (tag, keys, expected)) in cases.into_iter().enumerate() {
        let image = registry.push_image("acme/app", tag, &user(["2", "3", "4", "5", "6"][at]));
        keys.iter().for_each(|key| sign(&registry, key, &image));
        gate.at_gateway().pull(APP, tag).await.pulled();
        let verdict = newest(&gate).await;
        let said = found(&verdict, Code::SignerChanged);
        match expected {
            None => assert!(said.is_none(), "{at}: {said:?}"),
            Some(words) => assert_eq!(said.unwrap().message, format!("{APP}:{tag} {words}")),
        }
    }
    assert_eq!(events(&gate, EventKind::SignerChanged).await.len(), 2);
}

#[tokio::test]
async fn a_name_that_comes_from_another_registry_is_told() {
    let text = format!("{LENIENT}\n[anomaly]\nnew_registry = \"warn\"\n");
    let (registry, gate) = gate(&text).await;
    registry.push_image("acme/app", "1", &user("1"));
    registry.push_image("acme/tool", "1", &user("1"));
    gate.at_gateway().pull(APP, "1").await.pulled();
    assert!(found(&newest(&gate).await, Code::RegistryNew).is_none());
    gate.at_gateway()
        .pull("docker.io/acme/tool", "1")
        .await
        .pulled();
    assert!(found(&newest(&gate).await, Code::RegistryNew).is_none());
    gate.at_gateway()
        .pull("docker.io/acme/app", "1")
        .await
        .pulled();
    let verdict = newest(&gate).await;
    assert_eq!(
        found(&verdict, Code::RegistryNew).unwrap().message,
        "docker.io/acme/app was never pulled here; ghcr.io/acme/app was"
    );
    assert_eq!(events(&gate, EventKind::FirstSeen).await.len(), 1);
    // Denied, it is refused by its name until somebody approves it.
    let strict = policy(&text.replace("\"warn\"\n", "\"deny\"\n"));
    gate.admission.replace_policy(strict);
    gate.at_gateway()
        .pull("docker.io/acme/app", "1")
        .await
        .pulled();
    gate.at_gateway()
        .pull("ghcr.io/acme/tool", "1")
        .await
        .refused();
}

#[tokio::test]
async fn a_publisher_of_whom_nothing_was_pulled_waits_for_somebody_to_approve_one() {
    let text = format!("{LENIENT}\n[anomaly]\nnew_publisher = \"deny\"\n");
    let (registry, gate) = gate(LENIENT).await;
    for name in ["acme/app", "acme/tool", "acme-x/app", "other/app"] {
        registry.push_image(name, "1", &user("1"));
    }
    gate.at_gateway()
        .pull("ghcr.io/acme/app", "1")
        .await
        .pulled();
    gate.admission.replace_policy(policy(&text));
    // Another image of whom is known is let in, and a name that only begins alike is somebody else's.
    gate.at_gateway()
        .pull("ghcr.io/acme/tool", "1")
        .await
        .pulled();
    for name in [
        "ghcr.io/acme-x/app",
        "ghcr.io/other/app",
        "docker.io/acme/app",
    ] {
        gate.at_gateway().pull(name, "1").await.refused();
    }
    assert_eq!(
        found(&newest(&gate).await, Code::PublisherNew)
            .unwrap()
            .message,
        "nothing of docker.io/acme was pulled here before"
    );
    let known = KnownName {
        at: lazaret::telemetry::now(),
        approved_by: Some("ops".to_owned()),
    };
    let other = "ghcr.io/other/tool".parse().unwrap();
    gate.ledger.approve_name(other, known).await.unwrap();
    gate.admission
        .replace_policy(policy(&format!("{text}\n# anew")));
    gate.at_gateway()
        .pull("ghcr.io/other/app", "1")
        .await
        .pulled();
    // Told of and let in, it is met.
    let told = text.replace("\"deny\"\n", "\"warn\"\n");
    gate.admission.replace_policy(policy(&told));
    gate.at_gateway()
        .pull("ghcr.io/acme-x/app", "1")
        .await
        .pulled();
    let events = events(&gate, EventKind::FirstSeen).await;
    assert_eq!(events[0].codes, [Code::PublisherNew]);
}

#[tokio::test]
async fn a_client_that_tries_names_is_told_of_once() {
    let (_registry, gate) = gate(LENIENT).await;
    let client = gate.at_gateway();
    let tries = [
        "ngnix", "nginxx", "nginy", "ngimx", "nignx", "nginxs", "mginx", "ngin", "nqinx", "n9inx",
        "nginz", "nginq",
    ];
    for name in tries {
        client
            .pull(&format!("docker.io/library/{name}"), "1")
            .await
            .refused();
    }
    let [event] = <[_; 1]>::try_from(events(&gate, EventKind::Guessing).await).unwrap();
    assert!(
        event
            .detail
            .starts_with("10 refused names within 10 minutes: docker.io/library/ngnix, "),
        "{}",
        event.detail
    );
    assert!(event.address.is_some_and(|address| address.is_loopback()));
}

#[test]
fn guessing_is_told_and_not_denied() {
    let text = format!("{LENIENT}\n[anomaly]\nguessing = \"deny\"\n");
    let wrong = lazaret::config::parse_policy(&text, "policy.toml", None).unwrap_err();
    let wrong = wrong.to_string();
    assert!(
        wrong.contains("a client that guesses names is told of, not denied"),
        "{wrong}"
    );
}

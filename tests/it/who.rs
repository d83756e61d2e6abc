//! "Who pulled it?"

use jiff::{SignedDuration, Timestamp};
use lazaret::ledger::{
    About, HeldKind, Ledger, Outcome, Pull, PullKind, Puller, SqliteLedger, Who,
};
use lazaret::oci::Digest;

use crate::ledger::{aged, decision};
use crate::scans::{APP, advisory, at, debian, gate, image, know, refused};
use crate::support::gate::Gate;

async fn who(gate: &Gate, about: About) -> Vec<Puller> {
    gate.ledger.pullers(Who::of(about, 9)).await.unwrap()
}

/// An advisory without a fix: the policy lets it pass without a word.
fn unfixed(id: &str) -> String {
    advisory(id, "never").replace(r#",{"fixed":"never"}"#, "")
}

#[tokio::test]
async fn whoever_was_served_is_found_by_all_that_it_has() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.12-1"), unfixed("DSA-3")]).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.14-1")]));
    registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    refused(&gate, "bad").await;
    gate.ledger.flush().await.unwrap();
    let name = format!("docker.io/{APP}");
    let layer = pushed.children[0].layers[0];
    let package = |name: &str, version: Option<&str>| {
        About::Held(
            HeldKind::Package,
            name.to_owned(),
            version.map(str::to_owned),
        )
    };
    for (about, version) in [
        (About::Digest(pushed.digest), None),
        (About::Digest(layer), None),
        (About::Repository(name.parse().unwrap()), None),
        (About::Reference(format!("{name}:1").parse().unwrap()), None),
        (About::Word("DSA-3".to_owned()), None),
        (About::Word("dsa-3".to_owned()), None),
        (About::Word("libssl3".to_owned()), Some("3.0.14-1")),
        (package("OpenSSL", None), Some("3.0.14-1")),
        (package("libssl3", Some("3.0.14-1")), Some("3.0.14-1")),
    ] {
        let found = who(&gate, about.clone()).await;
        assert_eq!(found.len(), 1, "{about:?}: {found:?}");
        let one = &found[0];
        assert_eq!(
            (one.reference.as_str(), one.digest, one.version.as_deref()),
            (format!("{name}:1").as_str(), Some(pushed.digest), version),
            "{about:?}"
        );
        assert!(one.address.is_loopback() && one.requests > 0 && one.first <= one.last);
        let digest = matches!(about, About::Digest(_));
        assert_eq!(one.sent, digest.then_some(true), "{about:?}");
    }
    // Whoever was refused has not pulled it, and a word of one kind is none of another.
    for about in [
        About::Word("DSA-2".to_owned()),
        About::Reference(format!("{name}:bad").parse().unwrap()),
        About::Digest(Digest::of(b"nothing")),
        package("libssl3", Some("3.0.11-1")),
        About::Held(HeldKind::Advisory, "libssl3".to_owned(), None),
        About::Held(HeldKind::Signer, "DSA-3".to_owned(), None),
    ] {
        assert_eq!(who(&gate, about.clone()).await, [], "{about:?}");
    }
}

#[tokio::test]
async fn an_advisory_that_came_later_finds_those_who_pulled_before() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    registry.push_image(APP, "1", &image(vec![debian("3.0.14-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    gate.ledger.flush().await.unwrap();
    assert_eq!(who(&gate, About::Word("DSA-9".to_owned())).await, []);
    know(&gate, &[advisory("DSA-1", "3.0.13-1"), unfixed("DSA-9")]).await;
    let done = gate.admission.rejudge().await.unwrap();
    assert_eq!((done.images, done.refused), (1, 0));
    assert_eq!(who(&gate, About::Word("DSA-9".to_owned())).await.len(), 1);
}

#[tokio::test]
async fn pulls_are_told_apart_by_client_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&file).unwrap();
    for (name, days, address) in [
        ("one", 9, "10.0.0.1"),
        ("one", 5, "10.0.0.2"),
        ("two", 1, "10.0.0.1"),
    ] {
        let mut made = decision(name, days);
        made.client.address = address.parse().unwrap();
        ledger.record_decision(made.clone()).await.unwrap();
        for (outcome, bytes) in [
            (Outcome::Served, 5),
            (Outcome::Served, 6),
            (Outcome::Denied, 7),
        ] {
            ledger.record_pull(Pull {
                at: made.at,
                decision: made.id,
                digest: made.digest,
                client: made.client.clone(),
                kind: PullKind::Blob,
                outcome,
                bytes,
            });
        }
    }
    ledger.flush().await.unwrap();
    let now = lazaret::telemetry::now();
    let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
    let all = Who {
        about: None,
        client: None,
        since: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
        most: Some(9),
        skip: 0,
    };
    let one = About::Repository("docker.io/acme/one".parse().unwrap());
    for (who, wanted) in [
        (
            all.clone(),
            vec!["10.0.0.1 two", "10.0.0.2 one", "10.0.0.1 one"],
        ),
        (
            Who {
                most: Some(1),
                ..all.clone()
            },
            vec!["10.0.0.1 two"],
        ),
        (
            Who {
                most: Some(1),
                skip: 1,
                ..all.clone()
            },
            vec!["10.0.0.2 one"],
        ),
        (
            Who {
                client: Some("10.0.0.1".to_owned()),
                ..all.clone()
            },
            vec!["10.0.0.1 two", "10.0.0.1 one"],
        ),
        (
            Who {
                since: ago(6),
                ..all.clone()
            },
            vec!["10.0.0.1 two", "10.0.0.2 one"],
        ),
        (
            Who {
                until: ago(4),
                ..all.clone()
            },
            vec!["10.0.0.2 one", "10.0.0.1 one"],
        ),
        (
            Who {
                about: Some(one.clone()),
                client: Some("10.0.0.1".to_owned()),
                ..all.clone()
            },
            vec!["10.0.0.1 one"],
        ),
    ] {
        let found = ledger.pullers(who.clone()).await.unwrap();
        let told: Vec<String> = found
            .iter()
            .map(|one| {
                assert_eq!((one.requests, one.bytes), (2, 11));
                let name = one.reference.rsplit('/').next().unwrap();
                format!("{} {}", one.address, name.trim_end_matches(":1"))
            })
            .collect();
        assert_eq!(told, wanted, "{who:?}");
    }
    // A ledger of before has it all from the pulls.
    drop(ledger);
    aged(
        folder.path(),
        8,
        &["decision", "pull", "chain", "checkpoint"],
    );
    let ledger = SqliteLedger::open(&file).unwrap();
    let found = ledger.pullers(all).await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.bytes).collect::<Vec<_>>(),
        [11, 11, 11]
    );
    // And forgets what is too old.
    ledger.sweep(ago(3)).await.unwrap();
    assert_eq!(ledger.pullers(Who::of(one, 9)).await.unwrap(), []);
}

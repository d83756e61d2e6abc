//! People are told of blocked pulls: once each, signed, though they were away, and not more than they can read.

mod held_back;

use std::sync::Arc;

use lazaret::ledger::{Event, Ledger, SqliteLedger};
use lazaret::notify::{Courier, Desk, Fields, Place, Secret, Target, Way, deliver, signature};
use lazaret::policy::{Code, EventKind, Pattern, Quiet, Scope, Teams, Urgency};
use lazaret::upstream::{Settings, Upstreams};
use serde_json::Value;
use tempfile::TempDir;

use crate::scans::{APP, advisory, debian, gate, image, know, refused};
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Request, Times};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::tarball::tarball;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn place(hook: &FakeRegistry, path: &str) -> Place {
    let nobody = Settings {
        registries: Vec::new(),
        ..Settings::default()
    };
    let upstreams = Upstreams::new(nobody).unwrap();
    let upstream = upstreams.elsewhere(&hook.url().parse().unwrap());
    Place {
        upstream: upstream.unwrap(),
        path: path.to_owned(),
    }
}

pub(crate) fn target(name: &str, way: Way) -> Target {
    Target {
        name: name.to_owned(),
        way,
        scope: Scope::usual(),
        quiet: None,
        most_per_minute: Some(10),
        words: (None, None),
        teams: Arc::new(Teams::default()),
        source: "https://lazaret.test".to_owned(),
    }
}

fn webhook(hook: &FakeRegistry) -> Target {
    let secret = Box::new(Secret::parse(SECRET).unwrap());
    let mut target = target(
        "ops",
        Way::Webhook(place(hook, "/hook?token=1"), Some(secret)),
    );
    target.scope.images = vec![Pattern::parse("docker.io/acme/*").unwrap()];
    target
}

async fn hook() -> FakeRegistry {
    let hook = FakeRegistry::start().await;
    answering(&hook, 204);
    hook
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

fn ledger() -> (TempDir, Arc<SqliteLedger>) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    (folder, Arc::new(ledger))
}

async fn happens(ledger: &dyn Desk, kind: EventKind, reference: &str) -> Event {
    let event = Event::new(kind, reference.to_owned(), lazaret::telemetry::now());
    ledger.outbox().note(event.clone()).await.unwrap();
    event
}

fn titles(hook: &FakeRegistry) -> Vec<String> {
    let posted = hook.requests().into_iter();
    let titles = posted.map(|by| {
        let said: Value = serde_json::from_str(&by.body).unwrap();
        said["data"]["title"].as_str().unwrap().to_owned()
    });
    titles.collect()
}

#[tokio::test]
async fn a_blocked_pull_arrives_signed_with_all_that_is_known_of_it() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    let good = image(vec![debian("3.0.14-1")]);
    registry.push_image(APP, "good", &good);
    crate::scans::at(&gate).pull(APP, "good").await.pulled();
    let hook = hook().await;
    gate.ledger.outbox().begin("ops".to_owned()).await.unwrap();
    block(&gate, &registry, "bad").await;
    let told = tokio::spawn(deliver(webhook(&hook), gate.ledger.clone()));
    let posted = arrived(&hook, 1).await.remove(0);
    told.abort();
    let event = gate.ledger.outbox().events(1).await.unwrap().remove(0);
    let said: Value = serde_json::from_str(&posted.body).unwrap();
    let data = &said["data"];
    assert_eq!(said["type"], "lazaret.blocked");
    assert_eq!(data["digest"], event.digest.unwrap().to_string());
    assert_eq!(
        data["asked_by"],
        "127.0.0.1 with containerd/1.6.20 through the gateway"
    );
    assert_eq!(
        data["next"],
        serde_json::json!([
            "fixed in 3.0.13-1",
            format!(
                "docker.io/acme/app:good was admitted on {}",
                event.at.strftime("%Y-%m-%d")
            ),
        ])
    );
    assert_eq!(
        data["why"],
        format!("https://lazaret.test/why/{}", event.decision.unwrap())
    );
    assert!(
        data["origins"][0]
            .as_str()
            .unwrap()
            .starts_with("policy.toml:")
    );
    assert!(
        data["waiver"]
            .as_str()
            .unwrap()
            .starts_with("[[waiver]]\nfinding = \"CVE-2026-1\"")
    );

    let header = |name: &str| posted.header(name).unwrap().to_owned();
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
    let secret = Secret::parse(SECRET).unwrap();
    let wanted = signature(
        &secret,
        &id,
        seconds.parse().unwrap(),
        posted.body.as_bytes(),
    );
    assert_eq!(
        (header("webhook-signature"), id),
        (wanted, event.id.to_string())
    );
    assert_eq!(header("content-type"), "application/cloudevents+json");
    assert_eq!(posted.query, "token=1");
}

#[tokio::test]
async fn nobody_is_told_of_what_is_not_theirs() {
    let (_folder, ledger) = ledger();
    let hook = hook().await;
    Ledger::outbox(ledger.as_ref())
        .begin("ops".to_owned())
        .await
        .unwrap();
    let desk = ledger.as_ref();
    happens(desk, EventKind::Blocked, "docker.io/library/nginx:1").await;
    happens(desk, EventKind::Waived, "docker.io/acme/app:1").await;
    happens(desk, EventKind::Revoked, "signer ci").await;
    let mut courier = Courier::new(webhook(&hook), ledger.clone());
    courier.round().await.unwrap();
    assert_eq!(titles(&hook), ["Revoked: signer ci"]);
    assert!(
        Ledger::outbox(ledger.as_ref())
            .news("ops".to_owned(), 9)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Registries, disks and digests read like names of Docker Hub's. They are no images, and so everybody's.
#[test]
fn what_is_no_image_is_told_whatever_images_a_target_is_for() {
    let mut target = target("ops", Way::File("/dev/null".into(), Fields::Ecs));
    target.scope.images = vec![Pattern::parse("docker.io/acme/*").unwrap()];
    let digest = format!("sha256:{}", "0".repeat(64));
    for (kind, about, wanted) in [
        (EventKind::UpstreamDown, "quay.io", true),
        (EventKind::UpstreamBack, "quay.io", true),
        (EventKind::StorageTrouble, "ledger", true),
        (EventKind::StorageWell, "ledger", true),
        (EventKind::DataStale, "advisories", true),
        (EventKind::WaiverExpiring, "root-user", true),
        (EventKind::Revoked, digest.as_str(), true),
        (EventKind::Revoked, "signer ci", true),
        (EventKind::Revoked, "docker.io/acme/app", true),
        (EventKind::Revoked, "docker.io/other/app", false),
        (EventKind::Blocked, "docker.io/acme/app:1", true),
        (EventKind::Blocked, "ngnix", false),
        (EventKind::SuspectedBypass, "docker.io/other/app", false),
    ] {
        let event = Event::new(kind, about.to_owned(), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(target.wants(&event), wanted, "{kind:?} of {about}");
    }
}

/// In audit mode nothing is stopped, and people hear what would be.
#[tokio::test]
async fn what_audit_mode_lets_through_is_told_as_that() {
    let registry = FakeRegistry::start().await;
    let text = LENIENT
        .replace("version = 1", "version = 1\nmode = \"audit\"")
        .replace("root_user = \"warn\"", "secret_env = \"deny\"");
    let gate = Setup::new(&text).start(&registry).await;
    let spec = ImageSpec {
        env: vec!["PASSWORD=hunter2hunter2"],
        ..ImageSpec::default()
    };
    registry.push_image(APP, "1", &spec);
    let client = gate.at_gateway().with_namespace("docker.io");
    client.pull(APP, "1").await.pulled();
    let events = gate.ledger.outbox().events(9).await.unwrap();
    let [event] = <[_; 1]>::try_from(events).unwrap();
    assert_eq!(event.kind, EventKind::WouldBlock);
    assert_eq!(event.codes, [Code::SecretInEnv]);
    assert_eq!(event.reference, format!("docker.io/{APP}:1"));
    let target = target("ops", Way::File("/dev/null".into(), Fields::Ecs));
    assert!(target.wants(&event), "it is among the usual events");
}

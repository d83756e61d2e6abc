//! People are told of blocked pulls: once each, signed, though they were away, and not more than they can read.

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
async fn whoever_was_away_is_told_later_and_by_the_same_id() {
    let (_folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    let hook = FakeRegistry::start().await;
    answering(&hook, 503);
    outbox.begin("ops".to_owned()).await.unwrap();
    happens(ledger.as_ref(), EventKind::Blocked, "docker.io/acme/app:1").await;
    let mut courier = Courier::new(webhook(&hook), ledger.clone());
    courier.round().await.unwrap();
    let first = hook.requests().remove(0);
    // It is left alone for a while; and the process may end in the middle.
    courier.round().await.unwrap();
    assert_eq!(hook.requests().len(), 1);
    drop(courier);
    answering(&hook, 302);
    outbox
        .retry("ops".to_owned(), lazaret::telemetry::now())
        .await
        .unwrap();
    let mut courier = Courier::new(webhook(&hook), ledger.clone());
    courier.round().await.unwrap();
    let posted = hook.requests();
    assert_eq!(posted.len(), 2, "a redirect is not followed");
    let ids: Vec<_> = posted
        .iter()
        .map(|by| by.header("webhook-id").unwrap())
        .collect();
    assert_eq!(ids, [first.header("webhook-id").unwrap(); 2]);
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!((backlog.waiting, backlog.given_up), (1, 0));
    assert!(backlog.why.unwrap().contains("302"));
    answering(&hook, 204);
    outbox
        .retry("ops".to_owned(), lazaret::telemetry::now())
        .await
        .unwrap();
    Courier::new(webhook(&hook), ledger.clone())
        .round()
        .await
        .unwrap();
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!(
        (backlog.waiting, backlog.given_up, backlog.why),
        (0, 0, None)
    );
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

/// The worst first, some by themselves, and the rest as one message in the next minute.
#[tokio::test(start_paused = true)]
async fn a_flood_is_one_message() {
    let (folder, ledger) = ledger();
    let file = folder.path().join("events.jsonl");
    // No socket, so that nothing but the clock of this test decides about time.
    let mut courier = target("ops", Way::File(file.clone(), Fields::Ecs));
    courier.most_per_minute = Some(10);
    let mut courier = Courier::new(courier, ledger.clone());
    let said = || -> Vec<Value> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    Ledger::outbox(ledger.as_ref())
        .begin("ops".to_owned())
        .await
        .unwrap();
    let desk = ledger.as_ref();
    for n in 0..30 {
        happens(
            desk,
            EventKind::Blocked,
            &format!("docker.io/acme/app{n}:1"),
        )
        .await;
    }
    happens(desk, EventKind::Revoked, "signer ci").await;
    courier.round().await.unwrap();
    courier.round().await.unwrap();
    assert_eq!(said().len(), 10);
    assert_eq!(said()[0]["message"], "Revoked: signer ci");
    happens(desk, EventKind::Blocked, "docker.io/acme/late:1").await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    courier.round().await.unwrap();
    assert_eq!(said().len(), 11);
    let last = said().remove(10);
    assert_eq!(last["message"], "In short: 22 × pull blocked");
    assert_eq!(last["lazaret"]["count"], 22);
    assert_eq!(last["event"]["reference"], "https://lazaret.test/");
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    courier.round().await.unwrap();
    assert_eq!(said().len(), 11, "and nothing is left");
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_urgent_disturbs_and_nothing_is_lost() {
    let (_folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    let hook = hook().await;
    outbox.begin("ops".to_owned()).await.unwrap();
    let desk = ledger.as_ref();
    let utc = jiff::tz::TimeZone::UTC;
    let today = utc.to_datetime(lazaret::telemetry::now()).date();
    let mut quiet = webhook(&hook);
    quiet.quiet = Some(Quiet {
        hours: None,
        days: vec![today.weekday(), today.tomorrow().unwrap().weekday()],
        zone: utc.clone(),
        lets: Some(Urgency::Critical),
    });
    for n in 0..3 {
        happens(
            desk,
            EventKind::Blocked,
            &format!("docker.io/acme/app{n}:1"),
        )
        .await;
    }
    happens(desk, EventKind::Revoked, "signer ci").await;
    let mut courier = Courier::new(quiet, ledger.clone());
    courier.round().await.unwrap();
    assert_eq!(titles(&hook), ["Revoked: signer ci"]);
    let backlog = outbox.backlog("ops".to_owned()).await.unwrap();
    assert_eq!(
        (backlog.waiting, backlog.why.as_deref()),
        (3, Some("quiet hours"))
    );
    // They are over when their end is reached, not before.
    let end = today.tomorrow().unwrap().tomorrow().unwrap();
    let end = end.to_datetime(jiff::civil::Time::midnight());
    let end = utc.to_timestamp(end).unwrap();
    let before = end - jiff::SignedDuration::from_secs(1);
    assert!(
        outbox
            .due("ops".to_owned(), before, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(outbox.due("ops".to_owned(), end, 9).await.unwrap().len(), 3);
}

/// Takes connections and says nothing: whoever waits for an answer waits as long as it has patience.
#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_holds_up_nobody_and_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let nobody = Settings {
        registries: Vec::new(),
        ..Settings::default()
    };
    let patience = nobody.timeouts.connect + nobody.timeouts.read;
    let upstream = Upstreams::new(nobody).unwrap();
    let hanging = || {
        let upstream = upstream.elsewhere(&url.parse().unwrap()).unwrap();
        let path = "/hook".to_owned();
        target("hanging", Way::Webhook(Place { upstream, path }, None))
    };
    let (folder, ledger) = ledger();
    let outbox = Ledger::outbox(ledger.as_ref());
    for name in ["hanging", "well"] {
        outbox.begin(name.to_owned()).await.unwrap();
    }
    let file = folder.path().join("told.jsonl");
    let event = happens(ledger.as_ref(), EventKind::Blocked, "docker.io/acme/app:1").await;
    // The clock stands while something blocks: only this test moves it.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let standing = tokio::task::spawn_blocking(move || held.recv());
    let started = tokio::time::Instant::now();
    let hangs = tokio::spawn(deliver(hanging(), ledger.clone()));
    let well = target("well", Way::File(file.clone(), Fields::Ecs));
    let well = tokio::spawn(deliver(well, ledger.clone()));
    let told = || {
        let said = std::fs::read_to_string(&file);
        said.is_ok_and(|said| said.contains(&event.id.to_string()))
    };
    while !told() && started.elapsed() < patience / 2 {
        tokio::time::advance(std::time::Duration::from_millis(500)).await;
        // Whatever is written meanwhile is written.
        for _ in 0..50 {
            ledger.flush().await.unwrap();
        }
    }
    assert!(told(), "the other waits for it");
    let backlog = outbox.backlog("hanging".to_owned()).await.unwrap();
    assert_eq!((backlog.waiting, backlog.given_up), (1, 0));
    hangs.abort();
    well.abort();
    release.send(()).unwrap();
    standing.await.unwrap().unwrap();

    // Each try ends in time, and after the last it is told nowhere that it was told.
    let mut courier = Courier::new(hanging(), ledger.clone());
    let mut tries = 0;
    loop {
        let backlog = outbox.backlog("hanging".to_owned()).await.unwrap();
        if backlog.waiting == 0 {
            assert_eq!(backlog.given_up, 1);
            assert!(backlog.why.unwrap().contains("no answer in time"));
            break;
        }
        let begun = tokio::time::Instant::now();
        courier.round().await.unwrap();
        assert!(begun.elapsed() <= patience + std::time::Duration::from_secs(1));
        tries += 1;
        assert!(tries <= 50, "it is tried for ever");
        // The pause of an hour, and that for which a target is left alone.
        let behind = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
        behind.execute("UPDATE owed SET next = 0", []).unwrap();
        tokio::time::advance(std::time::Duration::from_secs(3_600)).await;
    }
    assert!((47..=48).contains(&tries), "{tries} tries");
    let [dead] =
        <[_; 1]>::try_from(outbox.given_up("hanging".to_owned(), 9).await.unwrap()).unwrap();
    assert_eq!(dead.event.id, event.id);
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

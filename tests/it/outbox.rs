//! The outbox: who is owed what, whatever happens between two steps.

use jiff::{SignedDuration, Timestamp};
use lazaret::ledger::{
    Backlog, DecisionId, Event, Identity, Known, KnownBy, Ledger, Outbox, Owed, SqliteLedger, Taken,
};
use lazaret::policy::{Code, EventKind};
use tempfile::TempDir;

fn ledger() -> (TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    (folder, ledger)
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn event(tag: &str, at: Timestamp) -> Event {
    let reference = format!("docker.io/acme/{tag}:1");
    let mut event = Event::new(EventKind::Blocked, reference, at);
    event.codes = vec![Code::Vulnerability, Code::Virus];
    event.detail = "vulnerability: CVE-2026-1".to_owned();
    event
}

fn ops() -> String {
    "ops".to_owned()
}

async fn news(outbox: &dyn Outbox) -> Vec<Owed> {
    outbox.news(ops(), 9).await.unwrap()
}

async fn due(outbox: &dyn Outbox, at: Timestamp) -> Vec<Owed> {
    outbox.due(ops(), at, 9).await.unwrap()
}

async fn take(outbox: &dyn Outbox, owed: &Owed, next: Timestamp) {
    let taken = Taken {
        sequence: owed.sequence,
        next,
        why: String::new(),
    };
    outbox
        .take(ops(), vec![taken], owed.sequence)
        .await
        .unwrap();
}

fn backlog(waiting: u64, given_up: u64, why: Option<&str>) -> Backlog {
    Backlog {
        waiting,
        given_up,
        why: why.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_target_is_owed_until_it_has_heard() {
    let (_folder, ledger) = ledger();
    let outbox = ledger.outbox();
    outbox.note(event("old", now())).await.unwrap();
    outbox.begin(ops()).await.unwrap();
    assert!(
        news(outbox).await.is_empty(),
        "what was before it is not for it"
    );
    let told = event("bad", now());
    outbox.note(told.clone()).await.unwrap();
    let [new] = <[_; 1]>::try_from(news(outbox).await).unwrap();
    assert_eq!(new.event, told);
    assert!(
        due(outbox, now()).await.is_empty(),
        "it has not looked at it"
    );
    take(outbox, &new, now()).await;
    assert!(news(outbox).await.is_empty());
    let [owed] = <[_; 1]>::try_from(due(outbox, now()).await).unwrap();
    assert_eq!((&owed.event, owed.tries), (&told, 0));
    assert_eq!(due(outbox, now()).await[0], owed, "until it says otherwise");

    let later = now() + SignedDuration::from_mins(5);
    let why = "no answer".to_owned();
    let missed = outbox.missed(ops(), owed.sequence, Some(later), why.clone());
    missed.await.unwrap();
    assert!(due(outbox, now()).await.is_empty());
    let [again] = <[_; 1]>::try_from(due(outbox, later).await).unwrap();
    assert_eq!((again.event.id, again.tries), (told.id, 1));
    assert_eq!(
        outbox.backlog(ops()).await.unwrap(),
        backlog(1, 0, Some("no answer"))
    );

    let given_up = outbox.missed(ops(), owed.sequence, None, "gone".to_owned());
    given_up.await.unwrap();
    assert!(
        due(outbox, later).await.is_empty(),
        "what was given up is not tried"
    );
    assert_eq!(
        outbox.backlog(ops()).await.unwrap(),
        backlog(0, 1, Some("gone"))
    );
    let [dead] = <[_; 1]>::try_from(outbox.given_up(ops(), 9).await.unwrap()).unwrap();
    assert_eq!(
        (dead.event.id, dead.tries, dead.why.as_str()),
        (told.id, 2, "gone")
    );

    outbox.retry(ops(), now()).await.unwrap();
    let [again] = <[_; 1]>::try_from(due(outbox, now()).await).unwrap();
    assert_eq!(
        (again.event.id, again.tries),
        (told.id, 0),
        "by the same id"
    );
    outbox.heard(ops(), again.sequence).await.unwrap();
    assert_eq!(outbox.backlog(ops()).await.unwrap(), backlog(0, 0, None));
}

#[tokio::test]
async fn many_become_one_for_that_target_alone() {
    let (_folder, ledger) = ledger();
    let outbox = ledger.outbox();
    for target in ["ops", "siem"] {
        outbox.begin(target.to_owned()).await.unwrap();
    }
    for tag in ["a", "b", "c"] {
        outbox.note(event(tag, now())).await.unwrap();
    }
    let all = news(outbox).await;
    for owed in &all {
        take(outbox, owed, now()).await;
    }
    // Something happens while they become one.
    outbox.note(event("d", now())).await.unwrap();
    let folded = vec![all[0].sequence, all[2].sequence];
    let into = Event::new(EventKind::Digest, "2 × pull blocked".to_owned(), now());
    outbox
        .fold(ops(), folded, into.clone(), now())
        .await
        .unwrap();
    let left: Vec<String> = due(outbox, now())
        .await
        .into_iter()
        .map(|one| one.event.reference)
        .collect();
    assert_eq!(left, ["docker.io/acme/b:1", "2 × pull blocked"]);
    let [new] = <[_; 1]>::try_from(news(outbox).await).unwrap();
    assert_eq!(
        new.event.reference, "docker.io/acme/d:1",
        "nothing is passed over"
    );
    let theirs = outbox.news("siem".to_owned(), 9).await.unwrap();
    assert_eq!(theirs.len(), 4, "the digest is not for others: {theirs:?}");
}

#[tokio::test]
async fn a_trouble_is_told_once_and_so_is_its_end() {
    let (folder, ledger) = ledger();
    let outbox = ledger.outbox();
    let down = Event::new(EventKind::UpstreamDown, "quay.io".to_owned(), now());
    let back = Event::new(EventKind::UpstreamBack, "quay.io".to_owned(), now());
    let known = Known {
        kind: EventKind::UpstreamDown,
        subject: "quay.io".to_owned(),
        since: now(),
    };
    for round in 1..4 {
        let mut began = down.clone();
        began.id = DecisionId::new(now());
        outbox
            .begin_trouble("quay.io".to_owned(), began)
            .await
            .unwrap();
        assert_eq!(outbox.events(9).await.unwrap().len(), 1, "round {round}");
    }
    drop(ledger);
    // What was told is known after a restart.
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    let outbox = ledger.outbox();
    assert_eq!(
        outbox.troubles().await.unwrap(),
        std::slice::from_ref(&known)
    );
    for _ in 0..2 {
        outbox
            .end_trouble(known.clone(), Some(back.clone()))
            .await
            .unwrap();
    }
    assert!(outbox.troubles().await.unwrap().is_empty());
    let kinds: Vec<_> = outbox
        .events(9)
        .await
        .unwrap()
        .iter()
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, [EventKind::UpstreamBack, EventKind::UpstreamDown]);
}

#[tokio::test]
async fn equal_events_of_an_hour_are_one_with_a_count() {
    let (_folder, ledger) = ledger();
    let outbox = ledger.outbox();
    let hour = SignedDuration::from_hours(1);
    for minutes in [0, 1, 59] {
        let at = now() + SignedDuration::from_mins(minutes);
        outbox.note(event("bad", at)).await.unwrap();
    }
    outbox.note(event("other", now())).await.unwrap();
    outbox.note(event("bad", now() + hour)).await.unwrap();
    let events = outbox.events(9).await.unwrap();
    let counts: Vec<_> = events
        .iter()
        .map(|one| (one.reference.as_str(), one.count, one.before))
        .collect();
    assert_eq!(
        counts,
        [
            ("docker.io/acme/bad:1", 1, 2),
            ("docker.io/acme/other:1", 1, 0),
            ("docker.io/acme/bad:1", 3, 0),
        ]
    );
    // Another group of clients hears for itself; a client that proves its own name is no group.
    let mut grouped = event("bad", now());
    for (by, name, wanted) in [
        (KnownBy::Certificate, "node1", 3),
        (KnownBy::Address, "payments", 4),
        (KnownBy::Address, "web", 5),
    ] {
        grouped.identity = Identity::new(by, name);
        grouped.id = DecisionId::new(now());
        outbox.note(grouped.clone()).await.unwrap();
        assert_eq!(outbox.events(9).await.unwrap().len(), wanted, "{name}");
    }
    assert_eq!(events[0].key(), events[2].key());
    assert_ne!(events[0].key(), events[1].key());
}

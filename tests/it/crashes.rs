//! Killed at every step of delivery: nothing is lost, and nothing is told twice under two ids.
//!
//! A child of this test does the work with a ledger that kills the process before or after its n-th operation, for
//! every n that there is; a second child ends what was begun.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use lazaret::ledger::{
    Backlog, Decision, DecisionId, Event, Known, Ledger, Outbox, Owed, Pending, SqliteLedger, Taken,
};
use lazaret::notify::{Courier, Desk, Fields, Trouble, Way, settle};
use lazaret::oci::Repository;
use lazaret::policy::EventKind;
use serde_json::Value;

use crate::notices::target;

/// What the child is to do: the folder, and the step at which it dies.
const FOLDER: &str = "LAZARET_TEST_CRASH_FOLDER";
const STEP: &str = "LAZARET_TEST_CRASH_STEP";
/// Events that there are to tell.
const EVENTS: u64 = 5;
/// More steps than there are.
const MANY: usize = 1_000;

/// A ledger that ends the process at one step.
struct Dying {
    ledger: SqliteLedger,
    dies_at: usize,
    step: AtomicUsize,
}

impl Dying {
    fn step(&self) {
        if self.step.fetch_add(1, Ordering::SeqCst) == self.dies_at {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            std::thread::park();
        }
    }

    fn around<'a, T: Send + 'a>(&'a self, inner: Pending<'a, T>) -> Pending<'a, T> {
        Box::pin(async move {
            self.step();
            let done = inner.await;
            self.step();
            done
        })
    }

    fn real(&self) -> &dyn Outbox {
        Ledger::outbox(&self.ledger)
    }
}

impl Desk for Dying {
    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn decision(&self, id: DecisionId) -> Pending<'_, Option<Decision>> {
        self.around(Ledger::decision(&self.ledger, id))
    }

    fn decisions(&self, repository: Repository, most: u32) -> Pending<'_, Vec<Decision>> {
        self.around(Ledger::decisions(&self.ledger, Some(repository), most))
    }
}

impl Outbox for Dying {
    fn note(&self, event: Event) -> Pending<'_, ()> {
        self.around(self.real().note(event))
    }

    fn events(&self, most: u32) -> Pending<'_, Vec<Event>> {
        self.around(self.real().events(most))
    }

    fn events_of(&self, decision: DecisionId, most: u32) -> Pending<'_, Vec<Event>> {
        self.around(self.real().events_of(decision, most))
    }

    fn begin(&self, target: String) -> Pending<'_, ()> {
        self.around(self.real().begin(target))
    }

    fn news(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>> {
        self.around(self.real().news(target, most))
    }

    fn take(&self, target: String, wanted: Vec<Taken>, up_to: i64) -> Pending<'_, ()> {
        self.around(self.real().take(target, wanted, up_to))
    }

    fn due(&self, target: String, now: Timestamp, most: u32) -> Pending<'_, Vec<Owed>> {
        self.around(self.real().due(target, now, most))
    }

    fn heard(&self, target: String, sequence: i64) -> Pending<'_, ()> {
        self.around(self.real().heard(target, sequence))
    }

    fn missed(
        &self,
        target: String,
        sequence: i64,
        next: Option<Timestamp>,
        why: String,
    ) -> Pending<'_, ()> {
        self.around(self.real().missed(target, sequence, next, why))
    }

    fn fold(
        &self,
        target: String,
        sequences: Vec<i64>,
        into: Event,
        now: Timestamp,
    ) -> Pending<'_, ()> {
        self.around(self.real().fold(target, sequences, into, now))
    }

    fn backlog(&self, target: String) -> Pending<'_, Backlog> {
        self.around(self.real().backlog(target))
    }

    fn given_up(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>> {
        self.around(self.real().given_up(target, most))
    }

    fn retry(&self, target: String, now: Timestamp) -> Pending<'_, ()> {
        self.around(self.real().retry(target, now))
    }

    fn troubles(&self) -> Pending<'_, Vec<Known>> {
        self.around(self.real().troubles())
    }

    fn begin_trouble(&self, subject: String, event: Event) -> Pending<'_, ()> {
        self.around(self.real().begin_trouble(subject, event))
    }

    fn end_trouble(&self, known: Known, told: Option<Event>) -> Pending<'_, ()> {
        self.around(self.real().end_trouble(known, told))
    }
}

/// Runs in a process of its own; without its environment it does nothing.
#[tokio::test(start_paused = true)]
async fn the_child() {
    let (Ok(folder), Ok(step)) = (std::env::var(FOLDER), std::env::var(STEP)) else {
        return;
    };
    let folder = Path::new(&folder);
    let desk = Arc::new(Dying {
        ledger: SqliteLedger::open(&folder.join("ledger.db")).unwrap(),
        dies_at: step.parse().unwrap(),
        step: AtomicUsize::new(0),
    });
    let seen = [Trouble {
        kind: EventKind::UpstreamDown,
        subject: "quay.io".to_owned(),
        detail: String::new(),
    }];
    let now = lazaret::telemetry::now();
    settle(desk.as_ref(), &seen, now).await.unwrap();
    settle(desk.as_ref(), &[], now).await.unwrap();
    let way = Way::File(folder.join("told.jsonl"), Fields::Ecs);
    let mut target = target("ops", way);
    target.most_per_minute = Some(1);
    let mut courier = Courier::new(target, desk);
    for _ in 0..8 {
        courier.round().await.unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
    }
}

/// Whether the child came to its end.
fn child(folder: &Path, step: usize) -> bool {
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program)
        .args(["crashes::the_child", "--exact", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(STEP, step.to_string())
        .output()
        .unwrap();
    let killed = std::os::unix::process::ExitStatusExt::signal(&run.status) == Some(9);
    assert!(
        run.status.success() || killed,
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
    run.status.success()
}

async fn prepare(folder: &Path) {
    let ledger = SqliteLedger::open(&folder.join("ledger.db")).unwrap();
    let outbox = Ledger::outbox(&ledger);
    outbox.begin("ops".to_owned()).await.unwrap();
    for n in 0..EVENTS {
        let name = format!("docker.io/acme/app{n}:1");
        let event = Event::new(EventKind::Blocked, name, lazaret::telemetry::now());
        outbox.note(event).await.unwrap();
    }
}

/// By id: what it was, and of how many pulls.
fn told(folder: &Path) -> BTreeMap<String, (String, u64)> {
    let text = std::fs::read_to_string(folder.join("told.jsonl")).unwrap_or_default();
    let lines = text.lines().map(|line| {
        let said: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let count = said["lazaret"]["count"].as_u64().unwrap();
        (
            text(&said["event"]["id"]),
            (text(&said["event"]["action"]), count),
        )
    });
    lines.collect()
}

#[tokio::test]
async fn nothing_is_lost_or_told_under_two_ids_wherever_the_process_is_killed() {
    let mut folded = false;
    for step in 0.. {
        assert!(step < MANY, "it does not end");
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path()).await;
        let ended = child(folder.path(), step);
        assert!(child(folder.path(), MANY), "it ends when nobody kills it");
        let told = told(folder.path());
        let count = |kind: &str| {
            let of_kind = told.values().filter(|(action, _)| action == kind);
            of_kind.map(|(_, count)| count).sum::<u64>()
        };
        assert_eq!(
            count("blocked") + count("digest"),
            EVENTS,
            "killed at step {step}: {told:?}"
        );
        // The second child finds the same trouble once more where the first had come to its end.
        let times = count("upstream-down");
        assert!(
            (1..=2).contains(&times) && count("upstream-back") == times,
            "step {step}: {told:?}"
        );
        folded |= count("digest") > 0;
        if ended {
            assert!(folded && step > 20, "only {step} steps");
            return;
        }
    }
}

//! A ledger that cannot be written, or is not as it was written: people hear of it, and the metrics have it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use lazaret::ledger::{Event, Ledger, SqliteLedger};
use lazaret::notify::{Courier, Fields, Guard, Way};
use lazaret::policy::EventKind;
use lazaret::telemetry::{metrics, now};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::ledger::decision;
use crate::notices::target;

/// Where the child finds its folder.
const FOLDER: &str = "LAZARET_TEST_FULL_FOLDER";

async fn told(ledger: &dyn Ledger, kind: EventKind) -> Vec<Event> {
    let mut events = ledger.outbox().events(99).await.unwrap();
    events.retain(|event| event.kind == kind);
    events
}

fn shown(name: &str) -> i64 {
    let text = metrics().render();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    line.unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// No file of this process may grow beyond so many bytes: what a disk without room says.
fn room(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}

/// Runs in a process of its own, whose files may not grow.
#[tokio::test(start_paused = true)]
async fn the_child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let file = folder.join("ledger.db");
    let ledger = Arc::new(SqliteLedger::open(&file).unwrap());
    ledger.outbox().begin("ops".to_owned()).await.unwrap();
    let (mut guard, alarm) = Guard::new(ledger.clone());
    let way = Way::File(folder.join("told.jsonl"), Fields::Ecs);
    let mut courier = Courier::new(target("ops", way), ledger.clone()).heeding(alarm.clone());
    ledger.record_decision(decision("before", 0)).await.unwrap();
    guard.look(Vec::new(), now()).await;
    assert!(alarm.borrow().is_none());
    assert_eq!(shown("lazaret_ledger_errors_total"), 0);

    let log = std::fs::metadata(file.with_extension("db-wal"))
        .unwrap()
        .len();
    room(Some(log));
    let refused = ledger
        .record_decision(decision("lost", 0))
        .await
        .unwrap_err();
    assert!(refused.to_string().starts_with("ledger: "), "{refused}");
    guard.look(Vec::new(), now()).await;
    let event = alarm.borrow().clone().unwrap();
    assert_eq!(event.kind, EventKind::StorageTrouble);
    assert!(
        shown("lazaret_ledger_errors_total") >= 2,
        "the decision and the sign of life"
    );
    // It is told past the ledger, and once.
    courier.heed().await;
    guard.look(Vec::new(), now()).await;
    courier.heed().await;
    let said = std::fs::read_to_string(folder.join("told.jsonl")).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    let said: Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(said["event"]["action"], "storage-trouble");

    room(None);
    guard.look(Vec::new(), now()).await;
    assert!(alarm.borrow().is_none());
    // It is written beside the look.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ledger.flush().await.unwrap();
    assert_eq!(told(ledger.as_ref(), EventKind::StorageWell).await.len(), 1);
    courier.round().await.unwrap();
    let said = std::fs::read_to_string(folder.join("told.jsonl")).unwrap();
    assert!(
        said.lines().nth(1).unwrap().contains("storage-well"),
        "{said}"
    );
    std::fs::write(folder.join("done"), "").unwrap();
}

#[test]
fn a_full_disk_is_told_past_the_ledger_and_its_end_too() {
    let folder = tempfile::tempdir().unwrap();
    // A write beyond the limit ends a process that does not ignore the signal; what is ignored is inherited.
    let run = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["guard::the_child", "--exact", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(folder.path().join("done").exists(), "{said}");
}

#[tokio::test]
async fn a_ledger_that_was_changed_is_a_trouble_until_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let ledger = Arc::new(SqliteLedger::open(&file).unwrap());
    let made = decision("app", 0);
    ledger.record_decision(made.clone()).await.unwrap();
    let (mut guard, alarm) = Guard::new(ledger.clone());
    guard.prove().await;
    guard.look(Vec::new(), now()).await;
    assert_eq!(told(ledger.as_ref(), EventKind::StorageTrouble).await, []);
    assert_eq!(shown("lazaret_ledger_broken"), 0);

    let behind = rusqlite::Connection::open(&file).unwrap();
    behind
        .execute("UPDATE decision SET allowed = 0", [])
        .unwrap();
    guard.prove().await;
    for _ in 0..2 {
        guard.look(Vec::new(), now()).await;
    }
    let [event] =
        <[_; 1]>::try_from(told(ledger.as_ref(), EventKind::StorageTrouble).await).unwrap();
    assert_eq!(event.reference, "the ledger's chain");
    let what = format!(
        "entry 2: decision {} was changed after it was written",
        made.id
    );
    assert_eq!(event.detail, what);
    assert_eq!(shown("lazaret_ledger_broken"), 1);
    assert!(alarm.borrow().is_none(), "it can be written");

    behind
        .execute("UPDATE decision SET allowed = 1", [])
        .unwrap();
    guard.prove().await;
    guard.look(Vec::new(), now()).await;
    let [event] = <[_; 1]>::try_from(told(ledger.as_ref(), EventKind::StorageWell).await).unwrap();
    assert_eq!(event.reference, "the ledger's chain");
    assert_eq!(shown("lazaret_ledger_broken"), 0);
}

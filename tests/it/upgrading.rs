//! A ledger of an older version is brought up to date in batches: wherever the process is killed in between, the next one
//! goes on there, and nothing is taken over twice or left out.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use lazaret::ledger::{About, Ledger, SqliteLedger, Upgrading, Who};
use rusqlite::{Connection, params};

use crate::ledger::{aged, audit, decision};

/// What the child is to do: the folder, and after which batch it dies.
const FOLDER: &str = "LAZARET_TEST_UPGRADE_FOLDER";
const BATCH: &str = "LAZARET_TEST_UPGRADE_BATCH";
/// Decisions and pulls of the old ledger: three batches each.
const ROWS: i64 = 4_100;
/// Names of the old ledger.
const NAMES: i64 = 7;
/// More batches than there are.
const MANY: usize = 100;

/// Runs in a process of its own; without its environment it does nothing.
#[test]
fn the_child() {
    let (Ok(folder), Ok(batch)) = (std::env::var(FOLDER), std::env::var(BATCH)) else {
        return;
    };
    let dies_after: usize = batch.parse().unwrap();
    let mut batches = 0;
    let mut tell = |_: &Upgrading| {
        batches += 1;
        if batches == dies_after {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            std::thread::park();
        }
    };
    SqliteLedger::open_telling(&Path::new(&folder).join("ledger.db"), &mut tell).unwrap();
}

/// Whether the child came to its end.
fn child(folder: &Path, batch: usize) -> bool {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["upgrading::the_child", "--exact", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(BATCH, batch.to_string())
        .output()
        .unwrap();
    let killed = run.status.signal() == Some(9);
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() || killed, "{said}");
    run.status.success()
}

/// A ledger of before the chain, with a pull for each decision.
async fn old(folder: &Path) {
    let file = folder.join("ledger.db");
    let ledger = SqliteLedger::open(&file).unwrap();
    ledger.record_decision(decision("app", 3)).await.unwrap();
    drop(ledger);
    aged(folder, 7, &["decision"]);
    let old = Connection::open(&file).unwrap();
    old.execute_batch("BEGIN").unwrap();
    for number in 1..ROWS {
        old.prepare_cached(
            "INSERT INTO decision SELECT printf('%s%06d', substr(id, 1, 20), ?1), at, repository, reference, digest, address,
             user_agent, listener, allowed, mode, verdict, policy_epoch, policy_file, gathered_ms, identity
             FROM decision ORDER BY id LIMIT 1",
        )
        .unwrap()
        .execute(params![number])
        .unwrap();
    }
    old.execute_batch(
        "INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes)
         SELECT at, id, digest, '10.0.0.' || (rowid % 5), 'docker', 'gateway', 'blob', 'served', 2, 10 FROM decision;
         INSERT INTO revocation VALUES ('R1', 1, 'digest', 'x', 'why', 'ops', 2, 'ops');",
    )
    .unwrap();
    for number in 0..NAMES {
        let name = format!("docker.io/acme/name-{number}");
        let by = (number % 2 == 0).then_some("alice");
        old.execute(
            "INSERT INTO known_name (repository, at, approved_by) VALUES (?1, ?2, ?3)",
            params![name, number, by],
        )
        .unwrap();
    }
    old.execute_batch("COMMIT").unwrap();
}

async fn nothing_is_missing(folder: &Path, killed_after: usize) {
    let ledger = SqliteLedger::open(&folder.join("ledger.db")).unwrap();
    let found = audit(&ledger);
    assert_eq!(found.broken, None, "killed after {killed_after}");
    let entries = u64::try_from(ROWS + 2 + NAMES).unwrap();
    assert_eq!(found.size, entries, "killed after {killed_after}");
    let app = About::Repository("docker.io/acme/app".parse().unwrap());
    let pulled = ledger.pulled(Who::of(app, 9)).await.unwrap();
    assert_eq!((pulled.all, pulled.addresses), (5, 5));
    let requests: u64 = pulled.pullers.iter().map(|one| one.requests).sum();
    let bytes: u64 = pulled.pullers.iter().map(|one| one.bytes).sum();
    let rows = u64::try_from(ROWS).unwrap();
    assert_eq!(
        (requests, bytes),
        (2 * rows, 10 * rows),
        "killed after {killed_after}"
    );
    for (name, by) in [("name-0", Some("alice")), ("name-1", None)] {
        let name = format!("docker.io/acme/{name}").parse().unwrap();
        let known = ledger.known_name(name).await.unwrap().unwrap();
        assert_eq!(known.approved_by.as_deref(), by);
    }
}

#[tokio::test]
async fn an_upgrade_goes_on_where_it_was_killed() {
    let made = tempfile::tempdir().unwrap();
    old(made.path()).await;
    for batch in 1.. {
        assert!(batch < MANY, "it does not end");
        let folder = tempfile::tempdir().unwrap();
        for file in ["ledger.db", "ledger.db-wal", "ledger.key"] {
            let from = made.path().join(file);
            if from.exists() {
                std::fs::copy(from, folder.path().join(file)).unwrap();
            }
        }
        let ended = child(folder.path(), batch);
        assert!(child(folder.path(), MANY), "it ends when nobody kills it");
        nothing_is_missing(folder.path(), batch).await;
        if ended {
            // Decisions into the chain and the index, pulls, and who pulled: three batches each, and some small ones.
            assert!(batch > 12, "only {batch} batches");
            return;
        }
    }
}

#[test]
fn how_far_it_is_is_told_after_each_batch() {
    let folder = tempfile::tempdir().unwrap();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(old(folder.path()));
    let mut told = Vec::new();
    let mut tell = |by: &Upgrading| told.push(by.clone());
    SqliteLedger::open_telling(&folder.path().join("ledger.db"), &mut tell).unwrap();
    let chained: Vec<(u64, u64)> = told
        .iter()
        .filter(|by| by.what == "decisions into the chain")
        .map(|by| (by.done, by.all))
        .collect();
    assert_eq!(chained, [(2_000, 4_100), (4_000, 4_100), (4_100, 4_100)]);
    assert!(
        told.iter()
            .any(|by| by.what == "names into the chain" && by.done == 7)
    );
}

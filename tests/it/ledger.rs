//! The ledger can be proved: whatever is changed in it behind Lazaret's back shows, and where.

mod changes;

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use lazaret::ledger::{
    Approval, Audit, Client, Decision, DecisionId, Event, KnownName, Ledger, LedgerError,
    OpenedKind, SqliteLedger,
};
use lazaret::oci::{Digest, Repository};
use lazaret::policy::{EventKind, Mode, Origin, Revocation, Revoked, Verdict};
use rusqlite::Connection;
use tempfile::TempDir;

/// A decision about the image `name`, made so many days ago.
pub(crate) fn decision(name: &str, days: i64) -> Decision {
    let at = lazaret::telemetry::now() - SignedDuration::from_hours(24 * days);
    Decision {
        id: DecisionId::new(at),
        at,
        reference: format!("docker.io/acme/{name}:1").parse().unwrap(),
        digest: Some(Digest::of(name.as_bytes())),
        client: Client {
            address: "10.0.0.7".parse().unwrap(),
            user_agent: "containerd/2.0".into(),
            listener: "gateway",
            identity: None,
        },
        allowed: true,
        mode: Mode::Enforce,
        verdict: Verdict {
            findings: Vec::new(),
            rule: Origin {
                file: "policy.toml".to_owned(),
                line: 3,
                table: "[[rule]]".to_owned(),
            },
            valid_until: None,
            vouched: Vec::new(),
            advisories: Vec::new(),
        },
        policy_epoch: 7,
        policy_file: "policy.toml".to_owned(),
        gathered_ms: 12,
    }
}

fn revocation(id: &str) -> Revocation {
    Revocation {
        id: id.to_owned(),
        what: Revoked::Digest(Digest::of(b"bad")),
        reason: "a key was stolen".to_owned(),
        by: "ops".to_owned(),
        at: lazaret::telemetry::now(),
    }
}

async fn revoke(ledger: &SqliteLedger, id: &str) -> Result<(), LedgerError> {
    let told = Event::new(EventKind::Revoked, id.to_owned(), lazaret::telemetry::now());
    ledger.revoke(revocation(id), told).await
}

fn open(folder: &TempDir) -> SqliteLedger {
    SqliteLedger::open(&folder.path().join("ledger.db")).unwrap()
}

/// The policy, three decisions with a new name each, a revocation and its end, an approved name and that it was
/// forgotten: eleven entries.
async fn written() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    for name in ["one", "two", "three"] {
        ledger.record_decision(decision(name, 0)).await.unwrap();
    }
    revoke(&ledger, "R1").await.unwrap();
    let now = lazaret::telemetry::now();
    let ended = ledger.end_revocation("R1".to_owned(), "ops".to_owned(), now);
    ended.await.unwrap();
    let stranger: Repository = "docker.io/somebody/tool".parse().unwrap();
    let known = KnownName {
        at: now,
        approved_by: Some("alice".to_owned()),
    };
    ledger.approve_name(stranger.clone(), known).await.unwrap();
    let forgotten = ledger.forget_name(stranger, "bob".to_owned(), now);
    forgotten.await.unwrap();
    folder
}

pub(crate) fn audit(ledger: &SqliteLedger) -> Audit {
    ledger.audit(None, None, &mut |_, _| {}).unwrap()
}

/// Makes a ledger what it would be with the first so many migrations only, and what is in these tables.
pub(crate) fn aged(folder: &Path, migrations: usize, tables: &[&str]) {
    let (new, old) = (folder.join("ledger.db"), folder.join("old.db"));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    let entries = std::fs::read_dir(sources).unwrap();
    let mut scripts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    scripts.sort();
    let connection = Connection::open(&old).unwrap();
    let run = |sql: &str| connection.execute_batch(sql).unwrap();
    run("CREATE TABLE migration (number INTEGER PRIMARY KEY)");
    for (number, script) in scripts.iter().take(migrations).enumerate() {
        run(&std::fs::read_to_string(script).unwrap());
        run(&format!("INSERT INTO migration VALUES ({number})"));
    }
    run(&format!("ATTACH {:?} AS new", new.display().to_string()));
    for table in tables {
        let mut columns = connection
            .prepare(&format!("PRAGMA table_info({table})"))
            .unwrap();
        let names = columns
            .query_map([], |row| row.get::<_, String>(1))
            .unwrap();
        let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
        let names = names.join(", ");
        run(&format!(
            "INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}"
        ));
    }
    drop(connection);
    for end in ["ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(folder.join(end));
    }
    std::fs::rename(old, new).unwrap();
}

fn behind_its_back(folder: &Path, sql: &str) {
    let connection = Connection::open(folder.join("ledger.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_was_written_is_whole_and_says_who_signed_it() {
    let folder = written().await;
    let ledger = open(&folder);
    let mut told = Vec::new();
    let key = ledger.key().unwrap();
    let found = ledger
        .audit(Some(&key), None, &mut |done, all| told.push((done, all)))
        .unwrap();
    assert_eq!((found.size, found.swept, &found.broken), (11, 0, &None));
    assert_eq!(found.key, key.to_string());
    assert_eq!(told, [(11, 11)]);
    let kept = ledger.checkpoint().unwrap().unwrap();
    assert!(kept.starts_with(&format!("{}\n11\n", key.name())), "{kept}");
    ledger.record_decision(decision("four", 0)).await.unwrap();
    let later = ledger.audit(None, Some(&kept), &mut |_, _| {}).unwrap();
    assert_eq!((later.size, later.broken), (13, None));
    assert!(
        ledger
            .key_pem()
            .unwrap()
            .starts_with("-----BEGIN PUBLIC KEY-----\n")
    );
}

/// What people are to hear is written with what it is about, or neither is.
#[tokio::test]
async fn nothing_is_revoked_or_taken_back_in_silence() {
    let folder = written().await;
    let ledger = open(&folder);
    let made = ledger.decisions(None, 1).await.unwrap().remove(0);
    let approval = Approval {
        repository: made.reference.repository().clone(),
        digest: made.digest.unwrap(),
        decision: made.id,
        at: made.at,
    };
    let (repository, digest) = (approval.repository.clone(), approval.digest);
    let opened = vec![(digest, OpenedKind::Manifest)];
    ledger.approve(approval, opened).await.unwrap();
    let told = async || {
        let now = lazaret::telemetry::now();
        let name = "docker.io/acme/three:1".to_owned();
        let event = Event::new(EventKind::VerdictChanged, name, now);
        ledger
            .withdraw(repository.clone(), digest, Some(event))
            .await
    };
    behind_its_back(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    assert!(revoke(&ledger, "R2").await.is_err());
    assert_eq!(ledger.revocations().await.unwrap(), []);
    assert!(told().await.is_err());
    assert_eq!(ledger.admitted_images(None, 9).await.unwrap().len(), 1);
    behind_its_back(folder.path(), "DROP TRIGGER full");
    revoke(&ledger, "R2").await.unwrap();
    assert_eq!(ledger.revocations().await.unwrap().len(), 1);
    for _ in 0..2 {
        told().await.unwrap();
        let kinds: Vec<EventKind> = ledger
            .outbox()
            .events(9)
            .await
            .unwrap()
            .iter()
            .filter(|event| event.count == 1)
            .map(|event| event.kind)
            .collect();
        // The second time there was nothing left to take back.
        assert_eq!(kinds[..2], [EventKind::VerdictChanged, EventKind::Revoked]);
    }
}

#[tokio::test]
async fn a_ledger_that_was_swept_is_whole_and_keeps_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    for (name, days) in [("old", 500), ("needed", 450), ("older", 600), ("new", 1)] {
        let made = decision(name, days);
        if name == "needed" {
            let approval = Approval {
                repository: made.reference.repository().clone(),
                digest: made.digest.unwrap(),
                decision: made.id,
                at: made.at,
            };
            let opened = vec![(approval.digest, OpenedKind::Manifest)];
            ledger.approve(approval, opened).await.unwrap();
        }
        ledger.record_decision(made).await.unwrap();
    }
    revoke(&ledger, "R1").await.unwrap();
    let before = lazaret::telemetry::now() - SignedDuration::from_hours(24 * 400);
    assert_eq!(ledger.sweep(before).await.unwrap(), 2);
    let found = audit(&ledger);
    assert_eq!((found.size, found.swept, &found.broken), (15, 7, &None));
    let left = ledger.decisions(None, 9).await.unwrap();
    let left: Vec<String> = left.iter().map(|one| one.reference.to_string()).collect();
    assert_eq!(left, ["docker.io/acme/new:1", "docker.io/acme/needed:1"]);
    // Once more, and all of it: revocations and what approvals rest on outlive every sweep.
    assert_eq!(ledger.sweep(before).await.unwrap(), 0);
    assert_eq!(audit(&ledger).size, 15);
    // A decision, and what people were told of the revocation.
    assert_eq!(ledger.sweep(Timestamp::MAX).await.unwrap(), 2);
    let found = audit(&ledger);
    assert_eq!((found.size, found.swept, found.broken), (22, 15, None));
    ledger.record_decision(decision("next", 0)).await.unwrap();
    assert_eq!((audit(&ledger).size, audit(&ledger).broken), (24, None));
    // Whoever removes the beginning does not become a sweep.
    behind_its_back(folder.path(), "DELETE FROM checkpoint WHERE swept");
    let broken = audit(&ledger).broken.unwrap().to_string();
    assert!(
        broken.ends_with("does not follow: entries before it were removed"),
        "{broken}"
    );
}

#[tokio::test]
async fn what_was_changed_is_not_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(&folder);
    ledger.record_decision(decision("old", 500)).await.unwrap();
    behind_its_back(
        folder.path(),
        "UPDATE decision SET policy_file = 'other.toml'",
    );
    assert_eq!(ledger.sweep(Timestamp::MAX).await.unwrap(), 0);
    let broken = audit(&ledger).broken.unwrap().to_string();
    assert!(
        broken.starts_with("entry 5: ") && broken.ends_with("was changed after it was written"),
        "{broken}"
    );
}

#[tokio::test]
async fn the_key_does_not_change_in_silence() {
    let folder = written().await;
    let file = folder.path().join("ledger.db");
    let old = open(&folder).key().unwrap();
    std::fs::remove_file(folder.path().join("ledger.key")).unwrap();
    let ledger = open(&folder);
    let refused = ledger
        .record_decision(decision("more", 0))
        .await
        .unwrap_err();
    assert!(
        refused.to_string().ends_with(
            "ledger.key: the key that signs this ledger is gone; restore it from a backup, or begin with a new one: lazaret ledger key --renew"
        ),
        "{refused}"
    );
    assert_eq!(
        ledger.decisions(None, 9).await.unwrap().len(),
        3,
        "nothing is half written"
    );
    drop(ledger);
    let new = SqliteLedger::renew_key(&file).unwrap();
    assert_ne!(new, old);
    let ledger = open(&folder);
    ledger.record_decision(decision("more", 0)).await.unwrap();
    let found = audit(&ledger);
    assert_eq!((found.size, &found.broken), (14, &None));
    let said = ledger
        .audit(Some(&old), None, &mut |_, _| {})
        .unwrap()
        .broken
        .unwrap();
    assert!(
        said.to_string()
            .ends_with(&format!("it is not signed by {}", old.name())),
        "{said}"
    );
}

#[tokio::test]
async fn a_ledger_of_before_is_taken_into_the_chain() {
    let folder = written().await;
    // As it was before there was a chain.
    aged(folder.path(), 7, &["decision", "revocation"]);
    let ledger = open(&folder);
    let found = audit(&ledger);
    assert_eq!((found.size, found.checkpoints, found.broken), (5, 1, None));
}

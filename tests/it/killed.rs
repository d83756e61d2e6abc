//! A process that is killed at any step of a decision leaves a ledger that is whole, and nothing answered is missing.
//!
//! The child is this test binary: it serves pulls with a ledger that counts its calls, before and after each, and kills
//! itself at the one that it is told. The parent walks through all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use lazaret::admission::{ToRevoke, revoke};
use lazaret::ledger::*;
use lazaret::oci::{Digest, Repository, Tag};
use lazaret::policy::{Admitted, Revocation, SignedTag};
use rusqlite::Connection;

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{LENIENT, Setup};

/// Where the child finds what it needs.
const FOLDER: &str = "LAZARET_CRASH_FOLDER";
const REGISTRY: &str = "LAZARET_CRASH_REGISTRY";
const POINT: &str = "LAZARET_CRASH_POINT";
/// Children at once.
const AT_ONCE: usize = 4;
/// More points than a walk can have: then it does not end.
const MANY: usize = 400;
/// How the folder of the child's gate begins.
const DATA: &str = "data";
/// What the child's client heard, a line an answer.
const HEARD: &str = "heard";

fn policy() -> String {
    LENIENT.replace("root_user = \"warn\"", "secret_env = \"deny\"")
}

/// A ledger in which the process ends at some point.
struct Fragile {
    ledger: SqliteLedger,
    passed: AtomicUsize,
    last: usize,
}

impl Fragile {
    fn point(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.last {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        }
    }

    fn step<'a, T: Send + 'a>(&'a self, call: Pending<'a, T>) -> Pending<'a, T> {
        Box::pin(async move {
            self.point();
            let done = call.await;
            self.point();
            done
        })
    }
}

macro_rules! steps {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $gives:ty;)*) => {
        $(fn $name(&self, $($argument: $kind),*) -> Pending<'_, $gives> {
            self.step(self.ledger.$name($($argument),*))
        })*
    };
}

impl Ledger for Fragile {
    steps! {
        record_decision(decision: Decision) -> ();
        approve(approval: Approval, opened: Vec<(Digest, OpenedKind)>) -> ();
        withdraw(repository: Repository, digest: Digest, told: Option<Event>) -> ();
        roots_of(digest: Digest) -> Vec<(Approval, OpenedKind)>;
        remember_tag(repository: Repository, tag: Tag, digest: Digest, at: Timestamp) -> ();
        last_tag(repository: Repository, tag: Tag) -> Option<(Digest, Timestamp)>;
        keep_signed_tag(repository: Repository, tag: Tag, newest: SignedTag) -> ();
        signed_tag(repository: Repository, tag: Tag) -> Option<SignedTag>;
        admitted(repository: Repository, digest: Digest) -> Option<Admitted>;
        keep_failing(repository: Repository, digest: Digest, since: Option<Timestamp>) -> ();
        admitted_images(after: Option<(Repository, Digest)>, most: u32) -> Vec<Approval>;
        decision(id: DecisionId) -> Option<Decision>;
        decisions(repository: Option<Repository>, most: u32) -> Vec<Decision>;
        search(search: Search) -> Vec<Numbered<Decision>>;
        search_pulls(search: Search) -> Vec<Numbered<LoggedPull>>;
        pulls_of(id: DecisionId, most: u32) -> Vec<PullRow>;
        pullers(who: Who) -> Vec<Puller>;
        pulled(who: Who) -> Pulled;
        hold(image: Digest, holdings: Holdings) -> ();
        keep_summary(summary: KeptSummary) -> ();
        summary_of(id: DecisionId, subject: Digest) -> Option<KeptSummary>;
        summary_with(digest: Digest) -> Option<KeptSummary>;
        summary_digests(most: u32) -> Vec<Digest>;
        recorded(since: Timestamp, most: u32) -> Vec<Recorded>;
        known_name(repository: Repository) -> Option<KnownName>;
        approve_name(repository: Repository, known: KnownName) -> ();
        forget_name(repository: Repository, by: String, at: Timestamp) -> ();
        revoke(revocation: Revocation, told: Event) -> ();
        end_revocation(id: String, by: String, at: Timestamp) -> ();
        revocations() -> Vec<Revocation>;
        keep_led(repository: Repository, led: Led) -> ();
        led(repository: Repository, tag: Tag) -> Option<Led>;
        namesake(repository: Repository) -> Option<Repository>;
        known_publisher(publisher: String) -> bool;
        waivers_used() -> BTreeMap<String, WaiverUse>;
        sweep(before: Timestamp) -> u64;
        broken() -> Option<String>;
        flush() -> ();
    }

    fn record_pull(&self, pull: Pull) {
        self.ledger.record_pull(pull);
        self.point();
    }

    fn dropped_pulls(&self) -> u64 {
        self.ledger.dropped_pulls()
    }

    fn outbox(&self) -> &dyn Outbox {
        self.ledger.outbox()
    }
}

/// Pulls that are let in, refused, and let in again after the policy has changed its mind.
#[tokio::test]
#[ignore = "the other half of the walk: it kills itself"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let word = |name: &str| std::env::var(name).unwrap();
    let last = word(POINT).parse().unwrap();
    let mut setup = Setup::new(&policy());
    setup.wrap = Box::new(move |ledger| {
        Arc::new(Fragile {
            ledger,
            passed: AtomicUsize::new(0),
            last,
        })
    });
    let data = tempfile::Builder::new()
        .prefix(DATA)
        .disable_cleanup(true)
        .tempdir_in(&folder)
        .unwrap();
    let gate = setup.start_at(Arc::new(data), &word(REGISTRY)).await;
    for tag in ["good", "bad", "other"] {
        let client = gate.at_gateway().with_namespace("docker.io");
        let path = format!("/v2/acme/app/manifests/{tag}?ns=docker.io");
        let status = client.get(&path).await.status;
        let mut heard = std::fs::read_to_string(folder.join(HEARD)).unwrap_or_default();
        heard.push_str(&format!("{tag} {status}\n"));
        std::fs::write(folder.join(HEARD), heard).unwrap();
    }
    gate.ledger.flush().await.unwrap();
    // What was admitted is refused from now on, in the background; and something is revoked.
    let minds = "secret_env = \"deny\"\nhealthcheck = \"deny\"";
    let strict = policy().replace("secret_env = \"deny\"", minds);
    let strict = lazaret::config::parse_policy(&strict, "policy.toml", None).unwrap();
    gate.admission.replace_policy(Arc::new(strict));
    gate.admission.rejudge().await.unwrap();
    let what = ToRevoke::Words("docker.io/acme/app:other".to_owned());
    let (by, now) = ("ops".to_owned(), lazaret::telemetry::now());
    let revoked = revoke(gate.ledger.as_ref(), None, &what, "bad", by, now).await;
    revoked.unwrap();
}

fn killed_at(folder: &Path, registry: &str, point: usize) -> ExitStatus {
    let own = std::env::current_exe().unwrap();
    let mut child = Command::new(own);
    child
        .args(["--exact", "--ignored", "killed::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(REGISTRY, registry)
        .env(POINT, point.to_string());
    let done = child.output().unwrap();
    if done.status.code().is_some_and(|code| code != 0) {
        panic!("{}", String::from_utf8_lossy(&done.stdout));
    }
    done.status
}

fn count(connection: &Connection, sql: &str) -> u64 {
    connection
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .unwrap() as u64
}

fn ledger_in(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap());
    let data = entries.find(|entry| entry.file_name().to_str().unwrap().starts_with(DATA));
    data.unwrap().path().join("ledger.db")
}

/// What holds after any death.
async fn looked_at(folder: &Path, point: usize) {
    let file = ledger_in(folder);
    let ledger = SqliteLedger::open(&file).unwrap();
    let audit = ledger.audit(None, None, &mut |_, _| {}).unwrap();
    assert_eq!(audit.broken, None, "killed at {point}");
    let heard = std::fs::read_to_string(folder.join(HEARD)).unwrap_or_default();
    let decisions = ledger.decisions(None, 9).await.unwrap();
    for line in heard.lines() {
        let (tag, status) = line.split_once(' ').unwrap();
        assert_eq!(status, if tag == "bad" { "403" } else { "200" });
        let asked = decisions.iter();
        let mut asked = asked.filter(|one| one.client.listener != "background");
        let of = asked.find(|one| {
            one.reference
                .tag()
                .is_some_and(|known| known.as_str() == tag)
        });
        let of = of.unwrap_or_else(|| {
            panic!("killed at {point}: {line} was answered and is not recorded")
        });
        assert_eq!(of.allowed, status == "200", "killed at {point}: {line}");
    }
    let rows = Connection::open(&file).unwrap();
    let none = |sql: &str| assert_eq!(count(&rows, sql), 0, "killed at {point}: {sql}");
    none(
        "SELECT COUNT(*) FROM approval WHERE decision NOT IN (SELECT id FROM decision WHERE allowed)",
    );
    none("SELECT COUNT(*) FROM decision WHERE digest NOT IN (SELECT digest FROM image)");
    none(
        "SELECT COUNT(*) FROM decision WHERE NOT allowed AND listener <> 'background' AND id NOT IN (SELECT decision FROM event)",
    );
    none("SELECT COUNT(*) FROM pull WHERE decision NOT IN (SELECT id FROM decision)");
    // Who has what was taken back is told, and so is what was revoked.
    none(
        "SELECT COUNT(*) FROM decision AS before WHERE allowed
         AND EXISTS (SELECT 1 FROM decision AS later WHERE later.digest = before.digest AND NOT later.allowed)
         AND NOT EXISTS (SELECT 1 FROM approval WHERE root = before.digest)
         AND NOT EXISTS (SELECT 1 FROM event WHERE kind = 'verdict-changed' AND digest = before.digest)",
    );
    none(
        "SELECT COUNT(*) FROM revocation WHERE NOT EXISTS (SELECT 1 FROM event WHERE kind = 'revoked')",
    );
    let chained = count(&rows, "SELECT COUNT(*) FROM chain WHERE kind = 'decision'");
    assert_eq!(chained, decisions.len() as u64, "killed at {point}");
    assert!(audit.size >= decisions.len() as u64);
}

/// Nobody killed it: two images that were admitted are refused, and one of them is revoked.
async fn all_told(folder: &Path) {
    let ledger = SqliteLedger::open(&ledger_in(folder)).unwrap();
    let events = ledger.outbox().events(9).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["revoked", "verdict-changed", "verdict-changed", "blocked"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_whole_wherever_the_process_was_killed() {
    let registry = FakeRegistry::start().await;
    let other = ImageSpec {
        user: "1001",
        ..ImageSpec::default()
    };
    let bad = ImageSpec {
        env: vec!["PASSWORD=hunter2hunter2"],
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "good", &ImageSpec::default());
    registry.push_image("acme/app", "bad", &bad);
    registry.push_image("acme/app", "other", &other);
    let url = registry.url();
    let (mut point, mut killed) = (1, 0);
    'walk: loop {
        assert!(point < MANY, "the walk does not end");
        let mut walking = tokio::task::JoinSet::new();
        for at in point..point + AT_ONCE {
            let url = url.clone();
            walking.spawn_blocking(move || {
                let folder = tempfile::tempdir().unwrap();
                let status = killed_at(folder.path(), &url, at);
                (at, folder, status)
            });
        }
        let mut whole = false;
        for (at, folder, status) in walking.join_all().await {
            looked_at(folder.path(), at).await;
            killed += usize::from(status.code().is_none());
            if status.success() {
                whole = true;
                all_told(folder.path()).await;
                let heard = std::fs::read_to_string(folder.path().join(HEARD)).unwrap();
                assert_eq!(heard, "good 200\nbad 403\nother 200\n");
            }
        }
        if whole {
            break 'walk;
        }
        point += AT_ONCE;
    }
    // Three decisions of some five calls each, a point before and one after.
    assert!(killed >= 30, "killed at {killed} points");
}

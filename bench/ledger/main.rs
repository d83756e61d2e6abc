//! What the ledger costs: decisions and pulls a second, bytes on disk, answers to questions, and judging all admitted
//! images anew.
//!
//! `cargo bench --bench ledger` asks at a million pulls, with `-- --pulls 10000000` at ten; `-- --images 10000` is how many
//! admitted images are judged anew (0: none), `-- --upgrade 1000000` how many decisions of before the chain are taken into it.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a bench that panics is a bench that says where"
)]

mod questions;
mod rejudging;
#[path = "../../tests/support/mod.rs"]
#[allow(unused_imports, reason = "the tests take more of it")]
mod support;
mod upgrade;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lazaret::ledger::{
    About, Client, Decision, DecisionId, HeldKind, Holdings, Ledger, Outcome, Pull, PullKind,
    Search, SqliteLedger, Who,
};
use lazaret::oci::Digest;
use lazaret::policy::{Mode, Origin, Verdict};
use tokio::task::JoinSet;

/// Decisions that are waited for one by one, by so many at once.
const DECISIONS: usize = 10_000;
const AT_ONCE: usize = 64;
/// Images that are pulled, by so many machines.
const IMAGES: usize = 5_000;
const MACHINES: usize = 2_000;
/// Packages of an image.
const PACKAGES: usize = 400;
/// Pulls between two flushes.
const BATCH: usize = 50_000;
/// Rounds of each question; the median counts.
const ROUNDS: usize = 5;
/// Migrations that a ledger had before there was a chain.
const BEFORE_THE_CHAIN: usize = 7;
/// Requests of one pull: two for manifests, a configuration and layers.
const REQUESTS: usize = 10;

fn flag(name: &str, default: usize) -> usize {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    at.map_or(default, |at| arguments[at + 1].parse().unwrap())
}

#[tokio::main]
async fn main() {
    let (pulls, images) = (flag("--pulls", 1_000_000), flag("--images", 10_000));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger-bench");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    decisions(&folder.join("decisions.db")).await;
    let file = folder.join("pulls.db");
    let ledger = Arc::new(SqliteLedger::open(&file).unwrap());
    let made = record(&ledger, &file, pulls).await;
    questions::ask(&ledger, &made, pulls).await;
    prove(&ledger);
    drop(ledger);
    if images > 0 {
        rejudging::rejudge(images).await;
    }
    upgrade::upgrade(&folder.join("old.db"), flag("--upgrade", 1_000_000));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn decision(image: usize, at: Timestamp) -> Decision {
    Decision {
        id: DecisionId::new(at),
        at,
        reference: format!("docker.io/team-{}/app-{image}:1", image % 50)
            .parse()
            .unwrap(),
        digest: Some(digest("image", image)),
        client: machine(image),
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

fn digest(kind: &str, number: usize) -> Digest {
    Digest::of(format!("{kind} {number}").as_bytes())
}

fn machine(number: usize) -> Client {
    let number = u32::try_from(number % MACHINES).unwrap();
    Client {
        address: std::net::Ipv4Addr::from(0x0a00_0000 + number).into(),
        user_agent: "docker/28.5.2 go/go1.24 UpstreamClient(Docker-Client/28.2.2)".into(),
        listener: "gateway",
        identity: None,
    }
}

fn holdings(image: usize) -> Holdings {
    let mut holdings = Holdings::default();
    holdings.add_content(&digest("image", image));
    // One base layer for all, a runtime for some, the rest for one.
    holdings.add_content(&digest("base", 0));
    holdings.add_content(&digest("runtime", image % 20));
    (0..5).for_each(|layer| holdings.add_content(&digest("layer", image * 5 + layer)));
    for package in 0..PACKAGES {
        let version = format!("1.{}.{package}", image % 7);
        let name = format!("package-{}", (image * 31 + package) % 5_000);
        holdings.add(HeldKind::Package, &name, &version);
    }
    holdings.add(HeldKind::Signer, "release-bot", "");
    (0..40).for_each(|at| {
        let id = format!("CVE-2026-{}", (image * 7 + at) % 3_000);
        holdings.add(HeldKind::Advisory, &id, "");
    });
    holdings
}

async fn decisions(file: &Path) {
    let ledger = Arc::new(SqliteLedger::open(file).unwrap());
    let alone = Instant::now();
    for number in 0..200 {
        let made = decision(number, lazaret::telemetry::now());
        ledger.record_decision(made).await.unwrap();
    }
    let alone = alone.elapsed() / 200;
    let started = Instant::now();
    let mut running = JoinSet::new();
    for worker in 0..AT_ONCE {
        let ledger = ledger.clone();
        running.spawn(async move {
            for number in 0..DECISIONS / AT_ONCE {
                let made = decision(worker * 1_000 + number, lazaret::telemetry::now());
                ledger.record_decision(made).await.unwrap();
            }
        });
    }
    running.join_all().await;
    let rate = (DECISIONS / AT_ONCE * AT_ONCE) as f64 / started.elapsed().as_secs_f64();
    println!("a durable, chained and signed decision, one at a time | {alone:.2?}");
    println!("the same, {AT_ONCE} at once | {rate:.0} a second");
}

/// Decisions about all images and pulls of them; the decisions.
async fn record(ledger: &Arc<SqliteLedger>, file: &Path, pulls: usize) -> Vec<Decision> {
    let begin = lazaret::telemetry::now() - SignedDuration::from_hours(24 * 30);
    let mut made = Vec::new();
    let started = Instant::now();
    for image in 0..IMAGES {
        let one = decision(image, begin + SignedDuration::from_secs(image as i64));
        let (held, recorded) = tokio::join!(
            ledger.hold(digest("image", image), holdings(image)),
            ledger.record_decision(one.clone())
        );
        held.unwrap();
        recorded.unwrap();
        made.push(one);
    }
    let each = started.elapsed() / IMAGES as u32;
    println!("a decision with {PACKAGES} packages and 40 advisories in the index | {each:.2?}");
    let before = size(file);
    let started = Instant::now();
    for number in 0..pulls {
        let pull = number / REQUESTS;
        // Some images are pulled by everybody, most by a few.
        let image = match pull % 3 {
            0 => 0,
            1 => pull % 40,
            _ => (pull * 7_919) % IMAGES,
        };
        ledger.record_pull(Pull {
            at: begin + SignedDuration::from_millis(number as i64 * 2),
            decision: made[image].id,
            digest: Some(match number % REQUESTS {
                0 | 1 => digest("image", image),
                2 => digest("base", 0),
                3 => digest("runtime", image % 20),
                layer => digest("layer", image * 5 + layer % 5),
            }),
            client: machine(pull.wrapping_mul(2_654_435_761) >> 7),
            kind: if number % REQUESTS < 2 {
                PullKind::Manifest
            } else {
                PullKind::Blob
            },
            outcome: Outcome::Served,
            bytes: 1_000_000,
        });
        if number % BATCH == BATCH - 1 {
            ledger.flush().await.unwrap();
        }
    }
    ledger.flush().await.unwrap();
    let took = started.elapsed();
    let rate = pulls as f64 / took.as_secs_f64();
    println!("pulls recorded | {rate:.0} a second, none lost of {pulls}");
    assert_eq!(ledger.dropped_pulls(), 0);
    let each = (size(file) - before) as f64 / pulls as f64;
    println!("on disk | {each:.0} MB a million pulls");
    made
}

/// The file with its log of writes.
fn size(file: &Path) -> u64 {
    let log = file.with_extension("db-wal");
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(file) + length(&log)
}

fn prove(ledger: &SqliteLedger) {
    let started = Instant::now();
    let audit = ledger.audit(None, None, &mut |_, _| {}).unwrap();
    assert_eq!(audit.broken, None);
    let rate = audit.size as f64 / started.elapsed().as_secs_f64();
    println!("lazaret ledger verify | {rate:.0} entries a second");
}

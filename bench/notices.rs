//! A flood of blocked pulls: how long it takes to be written down, and what people hear of it.
//!
//! `cargo bench --bench notices`. The clock stands still but where this program moves it, so that the minute between
//! messages is not waited for.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for who measures"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazaret::ledger::{Client, Decision, DecisionId, Ledger, SqliteLedger};
use lazaret::notify::{Courier, Fields, Target, Way};
use lazaret::oci::Digest;
use lazaret::policy::{Code, Finding, Level, Mode, Origin, Scope, Teams, Verdict};

/// Pulls that are blocked.
const PULLS: usize = 10_000;
/// Different images among them.
const IMAGES: usize = 2_500;
/// Pulls that are decided at once.
const AT_ONCE: usize = 64;

fn decision(n: usize) -> Decision {
    let now = lazaret::telemetry::now();
    let origin = Origin {
        file: "policy.toml".to_owned(),
        line: 4,
        table: "[scan.standard]".to_owned(),
    };
    let finding = Finding {
        code: Code::Vulnerability,
        level: Level::Deny,
        message: "CVE-2026-1, critical, in libssl3 3.0.11-1 of var/lib/dpkg/status".to_owned(),
        help: Some("fixed in 3.0.13-1".to_owned()),
        origin: origin.clone(),
        platform: None,
        affected: None,
        respite: None,
        waived: None,
    };
    let image = n % IMAGES;
    Decision {
        id: DecisionId::new(now),
        at: now,
        reference: format!("docker.io/acme/app{image}:1").parse().unwrap(),
        digest: Some(Digest::of(image.to_string().as_bytes())),
        client: Client {
            address: std::net::Ipv4Addr::new(10, 0, (n / 256 % 256) as u8, (n % 256) as u8).into(),
            identity: None,
            user_agent: "containerd/2.4.0".into(),
            listener: "gateway",
        },
        allowed: false,
        mode: Mode::Enforce,
        verdict: Verdict {
            findings: vec![finding],
            rule: origin,
            valid_until: None,
            vouched: Vec::new(),
            advisories: Vec::new(),
        },
        policy_epoch: 1,
        policy_file: "policy.toml".to_owned(),
        gathered_ms: 7,
    }
}

fn courier(
    ledger: &Arc<SqliteLedger>,
    name: &str,
    file: &Path,
    most: Option<u32>,
) -> Courier<SqliteLedger> {
    let target = Target {
        name: name.to_owned(),
        way: Way::File(file.to_owned(), Fields::Ecs),
        scope: Scope::usual(),
        quiet: None,
        most_per_minute: most,
        words: (None, None),
        teams: Arc::new(Teams::default()),
        source: "https://lazaret.example".to_owned(),
    };
    Courier::new(target, ledger.clone())
}

fn messages(file: &Path) -> usize {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .count()
}

async fn flood(ledger: &Arc<SqliteLedger>) {
    let mut running = tokio::task::JoinSet::new();
    for n in 0..PULLS {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        let ledger = ledger.clone();
        running.spawn(async move { ledger.record_decision(decision(n)).await.unwrap() });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

/// Rounds until nothing is owed; how often the clock was moved by a minute.
async fn told(ledger: &SqliteLedger, courier: &mut Courier<SqliteLedger>, name: &str) -> u32 {
    let mut minutes = 0;
    loop {
        courier.round().await.unwrap();
        let backlog = Ledger::outbox(ledger)
            .backlog(name.to_owned())
            .await
            .unwrap();
        if backlog.waiting == 0 {
            return minutes;
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        minutes += 1;
    }
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
    for name in ["chat", "siem"] {
        Ledger::outbox(ledger.as_ref())
            .begin(name.to_owned())
            .await
            .unwrap();
    }
    let start = Instant::now();
    flood(&ledger).await;
    println!(
        "{PULLS} blocked pulls of {IMAGES} images recorded in {:.2} s",
        start.elapsed().as_secs_f64()
    );
    for (name, most) in [("chat", Some(10)), ("siem", None)] {
        let file = folder.path().join(name);
        let mut courier = courier(&ledger, name, &file, most);
        let start = Instant::now();
        let minutes = told(&ledger, &mut courier, name).await;
        println!(
            "{name}: {} messages within {minutes} min, {:.2} s of work",
            messages(&file),
            start.elapsed().as_secs_f64()
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run());
}

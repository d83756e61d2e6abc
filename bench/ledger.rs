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

#[path = "../tests/support/mod.rs"]
#[allow(unused_imports, reason = "the tests take more of it")]
mod support;

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

use support::fake_registry::{FakeRegistry, ImageSpec};
use support::gate::Setup;
use support::tarball::tarball;

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
    ask(&ledger, &made, pulls).await;
    prove(&ledger);
    drop(ledger);
    if images > 0 {
        rejudge(images).await;
    }
    upgrade(&folder.join("old.db"), flag("--upgrade", 1_000_000));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A ledger of before the chain, with so many decisions and a pull of each, is opened.
fn upgrade(file: &Path, decisions: usize) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    let entries = std::fs::read_dir(sources).unwrap();
    let mut scripts: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    scripts.sort();
    let old = rusqlite::Connection::open(file).unwrap();
    let run = |sql: &str| old.execute_batch(sql).unwrap();
    run("PRAGMA journal_mode = WAL; CREATE TABLE migration (number INTEGER PRIMARY KEY)");
    for (number, script) in scripts.iter().take(BEFORE_THE_CHAIN).enumerate() {
        run(&std::fs::read_to_string(script).unwrap());
        run(&format!("INSERT INTO migration VALUES ({number})"));
    }
    let verdict = serde_json::to_string(&decision(0, Timestamp::UNIX_EPOCH).verdict).unwrap();
    run("BEGIN");
    let mut insert = old
        .prepare("INSERT INTO decision VALUES (?1, ?2, ?3, ?3 || ':1', ?4, '10.0.0.1', 'docker', 'gateway', 1, 'enforce', ?5, '0', 'policy.toml', 1, NULL)")
        .unwrap();
    for number in 0..decisions {
        let at = Timestamp::from_millisecond(1_700_000_000_000 + number as i64).unwrap();
        let name = format!("docker.io/team/app-{}", number % IMAGES);
        let digest = digest("image", number % IMAGES).to_string();
        let id = DecisionId::new(at).to_string();
        insert
            .execute(rusqlite::params![
                id,
                at.as_millisecond(),
                name,
                digest,
                verdict
            ])
            .unwrap();
    }
    drop(insert);
    run("INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes)
         SELECT at, id, digest, '10.0.0.' || (rowid % 250), 'docker', 'gateway', 'manifest', 'served', 1, 0 FROM decision;
         COMMIT");
    drop(old);
    let (mut batches, mut worst, started) = (0, Duration::ZERO, Instant::now());
    let mut last = Instant::now();
    let ledger = SqliteLedger::open_telling(file, &mut |_| {
        batches += 1;
        worst = worst.max(last.elapsed());
        last = Instant::now();
    });
    let took = started.elapsed();
    println!(
        "{decisions} decisions of an older version taken over | {took:.1?} in {batches} batches, the longest {worst:.2?}"
    );
    prove(&ledger.unwrap());
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

async fn timed(what: &str, ask: impl AsyncFn() -> u64) {
    let mut rounds: Vec<(Duration, u64)> = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let rows = ask().await;
        rounds.push((started.elapsed(), rows));
    }
    rounds.sort_unstable();
    let (median, rows) = rounds[ROUNDS / 2];
    let (worst, _) = rounds[ROUNDS - 1];
    println!("{what} | {median:.2?}, at worst {worst:.2?} | {rows} rows");
}

async fn ask(ledger: &Arc<SqliteLedger>, made: &[Decision], pulls: usize) {
    let pulled_in = SignedDuration::from_millis(pulls as i64 * 2);
    let who = async |about: About| ledger.pulled(Who::of(about, 1_000)).await.unwrap();
    let held = |kind, text: &str| About::Held(kind, text.to_owned(), None);
    let popular = made[0].reference.clone();
    for (what, about) in [
        (
            "who pulled the most popular image",
            About::Digest(digest("image", 0)),
        ),
        (
            "who pulled a rare image",
            About::Digest(digest("image", 4_321)),
        ),
        (
            "who has the base layer of all images",
            About::Digest(digest("base", 0)),
        ),
        (
            "who has a layer of one image",
            About::Digest(digest("layer", 321 * 5)),
        ),
        (
            "who pulled the most popular name",
            About::Reference(popular),
        ),
        (
            "who pulled of a repository",
            About::Repository(made[7].reference.repository().clone()),
        ),
        (
            "who has a package (400 images)",
            held(HeldKind::Package, "package-77"),
        ),
        (
            "who has an advisory (67 images)",
            held(HeldKind::Advisory, "CVE-2026-77"),
        ),
        (
            "who has a package in one version",
            About::package("package-77@1.3.77"),
        ),
        (
            "who has what a signer vouched for (all images)",
            held(HeldKind::Signer, "release-bot"),
        ),
        (
            "who has a word of any kind",
            About::Word("package-78".to_owned()),
        ),
    ] {
        timed(what, async || who(about.clone()).await.all).await;
    }
    let base = Who::of(About::Digest(digest("base", 0)), 1_000);
    let client = Some(machine(77).address.to_string());
    let day = SignedDuration::from_hours(24);
    for (what, who) in [
        (
            "who has the base layer, the hundredth page",
            Who {
                skip: 20_000,
                ..base.clone()
            },
        ),
        (
            "who has the base layer, since the last hour",
            Who {
                since: made[0].at + pulled_in - day / 24,
                ..base.clone()
            },
        ),
        (
            "whether a machine has the base layer",
            Who {
                client: client.clone(),
                ..base.clone()
            },
        ),
        (
            "all that a machine pulled",
            Who {
                about: None,
                client: client.clone(),
                ..base.clone()
            },
        ),
    ] {
        timed(what, async || ledger.pulled(who.clone()).await.unwrap().all).await;
    }
    let all = Who { most: None, ..base };
    timed(
        "all of who has the base layer, read to the end",
        async || {
            let mut rows = 0;
            let mut each = |_| {
                rows += 1;
                true
            };
            ledger.each_puller(&all, &mut each).unwrap();
            rows
        },
    )
    .await;
    let newest = Search {
        most: 100,
        ..Search::default()
    };
    timed("the newest hundred decisions", async || {
        ledger.search(newest.clone()).await.unwrap().len() as u64
    })
    .await;
    timed("the newest hundred pulls", async || {
        ledger.search_pulls(newest.clone()).await.unwrap().len() as u64
    })
    .await;
    let by = Search { client, ..newest };
    timed("the newest hundred pulls of a machine", async || {
        ledger.search_pulls(by.clone()).await.unwrap().len() as u64
    })
    .await;
}

fn prove(ledger: &SqliteLedger) {
    let started = Instant::now();
    let audit = ledger.audit(None, None, &mut |_, _| {}).unwrap();
    assert_eq!(audit.broken, None);
    let rate = audit.size as f64 / started.elapsed().as_secs_f64();
    println!("lazaret ledger verify | {rate:.0} entries a second");
}

const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
[scan.standard]
only_fixable = true
[default]
unsigned = "allow"
scan = "standard"
"#;

/// A layer of Debian 12 with so many packages.
fn layer(number: usize) -> Vec<u8> {
    let packages: String = (0..PACKAGES)
        .map(|at| {
            let version = format!("1.{number}.{at}-1");
            format!("Package: package-{at}\nStatus: install ok installed\nVersion: {version}\n\n")
        })
        .collect();
    let release: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\n";
    tarball(&[
        ("etc/os-release", release),
        ("var/lib/dpkg/status", packages.as_bytes()),
    ])
}

fn advisory(number: usize, fixed: &str) -> String {
    serde_json::json!({
        "id": format!("DSA-{number}"), "modified": "2026-01-02T00:00:00Z", "published": "2026-01-01T00:00:00Z",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "Debian:12", "name": format!("package-{}", number % PACKAGES) },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

/// Pulls so many images, then a new index of advisories comes: none of them is refused, all are looked at.
async fn rejudge(images: usize) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    let know = async |advisories: Vec<String>| {
        let export = gate.data().join("export.jsonl");
        std::fs::write(&export, advisories.join("\n")).unwrap();
        let data = gate.admission.scanner().advisories().clone();
        let now = lazaret::telemetry::now();
        data.import(&export, Some("Debian"), now).await.unwrap();
    };
    know((0..2_000).map(|number| advisory(number, "0.9-1")).collect()).await;
    let layers: Vec<Vec<u8>> = (0..50).map(layer).collect();
    let started = Instant::now();
    for image in 0..images {
        let name = format!("team/app-{image}");
        let spec = ImageSpec {
            layers: vec![layers[image % layers.len()].clone()],
            env: vec![Box::leak(format!("NUMBER={image}").into_boxed_str())],
            ..ImageSpec::default()
        };
        registry.push_image(&name, "1", &spec);
        let client = gate.at_gateway().with_namespace("docker.io");
        let path = format!("/v2/{name}/manifests/1?ns=docker.io");
        assert_eq!(client.get(&path).await.status, 200);
    }
    println!("{images} images admitted | in {:.1?}", started.elapsed());
    know((0..2_001).map(|number| advisory(number, "0.9-1")).collect()).await;
    let started = Instant::now();
    let done = gate.admission.rejudge().await.unwrap();
    let took = started.elapsed();
    assert_eq!(
        (done.images, done.refused, done.unknown),
        (images as u64, 0, 0)
    );
    println!("{images} admitted images judged anew after new advisories | {took:.1?}");
}

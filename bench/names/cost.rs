//! What a judgement costs: time, memory, and the building of the index.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use lazaret::names::{Corpus, NameRules, judge};
use lazaret::oci::Reference;

use crate::sets::{ALIASES, HOSTS, IMAGES, rows};

/// Rounds over all names; the best of each name counts, so that other work on the machine does not.
const ROUNDS: usize = 15;
/// Most names of which the latency is measured.
const TIMED_NAMES: usize = 2_000;
/// How many strong names a list has that is far larger than anybody keeps.
const MANY: usize = 100_000;

/// The cost of one kind of judgement.
pub(crate) struct Latency {
    pub what: String,
    pub names: usize,
    pub mean: Duration,
    pub p99: Duration,
}

/// A list, its index and judgements by it.
pub(crate) struct Cost {
    pub images: usize,
    pub built: Duration,
    /// Resident memory that it takes, in MiB, where the system tells.
    pub memory: Option<f64>,
    pub latencies: Vec<Latency>,
}

pub(crate) fn measure() -> Vec<Cost> {
    let hub = rows("hub2016_names.txt.gz").unwrap_or_default();
    let hub: Vec<&str> = hub
        .iter()
        .map(|row| row[0].as_str())
        .filter(|name| name.contains('/'))
        .collect();
    let misspelt: Vec<Reference> = rows("A2.tsv")
        .unwrap_or_default()
        .iter()
        .filter_map(|row| row[0].parse().ok())
        .collect();
    let step = (hub.len() / MANY).max(1);
    let many: String = hub
        .iter()
        .step_by(step)
        .take(MANY)
        .filter(|name| name.parse::<Reference>().is_ok())
        .map(|name| format!("{name},3,many\n"))
        .collect();
    let lists = [IMAGES.to_owned(), format!("image,tier,why\n{many}")];
    let unknown: Vec<Reference> = hub
        .iter()
        .skip(1)
        .step_by(step.max(2) * 31)
        .filter_map(|name| name.parse().ok())
        .collect();
    lists
        .iter()
        .map(|list| cost(list, &unknown, &misspelt))
        .collect()
}

fn cost(images: &str, unknown: &[Reference], misspelt: &[Reference]) -> Cost {
    let (before, started) = (resident(), Instant::now());
    let corpus = Corpus::parse(images, HOSTS, ALIASES).unwrap();
    let built = started.elapsed();
    let memory = resident()
        .zip(before)
        .map(|(after, before)| (after - before).max(0.0));
    let known: Vec<Reference> = corpus
        .images()
        .map(|(known, _)| known.to_string().parse().unwrap())
        .collect();
    let groups = [
        ("known name", known),
        ("unknown name", unknown.to_vec()),
        ("misspelt name", misspelt.to_vec()),
    ];
    let measured = groups.into_iter().filter(|(_, names)| !names.is_empty());
    let latencies = measured
        .map(|(what, names)| latency(what, &corpus, &names))
        .collect();
    Cost {
        images: corpus.images().count(),
        built,
        memory,
        latencies,
    }
}

fn latency(what: &str, corpus: &Corpus, names: &[Reference]) -> Latency {
    let rules = NameRules::default();
    let step = names.len().div_ceil(TIMED_NAMES).max(1);
    let names: Vec<&Reference> = names.iter().step_by(step).collect();
    let mut best = vec![Duration::MAX; names.len()];
    for _ in 0..ROUNDS {
        for (name, best) in names.iter().zip(&mut best) {
            let started = Instant::now();
            black_box(judge(black_box(name), corpus, &rules));
            *best = started.elapsed().min(*best);
        }
    }
    best.sort_unstable();
    Latency {
        what: what.to_owned(),
        names: best.len(),
        mean: best.iter().sum::<Duration>() / u32::try_from(best.len()).unwrap(),
        p99: best[(best.len() * 99 / 100).min(best.len() - 1)],
    }
}

/// Resident memory in MiB.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

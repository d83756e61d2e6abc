//! What the name engine catches, what it stops wrongly, and what it costs, beside plain edit distances in the same run.
//!
//! `cargo bench --bench names` prints the table and writes `target/bench/names.json`; with `-- --write` the table in
//! `docs/names.md` too. The data sets lie beside the project; those that are absent are left out.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that panics is a bench that says where"
)]

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lazaret::names::{Corpus, NameRules, Tier, judge};
use lazaret::oci::Reference;

/// Rounds over all names for the latency; the best of each name counts, so that other work on the machine does not.
const ROUNDS: usize = 15;
/// Most names that brute force compares, evenly taken: it takes milliseconds for one.
const BRUTE_FORCE_NAMES: usize = 5_000;
/// Most names of which the latency is measured.
const TIMED_NAMES: usize = 2_000;

/// A file of names and what they are.
struct DataSet {
    file: &'static str,
    what: &'static str,
    /// Flagging is right (recall) or wrong (false positives).
    mistakes: bool,
    names: Vec<Reference>,
}

/// What a detector says of a data set.
struct Row {
    detector: &'static str,
    set: &'static str,
    mistakes: bool,
    names: usize,
    block: usize,
    warn: usize,
    hint: usize,
}

fn main() {
    let started = Instant::now();
    let corpus = Corpus::embedded();
    let built = started.elapsed();
    let sets = data_sets();
    let mut rows = Vec::new();
    for set in &sets {
        rows.push(engine(corpus, set));
        rows.push(brute_force("OSA <= 1", corpus, set, |a, b| {
            within(a, b, 1, strsim::osa_distance)
        }));
        rows.push(brute_force("Levenshtein <= 2", corpus, set, |a, b| {
            within(a, b, 2, strsim::levenshtein)
        }));
    }
    let latencies = latencies(corpus, &sets);
    let table = markdown(corpus, &rows, &latencies, built);
    println!("{table}");
    fs::create_dir_all("target/bench").unwrap();
    fs::write(
        "target/bench/names.json",
        json(corpus, &rows, &latencies, built),
    )
    .unwrap();
    if std::env::args().any(|argument| argument == "--write") {
        write_docs(&table);
    }
}

fn data_sets() -> Vec<DataSet> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/names");
    let files = [
        ("human_typos_wild.csv", "real human mistakes", true),
        ("A2.tsv", "synthetic human mistakes", true),
        ("A3.tsv.gz", "synthetic attackers' names", true),
        (
            "known_malicious_images.csv",
            "malicious images of incident reports",
            true,
        ),
        ("B1.tsv", "names in public repositories", false),
        ("B2.tsv", "`FROM` lines of 2017", false),
        ("hub2016_names.txt.gz", "Docker Hub of 2016", false),
    ];
    let mut sets = Vec::new();
    for (file, what, mistakes) in files {
        let Some(text) = read(&folder.join(file)) else {
            println!("{file} is not here and left out");
            continue;
        };
        let lines = text
            .lines()
            .map(|line| line.split([',', '\t']).next().unwrap());
        let names = lines
            .filter(|name| name.contains('/'))
            .filter_map(|name| name.parse().ok());
        sets.push(DataSet {
            file,
            what,
            mistakes,
            names: names.collect(),
        });
    }
    sets
}

fn read(path: &PathBuf) -> Option<String> {
    if path.extension()? == "gz" {
        let output = Command::new("gzip").arg("-dc").arg(path).output().ok()?;
        return String::from_utf8(output.stdout)
            .ok()
            .filter(|text| !text.is_empty());
    }
    fs::read_to_string(path).ok()
}

fn engine(corpus: &Corpus, set: &DataSet) -> Row {
    let rules = NameRules::default();
    let mut row = row("the engine", set, set.names.len());
    for name in &set.names {
        let judged = judge(name, corpus, &rules);
        // Who writes a name that cannot exist has made a mistake, in a list of benign names too.
        let impossible = judged
            .suspicions
            .iter()
            .any(|found| found.rule == "impossible-namespace");
        match judged.tier() {
            Some(Tier::Block) if impossible && !set.mistakes => {}
            Some(Tier::Block) => row.block += 1,
            Some(Tier::Warn) => row.warn += 1,
            Some(Tier::Hint) => row.hint += 1,
            None => {}
        }
    }
    row
}

/// Compares with every well-known name, as a first idea would.
fn brute_force(
    detector: &'static str,
    corpus: &Corpus,
    set: &DataSet,
    near: fn(&str, &str) -> bool,
) -> Row {
    let known: HashSet<&str> = corpus.images().map(|(known, _)| known.as_str()).collect();
    let step = set.names.len().div_ceil(BRUTE_FORCE_NAMES).max(1);
    let mut row = row(detector, set, 0);
    for name in set.names.iter().step_by(step) {
        let name = name.repository().as_str();
        row.names += 1;
        row.block +=
            usize::from(!known.contains(name) && known.iter().any(|known| near(name, known)));
    }
    row
}

fn within(a: &str, b: &str, most: usize, distance: fn(&str, &str) -> usize) -> bool {
    a.len().abs_diff(b.len()) <= most && distance(a, b) <= most
}

fn row(detector: &'static str, set: &DataSet, names: usize) -> Row {
    Row {
        detector,
        set: set.what,
        mistakes: set.mistakes,
        names,
        block: 0,
        warn: 0,
        hint: 0,
    }
}

/// Latency of one judgement.
struct Latency {
    what: &'static str,
    names: usize,
    mean: Duration,
    p99: Duration,
}

fn latencies(corpus: &Corpus, sets: &[DataSet]) -> Vec<Latency> {
    let known: Vec<Reference> = corpus
        .images()
        .map(|(known, _)| known.to_string().parse().unwrap())
        .collect();
    let of = |file: &str| {
        sets.iter()
            .find(|set| set.file == file)
            .map(|set| set.names.clone())
    };
    let unknown = of("hub2016_names.txt.gz")
        .or_else(|| of("B1.tsv"))
        .unwrap_or_default();
    let all: HashSet<&Reference> = known.iter().collect();
    let unknown: Vec<Reference> = unknown
        .iter()
        .filter(|name| !all.contains(name))
        .cloned()
        .collect();
    let mistakes = of("A2.tsv")
        .or_else(|| of("human_typos_wild.csv"))
        .unwrap_or_default();
    let groups = [
        ("known name", known),
        ("unknown name", unknown),
        ("misspelt name", mistakes),
    ];
    let measured = groups.into_iter().filter(|(_, names)| !names.is_empty());
    measured
        .map(|(what, names)| latency(what, corpus, &names))
        .collect()
}

fn latency(what: &'static str, corpus: &Corpus, names: &[Reference]) -> Latency {
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
    let mean = best.iter().sum::<Duration>() / u32::try_from(best.len()).unwrap();
    Latency {
        what,
        names: best.len(),
        mean,
        p99: best[(best.len() * 99 / 100).min(best.len() - 1)],
    }
}

/// Resident memory in MiB, where the system tells.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

fn markdown(corpus: &Corpus, rows: &[Row], latencies: &[Latency], built: Duration) -> String {
    let mut table = format!(
        "Corpus {}, {} images, indexed in {} ms. Brute force compares at most {BRUTE_FORCE_NAMES} names of a set with the same corpus.\n\n",
        corpus.version(),
        corpus.images().count(),
        built.as_millis(),
    );
    table += "| names | of | detector | BLOCK | WARN | HINT | BLOCK + WARN |\n|---|---|---|---|---|---|---|\n";
    for row in rows {
        let share = |count: usize| {
            let percent = 100.0 * as_f64(count) / as_f64(row.names.max(1));
            if row.mistakes {
                format!("{percent:.1} %")
            } else {
                format!("{count} ({percent:.3} %)")
            }
        };
        let what = if row.mistakes {
            "should be caught"
        } else {
            "should pass"
        };
        table += &format!(
            "| {} ({what}) | {} | {} | {} | {} | {} | {} |\n",
            row.set,
            row.names,
            row.detector,
            share(row.block),
            share(row.warn),
            share(row.hint),
            share(row.block + row.warn)
        );
    }
    table += "\n| judgement of a | names | mean | p99 |\n|---|---|---|---|\n";
    for latency in latencies {
        table += &format!(
            "| {} | {} | {:.2?} | {:.2?} |\n",
            latency.what, latency.names, latency.mean, latency.p99
        );
    }
    table
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of names are far below 2^52"
)]
fn as_f64(count: usize) -> f64 {
    count as f64
}

fn json(corpus: &Corpus, rows: &[Row], latencies: &[Latency], built: Duration) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({"set": row.set, "mistakes": row.mistakes, "detector": row.detector, "names": row.names,
                "block": row.block, "warn": row.warn, "hint": row.hint})
        })
        .collect();
    let latencies: Vec<_> = latencies
        .iter()
        .map(|latency| {
            serde_json::json!({"of": latency.what, "names": latency.names, "mean_ns": latency.mean.as_nanos() as u64,
                "p99_ns": latency.p99.as_nanos() as u64})
        })
        .collect();
    let all = serde_json::json!({"corpus": corpus.version(), "images": corpus.images().count(),
        "build_us": built.as_micros() as u64, "resident_mib": resident(), "rows": rows, "latency": latencies});
    format!("{all:#}\n")
}

fn write_docs(table: &str) {
    let (begin, end) = ("<!-- measured: begin -->\n", "<!-- measured: end -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/names.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
}

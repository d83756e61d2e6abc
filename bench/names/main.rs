//! What the name engine catches, what it stops wrongly, and what it costs, beside the rules of package registries and
//! plain string distances in the same run.
//!
//! `cargo bench --bench names` prints the tables and writes `target/bench/names.json`; with `-- --write` the tables in
//! `docs/names.md` too. The data sets lie beside the project; those that are absent are left out.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that panics is a bench that says where; its counts are far below 2^52"
)]

mod cost;
mod detectors;
mod report;
mod sets;
mod special;

use std::fs;

use lazaret::names::Corpus;

use report::Report;

fn main() {
    let report = Report {
        costs: cost::measure(),
        rows: sets::all().iter().map(detectors::row).collect(),
        special: special::measure(),
        corpus: Corpus::embedded().version().to_string(),
        images: Corpus::embedded().images().count(),
    };
    let text = report.markdown();
    println!("{text}");
    fs::create_dir_all("target/bench").unwrap();
    fs::write("target/bench/names.json", report.json()).unwrap();
    if std::env::args().any(|argument| argument == "--write") {
        report::write_docs(&text);
    }
}

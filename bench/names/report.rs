//! The tables.

use std::fs;
use std::path::Path;

use crate::cost::Cost;
use crate::detectors::Row;
use crate::special::Special;

pub(crate) struct Report {
    pub corpus: String,
    pub images: usize,
    pub rows: Vec<Row>,
    pub special: Vec<Special>,
    pub costs: Vec<Cost>,
}

impl Report {
    pub(crate) fn markdown(&self) -> String {
        [
            format!("Corpus {}, {} images.\n", self.corpus, self.images),
            self.sets(),
            self.precision(),
            self.specials(),
            self.cost(),
        ]
        .join("\n")
    }

    fn sets(&self) -> String {
        let others: Vec<&str> = self
            .rows
            .first()
            .map(|row| row.others.keys().copied().collect())
            .unwrap_or_default();
        let mut table = format!(
            "| names | of | BLOCK | WARN | HINT | BLOCK + WARN | {} |\n|---|---|---|---|---|---|{}\n",
            others.join(" | "),
            "---|".repeat(others.len())
        );
        for row in &self.rows {
            let share = |count: usize, of: usize| share(row.mistakes, count, of);
            let what = if row.mistakes {
                "should be caught"
            } else {
                "should pass"
            };
            let own = [
                row.block - row.impossible,
                row.warn,
                row.hint,
                row.block - row.impossible + row.warn,
            ];
            let own: Vec<String> = own.iter().map(|count| share(*count, row.names)).collect();
            let others: Vec<String> = row
                .others
                .values()
                .map(|(count, of)| share(*count, *of))
                .collect();
            table += &format!(
                "| {} ({what}) | {} | {} | {} |\n",
                row.set,
                row.names,
                own.join(" | "),
                others.join(" | ")
            );
        }
        for row in self.rows.iter().filter(|row| row.impossible > 0) {
            table += &format!(
                "\nOf {}, {} more are blocked because Docker Hub lets nobody have such a namespace: mistakes in themselves.",
                row.set, row.impossible
            );
        }
        for row in self.rows.iter().filter(|row| row.right.1 > 0) {
            table += &format!(
                "\nThe first suggestion is what was meant for {} of {} flagged {}.",
                percent(row.right.0, row.right.1),
                row.right.1,
                row.set
            );
        }
        table + "\n"
    }

    /// Of all flagged names of the two sets, how many are mistakes; of all mistakes, how many are flagged.
    fn precision(&self) -> String {
        let find = |file: &str| self.rows.iter().find(|row| row.file == file);
        let (Some(wild), Some(benign)) = (find("human_typos_wild.csv"), find("B1.tsv")) else {
            return String::new();
        };
        let mut table = "| real mistakes against names in public repositories | precision | recall |\n|---|---|---|\n".to_owned();
        let possible = benign.block - benign.impossible;
        let mut line = |detector: &str, right: usize, wrong: f64| {
            let precision = right as f64 / (right as f64 + wrong).max(1.0);
            table += &format!(
                "| {detector} | {precision:.2} | {:.2} |\n",
                right as f64 / wild.names as f64
            );
        };
        line("**the engine, BLOCK**", wild.block, possible as f64);
        line(
            "**the engine, BLOCK + WARN**",
            wild.block + wild.warn,
            (possible + benign.warn) as f64,
        );
        for (detector, (right, _)) in &wild.others {
            let (wrong, of) = benign.others[detector];
            line(
                detector,
                *right,
                wrong as f64 * benign.names as f64 / of.max(1) as f64,
            );
        }
        table
    }

    fn specials(&self) -> String {
        let mut table =
            "| further questions | of | BLOCK | WARN | HINT |\n|---|---|---|---|---|\n".to_owned();
        for special in &self.special {
            let share = |count| format!("{count} ({})", percent(count, special.names));
            table += &format!(
                "| {} | {} | {} | {} | {} |\n",
                special.what,
                special.names,
                share(special.block),
                share(special.warn),
                share(special.hint)
            );
        }
        table
    }

    fn cost(&self) -> String {
        let mut table = "| list | index built in | memory | judgement of a | mean | p99 |\n|---|---|---|---|---|---|\n".to_owned();
        for cost in &self.costs {
            let memory = cost
                .memory
                .map_or_else(|| "?".to_owned(), |mib| format!("{mib:.0} MiB"));
            for latency in &cost.latencies {
                table += &format!(
                    "| {} images | {:.0?} | {memory} | {} | {:.2?} | {:.2?} |\n",
                    cost.images, cost.built, latency.what, latency.mean, latency.p99
                );
            }
        }
        table
    }

    pub(crate) fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| serde_json::json!({
            "set": row.set, "mistakes": row.mistakes, "names": row.names, "block": row.block, "warn": row.warn,
            "hint": row.hint, "impossible": row.impossible, "suggestion_right": row.right, "others": row.others,
        }));
        let special = self.special.iter().map(|one| serde_json::json!({
            "of": one.what, "names": one.names, "block": one.block, "warn": one.warn, "hint": one.hint,
        }));
        let costs = self.costs.iter().map(|cost| serde_json::json!({
            "images": cost.images, "build_us": cost.built.as_micros() as u64, "memory_mib": cost.memory,
            "latency": cost.latencies.iter().map(|one| serde_json::json!({
                "of": one.what, "names": one.names, "mean_ns": one.mean.as_nanos() as u64, "p99_ns": one.p99.as_nanos() as u64,
            })).collect::<Vec<_>>(),
        }));
        let all = serde_json::json!({
            "corpus": self.corpus, "images": self.images, "sets": rows.collect::<Vec<_>>(),
            "special": special.collect::<Vec<_>>(), "costs": costs.collect::<Vec<_>>(),
        });
        format!("{all:#}\n")
    }
}

fn percent(count: usize, of: usize) -> String {
    format!("{:.1} %", 100.0 * count as f64 / of.max(1) as f64)
}

fn share(mistakes: bool, count: usize, of: usize) -> String {
    match mistakes {
        true => percent(count, of),
        false => format!("{count} ({:.3} %)", 100.0 * count as f64 / of.max(1) as f64),
    }
}

pub(crate) fn write_docs(text: &str) {
    let (begin, end) = ("<!-- measured: begin -->\n", "<!-- measured: end -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/names.md");
    let old = fs::read_to_string(&path).unwrap();
    let (before, rest) = old.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    fs::write(path, format!("{before}{begin}{text}{end}{after}")).unwrap();
}

//! `lazaret policy test`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::junit::{self, Case as Reported};
use super::wire::{Trouble, about, policy as load};
use super::{PolicyTestArgs, REFUSED, output};
use crate::config::reload;
use crate::policy::{Origin, Paint, Policy, explain};
use crate::trial::{Judged, Outcome, Suite, Trial};

/// The folder of cases beside a policy.
const FOLDER: &str = "tests";
/// Most files of cases: a folder with more is not one of cases.
const MAX_FILES: usize = 10_000;

pub(super) fn test(args: &PolicyTestArgs) -> Result<u8, Trouble> {
    let policy = load(Some(args.file.clone()))?.policy;
    let suites = suites(args)?;
    let mut run = Run::default();
    for suite in &suites {
        for trial in &suite.trials {
            let judged = trial
                .run(&policy)
                .map_err(|why| other(format!("{}:{}: {why}", suite.file, trial.line)))?;
            run.tell(args, suite, trial, &judged);
        }
    }
    if run.reported.is_empty() {
        return Err(other(format!(
            "there are no cases for {}: write some into {FOLDER}/*.toml beside it; docs/policy.md has an example",
            args.file.display()
        )));
    }
    if let Some(file) = &args.junit {
        std::fs::write(file, junit::xml(&run.reported)).map_err(about(file))?;
    }
    if !args.json {
        run.sum(&policy);
    }
    Ok(if run.failed > 0 { REFUSED } else { 0 })
}

fn other(why: String) -> Trouble {
    Trouble::Other(why)
}

/// The files that are named, or those of the folder beside the policy.
fn suites(args: &PolicyTestArgs) -> Result<Vec<Suite>, Trouble> {
    let beside = args.file.parent().unwrap_or(Path::new("")).join(FOLDER);
    let named = match args.cases.as_slice() {
        [] => vec![beside],
        named => named.to_vec(),
    };
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path);
            continue;
        }
        let mut inside: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(about(&path))? {
            let entry = entry.map_err(about(&path))?.path();
            if entry.extension().is_some_and(|end| end == "toml") {
                inside.push(entry);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    if files.len() > MAX_FILES {
        return Err(other(format!("more than {MAX_FILES} files of cases")));
    }
    let read = |file: &PathBuf| {
        let text = reload::read(file).map_err(about(file))?;
        Suite::read(&text, &file.display().to_string()).map_err(other)
    };
    files.iter().map(read).collect()
}

#[derive(Default)]
struct Run {
    failed: usize,
    reported: Vec<Reported>,
    /// Rules that decided about some case.
    decided: BTreeSet<(String, u32)>,
}

impl Run {
    fn tell(&mut self, args: &PolicyTestArgs, suite: &Suite, trial: &Trial, judged: &Judged) {
        let passed = judged.differences.is_empty();
        self.failed += usize::from(!passed);
        self.decided.insert(place(&judged.verdict.rule));
        let said = explain(&trial.case.image, &judged.verdict, None, Paint::Plain);
        if args.json {
            output::out(json!({
                "file": suite.file, "line": trial.line, "name": trial.name(), "image": trial.case.image.to_string(),
                "passed": passed, "said": Outcome::of(&judged.verdict).as_str(),
                "differences": judged.differences, "verdict": judged.verdict,
            }));
        } else if !passed || args.verbose {
            let paint = if output::colour() {
                Paint::Ansi
            } else {
                Paint::Plain
            };
            let word = match passed {
                true => paint.green("ok"),
                false => paint.red("FAILED"),
            };
            output::out(format_args!(
                "{word} {}:{} {}",
                suite.file,
                trial.line,
                trial.name()
            ));
            for line in &judged.differences {
                output::out(format_args!(
                    "  {}",
                    match line.starts_with('-') {
                        true => paint.red(line),
                        false => paint.green(line),
                    }
                ));
            }
            said.lines()
                .for_each(|line| output::out(format_args!("    {line}")));
        }
        self.reported.push(Reported {
            file: suite.file.clone(),
            line: trial.line,
            name: trial.name(),
            failure: (!passed).then(|| format!("{}\n\n{said}", judged.differences.join("\n"))),
        });
    }

    fn sum(&self, policy: &Policy) {
        let missed: Vec<String> = policy
            .rules()
            .iter()
            .map(|rule| &rule.origin)
            .filter(|origin| !self.decided.contains(&place(origin)))
            .map(ToString::to_string)
            .collect();
        if !missed.is_empty() {
            output::err(format_args!("no case is about {}", missed.join(", ")));
        }
        let all = self.reported.len();
        output::out(format_args!(
            "{}: {} of {all} cases as expected, {} not",
            policy.source(),
            all - self.failed,
            self.failed
        ));
    }
}

fn place(origin: &Origin) -> (String, u32) {
    (origin.table.clone(), origin.line)
}

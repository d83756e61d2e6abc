//! `lazaret debug`: for whoever wants to check how versions are compared and packages are matched.

use std::io::{self, BufRead};
use std::process::ExitCode;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::wire::{Trouble, data_dir, exit};
use super::{DataArgs, db, output};
use crate::oci::Digest;
use crate::scan::{Advisories, Ecosystem, Package, Place, Rule, compare};

/// `lazaret debug …`.
#[derive(Subcommand, Debug)]
pub enum DebugCommand {
    /// Compare versions: lines of two, separated by a space, in; `<`, `=` or `>` out, `?` where they do not compare.
    #[command(
        after_help = "Examples:\n  echo '1.0~rc1 1.0' | lazaret debug compare Debian\n  lazaret debug compare Alpine:v3.20 < pairs.txt"
    )]
    Compare {
        /// Whose rule: as OSV writes it, with a release or without.
        #[arg(value_name = "ECOSYSTEM")]
        ecosystem: String,
    },
    /// Match packages: JSON objects with ecosystem, name and version, a line each, in; the same with `ids` out.
    #[command(
        after_help = "Example:\n  echo '{\"ecosystem\":\"Debian:12\",\"name\":\"openssl\",\"version\":\"3.0.11-1\"}' | lazaret debug match\n\nThe advisories are those of `lazaret db status`. A package of which nothing is known has ids null."
    )]
    Match {
        /// Where the advisories lie.
        #[command(flatten)]
        data: DataArgs,
    },
}

/// A package that is asked about, and the answer.
#[derive(Deserialize, Serialize)]
struct Asked {
    ecosystem: String,
    name: String,
    version: String,
    #[serde(default)]
    ids: Option<Vec<String>>,
}

pub(super) fn debug(command: DebugCommand) -> ExitCode {
    let input = io::stdin().lock();
    let done = match command {
        DebugCommand::Compare { ecosystem } => compared(&ecosystem, input),
        DebugCommand::Match { data } => matched(&data, input),
    };
    exit(done.map(|()| 0))
}

/// Each line that is not empty, with its number.
fn lines(input: impl BufRead) -> impl Iterator<Item = (usize, Result<String, Trouble>)> {
    let numbered = input.lines().enumerate();
    let read = numbered.map(|(at, line)| {
        let wrong = |error| Trouble::Other(format!("standard input, line {}: {error}", at + 1));
        (at + 1, line.map_err(wrong))
    });
    read.filter(|(_, line)| !matches!(line, Ok(line) if line.trim().is_empty()))
}

fn compared(ecosystem: &str, input: impl BufRead) -> Result<(), Trouble> {
    let rule = rule(ecosystem)?;
    for (number, line) in lines(input) {
        let line = line?;
        let (a, b) = line.trim().split_once(' ').ok_or_else(|| {
            Trouble::Other(format!(
                "standard input, line {number}: not two versions with a space between them"
            ))
        })?;
        output::out(match compare(rule, a, b.trim()) {
            Ok(std::cmp::Ordering::Less) => "<",
            Ok(std::cmp::Ordering::Equal) => "=",
            Ok(std::cmp::Ordering::Greater) => ">",
            Err(_) => "?",
        });
    }
    Ok(())
}

fn rule(ecosystem: &str) -> Result<Rule, Trouble> {
    let (base, release) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
    let base = db::named(base)?;
    let named = match release {
        "" => Ecosystem::named(&base),
        release => Ecosystem::named(&format!("{base}:{release}")),
    };
    let unknown = || Trouble::Other(format!("versions of {ecosystem} are not compared"));
    named.rule().ok_or_else(unknown)
}

fn matched(data: &DataArgs, input: impl BufRead) -> Result<(), Trouble> {
    let opened = db::opened(&data_dir(data)?);
    let current = opened.current();
    let known = current.advisories.as_ref();
    let known = known.map_err(|why| Trouble::Other(why.clone()))?;
    for (number, line) in lines(input) {
        let mut asked: Asked = serde_json::from_str(&line?)
            .map_err(|error| Trouble::Other(format!("standard input, line {number}: {error}")))?;
        asked.ids = ids(known, &asked)?;
        output::out(serde_json::to_string(&asked).unwrap_or_default());
    }
    Ok(())
}

fn ids(known: &Advisories, asked: &Asked) -> Result<Option<Vec<String>>, Trouble> {
    let package = [Package {
        ecosystem: Ecosystem::named(&asked.ecosystem),
        name: asked.name.clone(),
        version: asked.version.clone(),
        source: None,
        found: Place {
            layer: Digest::of(b""),
            path: String::new(),
        },
    }];
    let report = known.findings(&package);
    let report = report.map_err(|error| Trouble::Other(error.to_string()))?;
    let ids = report.matches.iter().map(|one| one.id.clone());
    Ok(report.uncovered.is_empty().then(|| ids.collect()))
}

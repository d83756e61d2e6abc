//! `lazaret names …`.

use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::wire::{Trouble, about, policy, runtime, server};
use super::{FAILED, NamesCommand, REFUSED, ReplayArgs, output};
use crate::config::reload;
use crate::evidence::NameCollector;
use crate::ledger::{Ledger, SqliteLedger};
use crate::names::{Corpus, NameJudgement, NameRules, Tier, judge};
use crate::oci::Reference;
use crate::policy::{Policy, summary};
use crate::telemetry;

/// Longest name that is read from standard input, in bytes.
const MAX_LINE: usize = 4 * 1024;
/// Most decisions that a replay reads.
const MAX_REPLAYED: u32 = 1_000_000;

pub(super) fn names(command: NamesCommand) -> ExitCode {
    let done = match command {
        NamesCommand::Check {
            names,
            json,
            policy: file,
        } => check(&names, json, file.as_deref()),
        NamesCommand::Allow { names } => allow(&names),
        NamesCommand::Replay(args) => replay(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            output::err(trouble);
            ExitCode::from(FAILED)
        }
    }
}

fn check(names: &[String], json: bool, file: Option<&Path>) -> Result<u8, Trouble> {
    let loaded = policy(file.map(Path::to_owned))?;
    let rules = NameCollector::rules(loaded.policy.names());
    let mut worst = 0;
    let mut one = |name: &str| {
        let code = match name.parse::<Reference>() {
            Ok(reference) => {
                let judged = judge(&reference, Corpus::embedded(), &rules);
                show(name, &judged, json);
                u8::from(judged.tier() == Some(Tier::Block))
            }
            Err(error) => {
                malformed(name, &error.to_string(), json);
                FAILED
            }
        };
        worst = worst.max(code);
    };
    for name in names {
        if name != "-" {
            one(name);
            continue;
        }
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(about(Path::new("standard input")))?;
            let line = line.trim();
            if !line.is_empty() && line.len() <= MAX_LINE {
                one(line);
            }
        }
    }
    Ok(worst)
}

fn word(tier: Option<Tier>) -> &'static str {
    match tier {
        None => "none",
        Some(Tier::Hint) => "hint",
        Some(Tier::Warn) => "warn",
        Some(Tier::Block) => "block",
    }
}

fn show(name: &str, judged: &NameJudgement, json: bool) {
    let first = judged.suspicions.first();
    let suggestions = || {
        let all = judged
            .suspicions
            .iter()
            .flat_map(|found| &found.suggestions);
        all.map(ToString::to_string).collect::<Vec<_>>()
    };
    if json {
        output::out(serde_json::json!({
            "name": name, "tier": word(judged.tier()), "rule": first.map(|found| found.rule),
            "target": first.and_then(|found| found.target.as_ref()).map(ToString::to_string),
            "suggestions": suggestions(), "corpus": judged.corpus,
        }));
        return;
    }
    output::out(format_args!("{:<5} {name}", word(judged.tier())));
    for found in &judged.suspicions {
        output::out(format_args!("      [{}] {}", found.rule, found.message));
    }
    let suggestions = suggestions();
    if !suggestions.is_empty() {
        output::out(format_args!(
            "      did you mean {} ?",
            suggestions.join(" or ")
        ));
    }
}

fn malformed(name: &str, why: &str, json: bool) {
    if json {
        output::out(serde_json::json!({ "name": name, "error": why }));
    } else {
        output::err(format_args!("error: {name}: {why}"));
    }
}

/// What to write into the policy, for names that look like mistakes and are meant.
fn allow(names: &[String]) -> Result<u8, Trouble> {
    let mut lines = Vec::new();
    for name in names {
        let reference: Reference = name
            .parse()
            .map_err(|error| Trouble::Other(format!("{name}: {error}")))?;
        let judged = judge(&reference, Corpus::embedded(), &NameRules::default());
        if judged.tier().is_none() {
            output::err(format_args!("{name} is not suspected: nothing to allow"));
        }
        let host = judged
            .suspicions
            .iter()
            .any(|found| found.rule.contains("host"));
        if host {
            output::err(format_args!(
                "{name}: no exception opens a look-alike registry; if it is right, add {:?} to registries",
                reference.repository().host()
            ));
            continue;
        }
        lines.push(format!("  {:?},", reference.repository().as_str()));
    }
    if !lines.is_empty() {
        output::out("[names]\nallow = [");
        lines.iter().for_each(output::out);
        output::out("]");
    }
    Ok(0)
}

/// Runs references through a policy's names and tells what would stop.
fn replay(args: &ReplayArgs) -> Result<u8, Trouble> {
    let loaded = policy(args.policy.clone())?;
    let references = match &args.file {
        Some(file) => of_file(file)?,
        None => runtime()?.block_on(of_ledger(args))?,
    };
    let names = NameCollector::new(Corpus::embedded());
    let mut references: Vec<(Reference, u64)> = references.into_iter().collect();
    references.sort_by_key(|(reference, times)| (std::cmp::Reverse(*times), reference.to_string()));
    let (mut seen, mut stopped) = (0, 0);
    for (reference, times) in references {
        seen += times;
        if let Some(why) = stops(&loaded.policy, &names, &reference) {
            stopped += times;
            output::out(format_args!("{times:>6} × {reference}\n         {why}"));
        }
    }
    output::err(format_args!("{stopped} of {seen} pulls would stop"));
    Ok(if stopped > 0 { REFUSED } else { 0 })
}

fn stops(policy: &Policy, names: &NameCollector, reference: &Reference) -> Option<String> {
    let evidence = names.collect(reference, policy.names());
    let verdict = policy.judge_name(reference, &evidence, telemetry::now());
    (!verdict.allows()).then(|| summary(&verdict))
}

/// References with how often each was asked for.
type Counted = std::collections::HashMap<Reference, u64>;

fn of_file(file: &Path) -> Result<Counted, Trouble> {
    let mut counted = Counted::new();
    for (number, line) in (1_u64..).zip(reload::read(file).map_err(about(file))?.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let reference = line
            .parse()
            .map_err(|error| Trouble::Other(format!("{}:{number}: {error}", file.display())))?;
        *counted.entry(reference).or_default() += 1;
    }
    Ok(counted)
}

async fn of_ledger(args: &ReplayArgs) -> Result<Counted, Trouble> {
    let file = server(args.config.as_deref())?.data_dir.join("ledger.db");
    if !file.exists() {
        return Err(Trouble::Other(format!(
            "{}: no ledger here; name the server's file with --config, or give a file of names",
            file.display()
        )));
    }
    let wrong = |error: crate::ledger::LedgerError| Trouble::Other(error.to_string());
    let since = since(args.since.as_deref())?;
    let ledger = SqliteLedger::open(&file).map_err(wrong)?;
    let mut counted = Counted::new();
    for decision in ledger.decisions(None, MAX_REPLAYED).await.map_err(wrong)? {
        if since.is_none_or(|since| decision.at >= since) {
            *counted.entry(decision.reference).or_default() += 1;
        }
    }
    Ok(counted)
}

fn since(text: Option<&str>) -> Result<Option<Timestamp>, Trouble> {
    let Some(text) = text else {
        return Ok(None);
    };
    let age = crate::config::units::duration(text)
        .map_err(|why| Trouble::Other(format!("--since {text}: {why}; write 7d or 12h")))?;
    telemetry::now()
        .checked_sub(age)
        .map(Some)
        .map_err(|error| Trouble::Other(format!("--since {text}: {error}")))
}

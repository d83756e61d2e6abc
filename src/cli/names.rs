//! `lazaret names …`.

use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;

use super::wire::{Trouble, about, corpus, data_dir, exit, policy};
use super::{DataArgs, FAILED, NamesCommand, names_approve, names_replay, names_update, output};
use crate::evidence::NameCollector;
use crate::names::{Corpus, NameJudgement, NameRules, Tier, judge, vetted};
use crate::oci::Reference;

/// Longest name that is read from standard input, in bytes.
const MAX_LINE: usize = 4 * 1024;

pub(super) fn names(command: NamesCommand) -> ExitCode {
    let done = match command {
        NamesCommand::Check {
            names,
            json,
            policy: file,
            data,
        } => check(&names, json, file.as_deref(), &data),
        NamesCommand::Allow { names } => allow(&names),
        NamesCommand::Add { names } => add(&names),
        NamesCommand::Approve(args) => names_approve::approve(&args),
        NamesCommand::Replay(args) => names_replay::replay(&args),
        NamesCommand::Update(args) => names_update::update(&args),
    };
    exit(done)
}

fn check(
    names: &[String],
    json: bool,
    file: Option<&Path>,
    data: &DataArgs,
) -> Result<u8, Trouble> {
    let corpus = corpus(&data_dir(data)?)?;
    let loaded = policy(file.map(Path::to_owned))?;
    let rules = NameCollector::rules(loaded.policy.names());
    let mut worst = 0;
    let mut one = |name: &str| {
        let code = match name.parse::<Reference>() {
            Ok(reference) => {
                let judged = judge(&reference, corpus, &rules);
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
            "suggestions": suggestions(), "corpus": *judged.corpus,
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
        let reference = read(name)?;
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

/// What to write into the policy, for names of ours that others should not come near.
fn add(names: &[String]) -> Result<u8, Trouble> {
    let references = names.iter().map(|name| read(name));
    let references = references.collect::<Result<Vec<_>, _>>()?;
    output::out("[names]\nprotect = [");
    for reference in references {
        if vetted(reference.repository(), Corpus::embedded()) {
            output::err(format_args!(
                "{reference} is well known or on a registry where strangers cannot publish: it needs no protection"
            ));
        }
        output::out(format_args!("  {:?},", reference.repository().as_str()));
    }
    output::out("]");
    Ok(0)
}

/// A name of the command line.
pub(super) fn read(name: &str) -> Result<Reference, Trouble> {
    name.parse()
        .map_err(|error| Trouble::Other(format!("{name}: {error}")))
}

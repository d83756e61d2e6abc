//! `lazaret names replay`.

use std::path::Path;

use jiff::Timestamp;

use super::wire::{Trouble, about, corpus, data_dir, ledger, policy, runtime};
use super::{REFUSED, ReplayArgs, output};
use crate::config::reload;
use crate::evidence::NameCollector;
use crate::ledger::Ledger;
use crate::oci::Reference;
use crate::policy::{Policy, summary};
use crate::telemetry;

/// Most decisions that a replay reads.
const MAX_REPLAYED: u32 = 1_000_000;

/// Runs references through a policy's names and tells what would stop.
pub(super) fn replay(args: &ReplayArgs) -> Result<u8, Trouble> {
    let loaded = policy(args.policy.clone())?;
    let references = match &args.file {
        Some(file) => of_file(file)?,
        None => runtime()?.block_on(of_ledger(args))?,
    };
    let names = NameCollector::new(corpus(&data_dir(&args.data)?)?);
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
    let wrong = |error: crate::ledger::LedgerError| Trouble::Other(error.to_string());
    let since = since(args.since.as_deref())?;
    let ledger = ledger(&args.data)?;
    let mut counted = Counted::new();
    for decision in ledger.decisions(None, MAX_REPLAYED).await.map_err(wrong)? {
        if since.is_none_or(|since| decision.at >= since) {
            *counted.entry(decision.reference).or_default() += 1;
        }
    }
    Ok(counted)
}

pub(super) fn since(text: Option<&str>) -> Result<Option<Timestamp>, Trouble> {
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

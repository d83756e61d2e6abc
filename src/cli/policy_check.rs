//! `lazaret policy check`.

use std::collections::BTreeMap;

use serde_json::json;

use super::wire::{Trouble, ledger, offered, policy_with, runtime, settings};
use super::{DataArgs, PolicyCheckArgs, REFUSED, output};
use crate::config::{Beside, Diagnostics};
use crate::ledger::{Ledger as _, WaiverUse, doubts};
use crate::policy::{Concern, Policy, Waiver};
use crate::telemetry;

/// Waivers by their identity, as the ledger knows them; none where there is no ledger.
type Used = Option<BTreeMap<String, WaiverUse>>;

pub(super) fn check(args: &PolicyCheckArgs) -> Result<u8, Trouble> {
    let beside = beside(&args.data)?;
    let loaded = match policy_with(Some(args.file.clone()), &beside) {
        Err(Trouble::Mistakes(mistakes)) if args.json => {
            output::out(json!({ "file": args.file, "mistakes": as_json(&mistakes) }));
            return Ok(REFUSED);
        }
        loaded => loaded?,
    };
    let (policy, used) = (&loaded.policy, used(&args.data)?);
    let concerns: Vec<(&Waiver, Vec<Concern>)> = policy
        .waivers()
        .iter()
        .map(|waiver| (waiver, doubts(waiver, used.as_ref(), telemetry::now())))
        .collect();
    if args.json {
        output::out(json!({
            "file": args.file, "mistakes": [], "rules": policy.rules().len(),
            "waivers": concerns.iter().map(|(waiver, concerns)| waiver_json(waiver, concerns, &used)).collect::<Vec<_>>(),
        }));
    } else {
        tell(args, policy, &concerns, &used);
    }
    let doubtful = concerns.iter().any(|(_, concerns)| !concerns.is_empty());
    Ok(if args.strict && doubtful { REFUSED } else { 0 })
}

/// What the server has for policies to ask, where its file is named.
fn beside(data: &DataArgs) -> Result<Beside, Trouble> {
    let named = data.config.is_some();
    let offers = named.then(|| settings(data).map(|server| offered(&server)));
    Ok(Beside {
        offered: offers.transpose()?,
        ..Beside::default()
    })
}

/// What the ledger knows, where a server's data is named and there is one.
fn used(data: &DataArgs) -> Result<Used, Trouble> {
    if data.config.is_none() && data.data_dir.is_none() {
        return Ok(None);
    }
    let folder = settings(data)?.data_dir;
    let named = DataArgs {
        config: None,
        data_dir: Some(folder.clone()),
    };
    let ledger = match ledger(&named) {
        Ok(ledger) => ledger,
        Err(why) if data.data_dir.is_some() => return Err(why),
        Err(_) => return Ok(None),
    };
    let used = runtime()?.block_on(ledger.waivers_used());
    used.map(Some)
        .map_err(|error| Trouble::Other(error.to_string()))
}

fn tell(args: &PolicyCheckArgs, policy: &Policy, all: &[(&Waiver, Vec<Concern>)], used: &Used) {
    for (waiver, concerns) in all {
        for concern in concerns {
            output::err(format_args!(
                "warning: {}: {} {concern}",
                waiver.origin, waiver.finding
            ));
        }
        if let Some(of) = used.as_ref().and_then(|used| used.get(&waiver.id())) {
            output::out(format_args!(
                "{}: {} was of use in {}, last on {}",
                waiver.origin,
                waiver.finding,
                plural(of.decisions, "decision"),
                of.last.strftime("%Y-%m-%d")
            ));
        }
    }
    output::out(format_args!(
        "{}: no mistakes ({}, {})",
        args.file.display(),
        plural(policy.rules().len() as u64, "rule"),
        plural(policy.waivers().len() as u64, "waiver")
    ));
}

fn waiver_json(waiver: &Waiver, concerns: &[Concern], used: &Used) -> serde_json::Value {
    let images = waiver.images.iter().map(ToString::to_string);
    let concern = |one: &Concern| json!({ "kind": one.as_str(), "message": one.to_string() });
    json!({
        "id": waiver.id(), "line": waiver.origin.line, "finding": waiver.finding.to_string(),
        "images": images.collect::<Vec<_>>(), "packages": waiver.packages, "paths": waiver.paths,
        "digests": waiver.digests, "reason": waiver.reason, "owner": waiver.owner, "ticket": waiver.ticket,
        "until": waiver.until.to_string(),
        "used": used.as_ref().and_then(|used| used.get(&waiver.id())),
        "concerns": concerns.iter().map(concern).collect::<Vec<_>>(),
    })
}

fn as_json(mistakes: &Diagnostics) -> Vec<serde_json::Value> {
    let one = |mistake: &crate::config::Diagnostic| {
        json!({
            "line": mistakes.line(mistake.start()), "message": mistake.message(), "help": mistake.helps(),
        })
    };
    mistakes.iter().map(one).collect()
}

fn plural(count: u64, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

//! `lazaret waive`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::wire::{Trouble, about, exit, file_name, known_roots, ledger, runtime, settings};
use super::{WaiveArgs, output};
use crate::config;
use crate::ledger::{Decision, DecisionId, Ledger};
use crate::policy::{Excuse, PROPOSED, proposals};
use crate::telemetry;

pub(super) fn waive(args: &WaiveArgs) -> ExitCode {
    let done = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(done.map(|()| 0))
}

fn other(why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(why.to_string())
}

async fn run(args: &WaiveArgs) -> Result<(), Trouble> {
    let id: DecisionId = args.decision.parse().map_err(|()| {
        other(format!(
            "{:?} is no decision: its id stands in the client's error, as in lazaret why 01JD…",
            args.decision
        ))
    })?;
    let decision = ledger(&args.data)?.decision(id).await.map_err(other)?;
    let decision = decision.ok_or_else(|| other(format!("no decision {id} is kept")))?;
    let tables = tables(args, &decision)?;
    match &args.append {
        None => {
            output::out(tables.trim_end());
            Ok(())
        }
        Some(file) => append(file, &tables, args),
    }
}

fn tables(args: &WaiveArgs, decision: &Decision) -> Result<String, Trouble> {
    let until = match &args.until {
        Some(day) => format!("{day}T00:00:00Z")
            .parse()
            .map_err(|_| other(format!("--until: {day:?} is no day, as in 2027-01-31")))?,
        None => telemetry::now()
            .checked_add(PROPOSED)
            .unwrap_or(Timestamp::MAX),
    };
    let excuse = Excuse {
        reason: args.reason.clone().unwrap_or_default(),
        owner: args.owner.clone().unwrap_or_default(),
        ticket: args.ticket.clone(),
        digest: match (args.digest, decision.digest) {
            (false, _) => None,
            (true, Some(digest)) => Some(digest),
            (true, None) => {
                return Err(other(
                    "--digest: it was refused by its name, and has no digest",
                ));
            }
        },
    };
    let repository = decision.reference.repository().as_str();
    let word = args.finding.as_deref();
    let blocks = proposals(repository, &decision.verdict, word, &excuse, until);
    if blocks.is_empty() {
        return Err(other(match &args.finding {
            Some(word) => {
                format!("the decision has no finding {word:?} that a waiver could excuse")
            }
            None => "nothing in the decision denies that a waiver could excuse".to_owned(),
        }));
    }
    Ok(blocks.join("\n"))
}

/// The whole must be a good policy before anything is written, and is replaced at once.
fn append(file: &Path, tables: &str, args: &WaiveArgs) -> Result<(), Trouble> {
    let before = config::reload::read(file).map_err(about(file))?;
    let after = format!("{}\n\n{tables}", before.trim_end());
    let roots = known_roots(&settings(&args.data)?.data_dir);
    config::parse_policy_with(&after, &file_name(file), file.parent(), &roots)
        .map_err(Trouble::Mistakes)?;
    let passing = file.with_extension("toml.new");
    let mode = std::fs::metadata(file).map_err(about(file))?.permissions();
    let mut new = std::fs::File::create(&passing).map_err(about(&passing))?;
    new.write_all(after.as_bytes()).map_err(about(&passing))?;
    new.set_permissions(mode).map_err(about(&passing))?;
    new.sync_all().map_err(about(&passing))?;
    std::fs::rename(&passing, file).map_err(about(file))?;
    output::out(tables.trim_end());
    output::err(format_args!("written to {}", file.display()));
    Ok(())
}

//! `lazaret why`.

use std::process::ExitCode;

use super::wire::{Trouble, ledger, runtime};
use super::{FAILED, WhyArgs, output};
use crate::console::{as_json, latest};
use crate::ledger::{Decision, DecisionId, Ledger, PullRow, who};
use crate::policy::{Paint, explain};

/// Most pulls that are shown.
const MOST: u32 = 20;

pub(super) fn why(args: WhyArgs) -> ExitCode {
    let found = runtime().and_then(|runtime| runtime.block_on(find(&args)));
    match found {
        Ok((decision, pulls)) if args.json => {
            output::out(as_json(&decision, &pulls));
            ExitCode::SUCCESS
        }
        Ok((decision, pulls)) => {
            show(&decision, &pulls);
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            output::err(trouble);
            ExitCode::from(FAILED)
        }
    }
}

async fn find(args: &WhyArgs) -> Result<(Decision, Vec<PullRow>), Trouble> {
    let wrong = |error: crate::ledger::LedgerError| Trouble::Other(error.to_string());
    let ledger = ledger(&args.data)?;
    let found = match args.what.parse::<DecisionId>() {
        Ok(id) => ledger.decision(id).await.map_err(wrong)?,
        Err(()) => latest(&ledger, &args.what).await.map_err(wrong)?,
    };
    let decision = found
        .ok_or_else(|| Trouble::Other(format!("no decision about {:?} is kept", args.what)))?;
    let pulls = ledger.pulls_of(decision.id, MOST).await.map_err(wrong)?;
    Ok((decision, pulls))
}

fn show(decision: &Decision, pulls: &[PullRow]) {
    let paint = if output::colour() {
        Paint::Ansi
    } else {
        Paint::Plain
    };
    output::out(explain(&decision.reference, &decision.verdict, None, paint));
    for asked in &decision.verdict.advisories {
        output::out(format_args!("  {}", asked.sentence()));
    }
    for vouched in &decision.verdict.vouched {
        output::out(format_args!("  vouched for: {}", vouched.sentence()));
    }
    output::out(format_args!(
        "\n  decided   {} ({})",
        decision.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        decision.id
    ));
    decision
        .digest
        .iter()
        .for_each(|digest| output::out(format_args!("  digest    {digest}")));
    output::out(format_args!("  rule      {}", decision.verdict.rule));
    for pull in pulls {
        let times = if pull.count > 1 {
            format!(" × {}", pull.count)
        } else {
            String::new()
        };
        let agent = pull.user_agent.split(' ').next().unwrap_or_default();
        output::out(format_args!(
            "  {:<9} {} {} {agent} ({}){times}",
            pull.outcome,
            pull.at.strftime("%Y-%m-%d %H:%M:%S"),
            who(&pull.address, pull.identity.as_ref()),
            pull.kind
        ));
    }
}

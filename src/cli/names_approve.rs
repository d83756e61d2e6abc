//! `lazaret names approve`.

use std::collections::BTreeMap;

use super::names::read;
use super::wire::{Trouble, ledger, runtime};
use super::{ApproveArgs, output};
use crate::ledger::{Decision, KnownName, Ledger, LedgerError};
use crate::oci::Repository;
use crate::policy::Code;
use crate::telemetry;

/// Most decisions that are looked through for names that wait.
const MAX_DECISIONS: u32 = 100_000;

pub(super) fn approve(args: &ApproveArgs) -> Result<u8, Trouble> {
    let ledger = ledger(&args.data)?;
    let done = runtime()?.block_on(async {
        if args.names.is_empty() {
            return waiting(&ledger, args.json).await;
        }
        for name in &args.names {
            let repository = read(name)?.repository().clone();
            let (at, by) = (telemetry::now(), args.by.clone().unwrap_or_else(account));
            let done = if args.undo {
                ledger.forget_name(repository.clone(), by, at).await
            } else {
                let known = KnownName {
                    at,
                    approved_by: Some(by),
                };
                ledger.approve_name(repository.clone(), known).await
            };
            done.map_err(wrong)?;
            let word = if args.undo { "new again" } else { "approved" };
            if args.json {
                output::out(
                    serde_json::json!({ "name": repository.as_str(), "approved": !args.undo }),
                );
            } else {
                output::out(format_args!("{word}: {repository}"));
            }
        }
        Ok(())
    });
    done.map(|()| 0)
}

/// Lists the names that were refused for being new and still are, the latest first.
async fn waiting(ledger: &dyn Ledger, json: bool) -> Result<(), Trouble> {
    let decisions = ledger.decisions(None, MAX_DECISIONS).await.map_err(wrong)?;
    let mut waiting: BTreeMap<Repository, (usize, Decision)> = BTreeMap::new();
    for decision in decisions {
        let new = |code| code == Code::NameFirstSeen;
        if !decision.allowed
            && decision
                .verdict
                .findings
                .iter()
                .any(|found| new(found.code))
        {
            let repository = decision.reference.repository().clone();
            waiting.entry(repository).or_insert((0, decision)).0 += 1;
        }
    }
    let mut waiting: Vec<_> = waiting.into_iter().collect();
    waiting.sort_by_key(|(_, (_, decision))| std::cmp::Reverse(decision.at));
    for (repository, (times, decision)) in waiting {
        if ledger
            .known_name(repository.clone())
            .await
            .map_err(wrong)?
            .is_some()
        {
            continue;
        }
        if json {
            output::out(serde_json::json!({
                "name": repository.as_str(), "asked": times, "last": decision.at.to_string(),
                "by": decision.client.address.to_string(), "decision": decision.id,
            }));
        } else {
            let (at, client) = (
                decision.at.strftime("%Y-%m-%d %H:%M"),
                decision.client.address,
            );
            output::out(format_args!(
                "{at}  {repository}  (asked {times} ×, last by {client})"
            ));
        }
    }
    Ok(())
}

fn wrong(error: LedgerError) -> Trouble {
    Trouble::Other(error.to_string())
}

/// Who runs this, as the shell says.
pub(super) fn account() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| "unknown".to_owned())
}

//! `lazaret revoke`.

use std::process::ExitCode;

use super::names_approve::account;
use super::wire::{Trouble, exit, ledger, policy, runtime, settings};
use super::{RevokeArgs, output};
use crate::admission::{ToRevoke, revoke as revoke_it, take_back};
use crate::ledger::Ledger;
use crate::policy::Revocation;
use crate::telemetry;

pub(super) fn revoke(args: &RevokeArgs) -> ExitCode {
    let done = ledger(&args.data).and_then(|ledger| runtime()?.block_on(act(args, &ledger)));
    exit(done.map(|()| 0))
}

async fn act(args: &RevokeArgs, ledger: &dyn Ledger) -> Result<(), Trouble> {
    let (by, now) = (args.by.clone().unwrap_or_else(account), telemetry::now());
    if let Some(id) = &args.undo {
        let ended = take_back(ledger, id, by, now).await.map_err(other)?;
        output::out(format_args!("no longer revoked: {}", ended.what));
        return Ok(());
    }
    let Some(what) = meant(args) else {
        return list(args.json, ledger).await;
    };
    let reason = args.reason.as_deref().unwrap_or_default();
    // Who is meant by a publisher's name stands in the policy.
    let server = settings(&args.data).ok();
    let loaded = server.and_then(|server| policy(server.policy).ok());
    let policy = loaded.as_ref().map(|loaded| loaded.policy.as_ref());
    let revoked = revoke_it(ledger, policy, &what, reason, by, now).await;
    tell(&revoked.map_err(other)?, args.json);
    Ok(())
}

async fn list(json: bool, ledger: &dyn Ledger) -> Result<(), Trouble> {
    let in_force = ledger.revocations().await.map_err(other)?;
    if in_force.is_empty() && !json {
        output::err("nothing is revoked");
    }
    in_force.iter().for_each(|one| tell(one, json));
    Ok(())
}

fn tell(revocation: &Revocation, json: bool) {
    let Revocation {
        id,
        what,
        reason,
        by,
        at,
    } = revocation;
    if json {
        let (kind, kept) = what.as_kept();
        output::out(serde_json::json!({
            "id": id, "kind": kind, "what": kept, "reason": reason, "by": by, "at": at.to_string(),
        }));
    } else {
        let at = at.strftime("%Y-%m-%d %H:%M");
        output::out(format_args!("{id}  {at}  {what}  ({reason}; {by})"));
    }
}

/// What the arguments mean; none where they name nothing.
fn meant(args: &RevokeArgs) -> Option<ToRevoke> {
    let signer = args.signer.clone().map(ToRevoke::Signer);
    let publisher = args.publisher.clone().map(ToRevoke::Publisher);
    signer
        .or(publisher)
        .or(args.what.clone().map(ToRevoke::Words))
}

fn other(why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(why.to_string())
}

//! `lazaret revoke`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::names_approve::account;
use super::wire::{Trouble, exit, ledger, policy, runtime, settings};
use super::{RevokeArgs, output};
use crate::ledger::{About, DecisionId, Event, HeldKind, Ledger, LedgerError, Who};
use crate::oci::{Digest, Reference, Target};
use crate::policy::{EventKind, Pattern, Revocation, Revoked};
use crate::telemetry;
use crate::trust::publishers;

/// Images that are read from the ledger at once.
const PAGE: u32 = 500;
/// Most of those who pulled that a message names.
const MOST_PULLERS: u32 = 50;

pub(super) fn revoke(args: &RevokeArgs) -> ExitCode {
    let done = ledger(&args.data).and_then(|ledger| runtime()?.block_on(act(args, &ledger)));
    exit(done.map(|()| 0))
}

async fn act(args: &RevokeArgs, ledger: &dyn Ledger) -> Result<(), Trouble> {
    let by = args.by.clone().unwrap_or_else(account);
    if let Some(id) = &args.undo {
        return undo(ledger, id, by).await;
    }
    let Some(what) = meant(args, ledger).await? else {
        return list(args.json, ledger).await;
    };
    let given = args.reason.as_deref().map(str::trim);
    let Some(reason) = given.filter(|reason| !reason.is_empty()) else {
        return Err(other(
            "why? --reason is what everybody reads whose pull is denied",
        ));
    };
    let in_force = ledger.revocations().await.map_err(wrong)?;
    if let Some(same) = in_force.iter().find(|one| one.what == what) {
        return Err(other(format!("{what} is revoked already: {}", same.id)));
    }
    let now = telemetry::now();
    let revocation = Revocation {
        id: DecisionId::new(now).to_string(),
        what,
        reason: reason.to_owned(),
        by,
        at: now,
    };
    ledger.revoke(revocation.clone()).await.map_err(wrong)?;
    announce(args, &revocation, ledger).await?;
    tell(&revocation, args.json);
    Ok(())
}

/// What somebody may have pulled of what is revoked.
async fn had(
    args: &RevokeArgs,
    what: &Revoked,
    ledger: &dyn Ledger,
) -> Result<Vec<About>, LedgerError> {
    let signed = |name: &String| About::Held(HeldKind::Signer, name.clone(), None);
    Ok(match what {
        Revoked::Digest(digest) => vec![About::Digest(*digest)],
        Revoked::Images(_) => {
            let mut repositories = BTreeMap::new();
            let mut after = None;
            loop {
                let page = ledger.admitted_images(after, PAGE).await?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some((last.repository.clone(), last.digest));
                let meant = page
                    .into_iter()
                    .filter(|one| what.means_name(&one.repository));
                repositories.extend(meant.map(|one| (one.repository.to_string(), one.repository)));
            }
            repositories.into_values().map(About::Repository).collect()
        }
        Revoked::Signer(name) => vec![signed(name)],
        Revoked::Publisher(_) => {
            let server = settings(&args.data).ok();
            let loaded = server.and_then(|server| policy(server.policy).ok());
            let policy = loaded.map(|loaded| loaded.policy);
            let signers = policy.iter().flat_map(|policy| {
                let meant = policy.signers().iter().map(|signer| &signer.name);
                meant
                    .filter(|name| what.means_signer(policy, name))
                    .map(&signed)
            });
            signers.collect()
        }
    })
}

/// Writes down that people are to hear of it, with who has it.
async fn announce(
    args: &RevokeArgs,
    revocation: &Revocation,
    ledger: &dyn Ledger,
) -> Result<(), Trouble> {
    let mut pullers = Vec::new();
    for about in had(args, &revocation.what, ledger).await.map_err(wrong)? {
        let some = ledger.pullers(Who::of(about, MOST_PULLERS)).await;
        pullers.extend(some.map_err(wrong)?);
        if pullers.len() >= MOST_PULLERS as usize {
            break;
        }
    }
    let mut detail = format!("{} ({})", revocation.reason, revocation.by);
    for one in pullers.iter().take(MOST_PULLERS as usize) {
        detail.push_str(&format!("\n{}", one.words()));
    }
    let event = Event {
        detail,
        ..Event::new(
            EventKind::Revoked,
            revocation.what.to_string(),
            revocation.at,
        )
    };
    ledger.outbox().note(event).await.map_err(wrong)
}

async fn undo(ledger: &dyn Ledger, id: &str, by: String) -> Result<(), Trouble> {
    let in_force = ledger.revocations().await.map_err(wrong)?;
    let Some(revocation) = in_force.iter().find(|one| one.id == id) else {
        return Err(other(format!(
            "{id} is no revocation in force; lazaret revoke lists them"
        )));
    };
    ledger
        .end_revocation(id.to_owned(), by, telemetry::now())
        .await
        .map_err(wrong)?;
    output::out(format_args!("no longer revoked: {}", revocation.what));
    Ok(())
}

async fn list(json: bool, ledger: &dyn Ledger) -> Result<(), Trouble> {
    let in_force = ledger.revocations().await.map_err(wrong)?;
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
async fn meant(args: &RevokeArgs, ledger: &dyn Ledger) -> Result<Option<Revoked>, Trouble> {
    if let Some(signer) = &args.signer {
        return Ok(Some(Revoked::Signer(signer.clone())));
    }
    if let Some(id) = &args.publisher {
        if publishers().iter().all(|known| known.id != *id) {
            return Err(other(format!(
                "{id} is not in the catalogue; lazaret publishers lists it"
            )));
        }
        return Ok(Some(Revoked::Publisher(id.clone())));
    }
    let Some(text) = &args.what else {
        return Ok(None);
    };
    if let Ok(digest) = text.parse::<Digest>() {
        return Ok(Some(Revoked::Digest(digest)));
    }
    if text.contains('*') {
        let pattern = Pattern::parse(text).map_err(|why| other(format!("{text}: {why}")))?;
        if !pattern.names_host() {
            let help = "it names no registry; write it too, as in docker.io/acme/**";
            return Err(other(format!("{text}: {help}")));
        }
        return Ok(Some(Revoked::Images(pattern)));
    }
    image(text, ledger).await.map(Some)
}

/// An image with a tag or digest is that digest; a bare name is the repository.
async fn image(text: &str, ledger: &dyn Ledger) -> Result<Revoked, Trouble> {
    let reference: Reference = text
        .parse()
        .map_err(|error| other(format!("{text}: {error}")))?;
    let repository = reference.repository();
    let last = text.rsplit('/').next().unwrap_or(text);
    match reference.target() {
        Target::Digest(digest) => Ok(Revoked::Digest(digest)),
        Target::Tag(tag) if last.contains(':') => {
            let known = ledger.last_tag(repository.clone(), tag).await;
            let (digest, _) = known.map_err(wrong)?.ok_or_else(|| {
                other(format!(
                    "{reference} was never asked for here, so its digest is not known; revoke its digest or {repository}"
                ))
            })?;
            Ok(Revoked::Digest(digest))
        }
        Target::Tag(_) => Pattern::parse(repository.as_str())
            .map(Revoked::Images)
            .map_err(other),
    }
}

fn other(why: impl Into<String>) -> Trouble {
    Trouble::Other(why.into())
}

fn wrong(error: LedgerError) -> Trouble {
    Trouble::Other(error.to_string())
}

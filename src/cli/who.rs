//! `lazaret who-pulled`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use jiff::Timestamp;

use super::wire::{Trouble, exit, ledger, runtime};
use super::{REFUSED, WhoArgs, output};
use crate::config::units;
use crate::ledger::{About, Ledger, Puller, who as named};
use crate::oci::{Digest, Reference, Repository};
use crate::telemetry;

pub(super) fn who(args: &WhoArgs) -> ExitCode {
    let done = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(done)
}

async fn run(args: &WhoArgs) -> Result<u8, Trouble> {
    let since = match &args.since {
        Some(text) => {
            let back = units::duration(text);
            let back = back.map_err(|why| Trouble::Other(format!("--since: {why}")))?;
            telemetry::now().checked_sub(back).unwrap_or(Timestamp::MIN)
        }
        None => Timestamp::UNIX_EPOCH,
    };
    let pullers = ledger(&args.data)?
        .pullers(meant(&args.what), since, args.number)
        .await;
    let pullers = pullers.map_err(|error| Trouble::Other(error.to_string()))?;
    if args.json {
        pullers
            .iter()
            .for_each(|one| output::out(serde_json::json!(one)));
    } else {
        show(&pullers, &args.what);
    }
    Ok(if pullers.is_empty() { REFUSED } else { 0 })
}

/// A digest, an image, and else whatever findings speak of.
fn meant(text: &str) -> About {
    if let Ok(digest) = text.parse::<Digest>() {
        return About::Digest(digest);
    }
    // A word without a slash is rather an advisory or a package than one of Docker Hub's own images.
    let image = text.contains(['/', ':', '@']);
    match text.parse::<Reference>() {
        Ok(reference) if image => match (reference.digest(), text.rsplit('/').next()) {
            (Some(digest), _) => About::Digest(*digest),
            (None, Some(last)) if last.contains(':') => About::Reference(reference),
            _ => About::Repository(Repository::clone(reference.repository())),
        },
        _ => About::Finding(text.to_owned()),
    }
}

fn show(pullers: &[Puller], what: &str) {
    if pullers.is_empty() {
        output::err(format_args!(
            "nobody pulled {what:?}, as far as the ledger goes back"
        ));
        return;
    }
    for one in pullers {
        let digest = one
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default();
        let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
        output::out(format_args!(
            "{:<15}  {} to {}  {}  {digest}  {}",
            named(&one.address, one.identity.as_ref()),
            day(one.first),
            day(one.last),
            one.reference,
            one.user_agent
        ));
    }
    let addresses: BTreeSet<_> = pullers.iter().map(|one| one.address).collect();
    output::err(match addresses.len() {
        1 => "1 address".to_owned(),
        many => format!("{many} addresses"),
    });
}

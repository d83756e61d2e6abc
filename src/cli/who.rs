//! `lazaret who-pulled`.

use std::collections::HashSet;
use std::process::ExitCode;

use jiff::Timestamp;

use super::wire::{Trouble, exit, ledger, runtime};
use super::{REFUSED, WhoArgs, csv, output, when};
use crate::ledger::{
    About, HeldKind, Ledger, LedgerError, Pulled, Puller, SqliteLedger, Who, who as named,
};
use crate::telemetry;

/// The columns of `--csv`.
const COLUMNS: [&str; 11] = [
    "address",
    "identity",
    "user_agent",
    "reference",
    "digest",
    "version",
    "sent",
    "first",
    "last",
    "requests",
    "bytes",
];

pub(super) fn who(args: &WhoArgs) -> ExitCode {
    let done = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(done)
}

async fn run(args: &WhoArgs) -> Result<u8, Trouble> {
    let (since, until) = when::window(&args.window, telemetry::now())?;
    let who = Who {
        about: about(args),
        client: args.client.clone(),
        since,
        until,
        most: (!args.all).then_some(args.number),
        skip: args.skip,
    };
    let ledger = ledger(&args.data)?;
    if args.csv {
        output::out(csv::line(COLUMNS));
    }
    let wrong = |error: LedgerError| Trouble::Other(error.to_string());
    let found = if args.all {
        all(&ledger, &who, args).map_err(wrong)?
    } else {
        let found = ledger.pulled(who).await.map_err(wrong)?;
        found.pullers.iter().all(|one| print(one, args));
        found
    };
    if !args.json && !args.csv || found.all == 0 {
        sum(&found, args);
    }
    Ok(if found.all == 0 { REFUSED } else { 0 })
}

/// Prints them as they are read; what was printed is only counted.
fn all(ledger: &SqliteLedger, who: &Who, args: &WhoArgs) -> Result<Pulled, LedgerError> {
    let (mut found, mut addresses) = (Pulled::default(), HashSet::new());
    ledger.each_puller(who, &mut |one| {
        found.all += 1;
        addresses.insert(one.address);
        print(&one, args)
    })?;
    found.addresses = addresses.len() as u64;
    Ok(found)
}

/// Whether somebody reads it.
fn print(one: &Puller, args: &WhoArgs) -> bool {
    match (args.json, args.csv) {
        (true, _) => output::line(serde_json::json!(one)),
        (_, true) => output::line(csv::line(cells(one).iter().map(String::as_str))),
        _ => output::line(line(one)),
    }
}

fn about(args: &WhoArgs) -> Option<About> {
    if let Some(package) = &args.package {
        return Some(About::package(package));
    }
    if let Some(id) = &args.advisory {
        return Some(About::Held(HeldKind::Advisory, id.clone(), None));
    }
    if let Some(signer) = &args.signer {
        return Some(About::Held(HeldKind::Signer, signer.clone(), None));
    }
    args.what.as_deref().map(About::meant)
}

fn line(one: &Puller) -> String {
    let digest = one.digest.map(|digest| digest.to_string());
    let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M").to_string();
    let version = one.version.as_ref();
    let version = version.map_or(String::new(), |version| format!("  {version}"));
    let sent = match one.sent {
        Some(false) => "  (not sent: it has an image with it)",
        _ => "",
    };
    format!(
        "{:<15}  {} to {}  {}  {}{version}  {}{sent}",
        named(&one.address, one.identity.as_ref()),
        day(one.first),
        day(one.last),
        one.reference,
        digest.unwrap_or_default(),
        one.user_agent
    )
}

fn cells(one: &Puller) -> Vec<String> {
    let identity = one.identity.as_ref().map(ToString::to_string);
    vec![
        one.address.to_string(),
        identity.unwrap_or_default(),
        one.user_agent.clone(),
        one.reference.clone(),
        one.digest
            .map(|digest| digest.to_string())
            .unwrap_or_default(),
        one.version.clone().unwrap_or_default(),
        one.sent.map(|sent| sent.to_string()).unwrap_or_default(),
        one.first.to_string(),
        one.last.to_string(),
        one.requests.to_string(),
        one.bytes.to_string(),
    ]
}

fn sum(found: &Pulled, args: &WhoArgs) {
    let words = [&args.what, &args.package, &args.advisory, &args.signer];
    let what = words.into_iter().flatten().next();
    if found.all == 0 {
        let what = what.map_or("anything".to_owned(), |what| format!("{what:?}"));
        output::err(format_args!(
            "nobody pulled {what}, as far as the ledger goes back"
        ));
        return;
    }
    let addresses = match found.addresses {
        1 => "1 address".to_owned(),
        many => format!("{many} addresses"),
    };
    let shown = found.pullers.len() as u64;
    output::err(if args.all || shown == found.all {
        addresses
    } else if shown == 0 {
        format!("there are only {} lines; {addresses}", found.all)
    } else {
        let next = u64::from(args.skip) + shown;
        let more = match next < found.all {
            true => format!("; the next with --skip {next}, all with --all"),
            false => String::new(),
        };
        format!(
            "{shown} of {} lines, newest first{more}; {addresses}",
            found.all
        )
    });
}

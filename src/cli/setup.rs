//! `lazaret setup`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::args::SetupArgs;
use super::setup_files;
use super::setup_wanted::wanted;
use super::wire::{Trouble, exit, server};
use super::{REFUSED, ca, output, programs, setup_undo, setup_writing};
use crate::clients::{
    Diagnosis, Disk, Facts, Journal, Level, Plan, Route, Wanted, Zone, diagnose, hindrance, masked,
    of_authorities, plan, unified,
};

pub(super) fn setup(args: &SetupArgs) -> ExitCode {
    exit(run(args))
}

fn other(why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(why.to_string())
}

fn run(args: &SetupArgs) -> Result<u8, Trouble> {
    let root = args.root.as_path();
    let journal = setup_files::journal(root, args.client)?;
    if args.undo {
        return undo(args, journal);
    }
    let wanted = wanted(args, journal.as_ref())?;
    if let Some(zone) = args.print {
        return print(zone, &wanted);
    }
    if let Some(journal) = journal
        .as_ref()
        .filter(|journal| journal.route != wanted.route)
    {
        return Err(other(format!(
            "{} is set up by route {}: take that back first (lazaret setup {} --undo)",
            args.client, journal.route, args.client
        )));
    }
    let disk = setup_files::disk(root, args.client)?;
    let plan = plan(&wanted, &disk).map_err(other)?;
    if args.check {
        return check(args, &wanted, &disk, &plan);
    }
    if args.apply {
        if let Some(why) = hindrance(&wanted, &disk, &running(args)?) {
            return Err(other(why));
        }
        setup_writing::apply(root, &wanted, &plan, journal)?;
    }
    show(args, &wanted, &plan);
    Ok(0)
}

fn undo(args: &SetupArgs, journal: Option<Journal>) -> Result<u8, Trouble> {
    let Some(journal) = journal else {
        return Err(other(format!(
            "{} was not set up here: nothing to undo",
            args.client
        )));
    };
    setup_undo::undo(&args.root, &journal, args.force)?;
    let files: Vec<&str> = journal
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    if args.json {
        output::out(json!({ "client": args.client, "undone": files }));
        return Ok(0);
    }
    files
        .iter()
        .for_each(|file| output::out(format_args!("put back {file}")));
    output::err("restart the daemon to have it read them");
    Ok(0)
}

/// What the resolver of many machines is told, in place of the files of one.
fn print(zone: Zone, wanted: &Wanted) -> Result<u8, Trouble> {
    let ip = wanted.address.host().trim_matches(['[', ']']).parse();
    let ip = ip.map_err(|_| {
        other(format!(
            "{}: a resolver needs an address; write --gateway https://192.0.2.10",
            wanted.address
        ))
    })?;
    if wanted.route != Route::Dns {
        return Err(other(
            "--print is for `lazaret setup machine`: names that lead to Lazaret",
        ));
    }
    output::raw(zone.text(ip, &wanted.registries).as_bytes());
    Ok(0)
}

fn show(args: &SetupArgs, wanted: &Wanted, plan: &Plan) {
    if args.json {
        let changes = plan.changes.iter().map(|change| {
            let diff = unified(&change.path, change.before.as_deref(), Some(&change.after));
            json!({ "path": change.path, "existed": change.before.is_some(), "diff": masked(&diff) })
        });
        output::out(json!({
            "client": wanted.client,
            "route": wanted.route,
            "address": wanted.address.to_string(),
            "applied": args.apply,
            "changes": changes.collect::<Vec<_>>(),
            "then": plan.then,
            "notes": plan.notes,
        }));
        return;
    }
    for change in &plan.changes {
        let diff = unified(&change.path, change.before.as_deref(), Some(&change.after));
        output::out(coloured(masked(&diff).trim_end(), output::colour()));
    }
    let files = match plan.changes.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    output::err(match (plan.changes.len(), args.apply) {
        (0, _) => format!(
            "{}: all is as it should be (route {}, {})",
            wanted.client, wanted.route, wanted.address
        ),
        (_, true) => format!(
            "{}: {files} written (route {}, {}); --undo takes it back",
            wanted.client, wanted.route, wanted.address
        ),
        (_, false) => format!(
            "{}: {files} would change (route {}, {}); --apply writes them",
            wanted.client, wanted.route, wanted.address
        ),
    });
    plan.notes
        .iter()
        .for_each(|note| output::err(format_args!("  note: {note}")));
    if !plan.then.is_empty() {
        output::err("then:");
        plan.then
            .iter()
            .for_each(|line| output::err(format_args!("  {line}")));
    }
}

fn coloured(diff: &str, colour: bool) -> String {
    let line = |line: &str| {
        let code = match line.as_bytes() {
            _ if !colour => "",
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => "1",
            [b'+', ..] => "32",
            [b'-', ..] => "31",
            [b'@', ..] => "36",
            _ => "",
        };
        match code {
            "" => line.to_owned(),
            code => format!("\x1b[{code}m{line}\x1b[0m"),
        }
    };
    diff.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What the daemon says that runs here. It says nothing about files elsewhere.
fn running(args: &SetupArgs) -> Result<Facts, Trouble> {
    match args.root == Path::new("/") {
        true => programs::facts(args.client),
        false => Ok(Facts::default()),
    }
}

fn check(args: &SetupArgs, wanted: &Wanted, disk: &Disk, plan: &Plan) -> Result<u8, Trouble> {
    let facts = running(args)?;
    let mut found: Vec<Diagnosis> = diagnose(wanted, disk, &facts);
    found.extend(rotating(args, wanted));
    let pending: Vec<&str> = plan
        .changes
        .iter()
        .map(|change| change.path.as_str())
        .collect();
    let open = found.iter().any(|one| one.level == Level::Open);
    let holds = pending.is_empty() && !open;
    if args.json {
        output::out(json!({
            "client": wanted.client,
            "route": wanted.route,
            "address": wanted.address.to_string(),
            "in_force": holds,
            "pending": pending,
            "diagnoses": found,
        }));
    } else {
        pending
            .iter()
            .for_each(|path| output::out(format_args!("not as it should be: {path}")));
        for one in &found {
            output::out(format_args!(
                "{}[{}] {}: {}\n  help: {}",
                one.level.name(),
                one.code,
                one.at,
                one.text,
                one.remedy
            ));
        }
        let word = if holds { "in force" } else { "NOT in force" };
        output::err(format_args!(
            "{}: {word} (route {}, {})",
            wanted.client, wanted.route, wanted.address
        ));
    }
    Ok(if holds { 0 } else { REFUSED })
}

/// Whether it lacks an authority of the server's, if the server's files are here too.
fn rotating(args: &SetupArgs, wanted: &Wanted) -> Option<Diagnosis> {
    let server = server(args.at.config.as_deref()).ok()?;
    let served = ca::trusted(&server).ok()?;
    let trusted = wanted.ca.as_deref().unwrap_or_default();
    of_authorities(
        wanted,
        &ca::fingerprints_of(trusted),
        &ca::fingerprints_of(&served),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals() {
        let diff = "--- a\n+++ a\n@@ -1,1 +1,1 @@\n-x\n+y\n z";
        assert_eq!(coloured(diff, false), diff);
        assert_eq!(
            coloured(diff, true),
            "\x1b[1m--- a\x1b[0m\n\x1b[1m+++ a\x1b[0m\n\x1b[36m@@ -1,1 +1,1 @@\x1b[0m\n\x1b[31m-x\x1b[0m\n\x1b[32m+y\x1b[0m\n z"
        );
    }
}

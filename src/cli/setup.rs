//! `lazaret setup`.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::args::{SetupArgs, Whereabouts};
use super::setup_files;
use super::wire::{Trouble, about, exit, server, upstreams};
use super::{REFUSED, ca, output, programs};
use crate::clients::{
    Address, Client, Diagnosis, Disk, Facts, Journal, Level, Plan, Route, Wanted, diagnose, plan,
    unified,
};
use crate::config::{self, Server};

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
        setup_files::apply(root, &wanted, &plan, journal)?;
    }
    show(args, &wanted, &plan);
    Ok(0)
}

/// What is asked for: by flags, else by what was set up before, else by the server's file.
fn wanted(args: &SetupArgs, journal: Option<&Journal>) -> Result<Wanted, Trouble> {
    let at = &args.at;
    let said = args.route.is_some()
        || at.mirror.is_some()
        || at.gateway.is_some()
        || at.proxy.is_some()
        || at.ca.is_some();
    if let Some(journal) =
        journal.filter(|_| !said && args.direct.is_empty() && at.registry.is_empty())
    {
        return remembered(&args.root, journal);
    }
    let server = server(at.config.as_deref())?;
    let (route, address) = chosen(args, &server)?;
    if let Some(name) = args
        .direct
        .iter()
        .chain(&at.registry)
        .find(|name| !is_host(name))
    {
        return Err(other(format!(
            "{name:?} is no registry; write registry.corp.example or registry.corp.example:5000"
        )));
    }
    Ok(Wanted {
        client: args.client,
        route,
        ca: authority(at, &server, route, &address)?,
        address,
        registries: registries(&server, &at.registry)?,
        direct: args.direct.clone(),
    })
}

/// What was set up before.
pub(super) fn remembered(root: &Path, journal: &Journal) -> Result<Wanted, Trouble> {
    let ca = journal
        .ca_path()
        .and_then(|path| setup_files::text(root, path));
    journal
        .wanted(ca.as_deref())
        .map_err(|why| other(format!("{}: {why}", Journal::path(journal.client))))
}

/// A name that may be a folder's, as it becomes one.
fn is_host(name: &str) -> bool {
    format!("{name}/x")
        .parse::<crate::oci::Repository>()
        .is_ok_and(|repository| repository.host() == name)
}

/// The registries that Lazaret knows, and more.
pub(super) fn registries(server: &Server, more: &[String]) -> Result<Vec<String>, Trouble> {
    let mut all: Vec<String> = upstreams(server)?.hosts().map(str::to_owned).collect();
    all.extend(more.iter().cloned());
    all.sort();
    all.dedup();
    Ok(all)
}

/// The route that was asked for, or the first for which there is an address.
fn chosen(args: &SetupArgs, server: &Server) -> Result<(Route, Address), Trouble> {
    let routes = args.route.as_slice();
    let routes = if routes.is_empty() {
        args.client.routes()
    } else {
        routes
    };
    for route in routes {
        // hosts.toml is no use to Docker's classic store: never taken unasked.
        let unasked =
            args.route.is_none() && args.client == Client::Docker && *route == Route::Hosts;
        if unasked && args.at.gateway.is_none() {
            continue;
        }
        if let Some(address) = address(&args.at, server, *route)? {
            return Ok((*route, address));
        }
    }
    let (flag, table) = match routes.last() {
        Some(Route::Proxy) => ("--proxy http://lazaret.example:3128", "[proxy]"),
        Some(Route::Mirror) => ("--mirror https://lazaret.example:5050", "[mirror]"),
        _ => ("--gateway https://lazaret.example:5443", "[gateway]"),
    };
    Err(other(format!(
        "where is Lazaret? {} needs {table} in lazaret.toml (name the file with --config), or {flag}",
        args.client
    )))
}

fn address(at: &Whereabouts, server: &Server, route: Route) -> Result<Option<Address>, Trouble> {
    let (said, listener) = match route {
        Route::Mirror => (&at.mirror, Some(&server.mirror)),
        Route::Hosts | Route::Location => (&at.gateway, server.gateway.as_ref()),
        Route::Proxy => (
            &at.proxy,
            server.proxy.as_ref().map(|proxy| &proxy.listener),
        ),
    };
    if let Some(text) = said {
        return Address::parse(text).map(Some).map_err(other);
    }
    listener
        .map(|listener| reachable(listener, server))
        .transpose()
}

/// A listener on all addresses is at the host of `external_url`, if that is said.
fn reachable(listener: &config::Listener, server: &Server) -> Result<Address, Trouble> {
    let ip = listener.listen.ip();
    let outside = server.external_url.as_ref().and_then(|url| url.host_str());
    let host = match (ip.is_unspecified(), outside) {
        (false, _) if ip.is_ipv6() => format!("[{ip}]"),
        (false, _) => ip.to_string(),
        (true, Some(host)) => host.to_owned(),
        (true, None) => {
            return Err(other(format!(
                "Lazaret listens on {}: under which name do clients reach it? Say it with --mirror, --gateway or --proxy, or set external_url",
                listener.listen
            )));
        }
    };
    Ok(Address::new(
        listener.tls.is_some(),
        &host,
        listener.listen.port(),
    ))
}

/// What the client must trust: the file that was named, or for the proxy the authority in the data folder.
fn authority(
    at: &Whereabouts,
    server: &Server,
    route: Route,
    address: &Address,
) -> Result<Option<String>, Trouble> {
    if let Some(file) = &at.ca {
        let text = config::reload::read(file).map_err(about(file))?;
        let read = crate::trust::Certificate::from_pem(&text);
        read.map_err(|why| other(format!("{}: {why}", file.display())))?;
        return Ok(Some(text));
    }
    if route != Route::Proxy {
        return Ok(None);
    }
    let path = ca::certificate(server);
    match config::reload::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(other(format!(
            "the proxy at {address} answers with certificates of its own authority: name it with --ca FILE (lazaret ca export on the server; here {} is not there)",
            path.display()
        ))),
    }
}

fn undo(args: &SetupArgs, journal: Option<Journal>) -> Result<u8, Trouble> {
    let Some(journal) = journal else {
        return Err(other(format!(
            "{} was not set up here: nothing to undo",
            args.client
        )));
    };
    setup_files::undo(&args.root, &journal, args.force)?;
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

fn show(args: &SetupArgs, wanted: &Wanted, plan: &Plan) {
    if args.json {
        let changes = plan.changes.iter().map(|change| {
            let diff = unified(&change.path, change.before.as_deref(), Some(&change.after));
            json!({ "path": change.path, "existed": change.before.is_some(), "diff": diff })
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
        output::out(coloured(diff.trim_end(), output::colour()));
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

fn check(args: &SetupArgs, wanted: &Wanted, disk: &Disk, plan: &Plan) -> Result<u8, Trouble> {
    // What runs here says nothing about files elsewhere.
    let facts = match args.root == Path::new("/") {
        true => programs::facts(args.client)?,
        false => Facts::default(),
    };
    let found: Vec<Diagnosis> = diagnose(wanted, disk, &facts);
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

    #[test]
    fn only_registries_become_folders() {
        for good in ["registry.corp", "registry.corp:5000", "localhost:5000"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["..", "../x", "a/b", "", "_default", "corp"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}

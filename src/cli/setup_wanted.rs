//! What `lazaret setup` is asked for: which route, to where, trusting whom.

use std::path::Path;

use super::args::{SetupArgs, Whereabouts};
use super::wire::{Trouble, about, server, upstreams};
use super::{ca, setup_files};
use crate::clients::{Address, Client, Journal, Login, Route, Shown, Wanted};
use crate::config::{self, Server};
use crate::gateway::Dialled;

fn other(why: impl std::fmt::Display) -> Trouble {
    Trouble::Other(why.to_string())
}

/// What is asked for: by flags, else by what was set up before, else by the server's file.
pub(super) fn wanted(args: &SetupArgs, journal: Option<&Journal>) -> Result<Wanted, Trouble> {
    let at = &args.at;
    let said = args.route.is_some()
        || at.mirror.is_some()
        || at.gateway.is_some()
        || at.proxy.is_some()
        || at.ca.is_some()
        || args.client_certificate.is_some()
        || !args.header.is_empty();
    if let Some(journal) =
        journal.filter(|_| !said && args.direct.is_empty() && at.registry.is_empty())
    {
        return remembered(&args.root, journal);
    }
    let server = server(at.config.as_deref())?;
    let (route, (address, login)) = chosen(args, &server)?;
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
    let mut registries = match route {
        Route::Dns => names(&server, &at.registry)?,
        _ => registries(&server, &at.registry)?,
    };
    registries.retain(|name| !args.direct.contains(name));
    Ok(Wanted {
        client: args.client,
        route,
        ca: authority(at, &server, route, &address)?,
        address,
        login,
        registries,
        direct: args.direct.clone(),
        shown: shown(args, route)?,
    })
}

/// What the client is to show of itself; only hosts.toml has words for that.
fn shown(args: &SetupArgs, route: Route) -> Result<Shown, Trouble> {
    let files = args.client_certificate.as_deref();
    let files = files.zip(args.client_key.as_deref());
    let shown = Shown::new(files, &args.header).map_err(other)?;
    let written = [Client::Docker, Client::Containerd].contains(&args.client);
    match shown.is_empty() || written && route == Route::Hosts {
        true => Ok(shown),
        false => Err(other(
            "certificates and headers of clients are written into hosts.toml: of docker and kubernetes, by --route hosts",
        )),
    }
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

/// The names that clients dial when they mean the registries that Lazaret knows, and more.
pub(super) fn names(server: &Server, more: &[String]) -> Result<Vec<String>, Trouble> {
    let mut all = Dialled::of(&upstreams(server)?).hosts();
    all.extend(more.iter().cloned());
    all.sort();
    all.dedup();
    Ok(all)
}

/// The route that was asked for, or the first for which there is an address.
fn chosen(args: &SetupArgs, server: &Server) -> Result<(Route, Reached), Trouble> {
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
        Some(Route::Dns) => (
            "--gateway https://192.0.2.10",
            "[gateway] with registry_names = true",
        ),
        Some(Route::Proxy) => ("--proxy http://lazaret.example:3128", "[proxy]"),
        Some(Route::Mirror) => ("--mirror https://lazaret.example:5050", "[mirror]"),
        _ => ("--gateway https://lazaret.example:5443", "[gateway]"),
    };
    Err(other(format!(
        "where is Lazaret? {} needs {table} in lazaret.toml (name the file with --config), or {flag}",
        args.client
    )))
}

/// A listener, and what a proxy is to be shown.
type Reached = (Address, Option<Login>);

fn address(at: &Whereabouts, server: &Server, route: Route) -> Result<Option<Reached>, Trouble> {
    let (said, listener) = match route {
        Route::Mirror => (&at.mirror, Some(&server.mirror)),
        Route::Hosts | Route::Location => (&at.gateway, server.gateway.as_ref()),
        Route::Dns => (
            &at.gateway,
            server.gateway.as_ref().filter(|by| by.registry_names),
        ),
        Route::Proxy => (
            &at.proxy,
            server.proxy.as_ref().map(|proxy| &proxy.listener),
        ),
    };
    if let Some(text) = said {
        let read = match route {
            Route::Proxy => Login::split(text),
            _ => Address::parse(text).map(|address| (address, None)),
        };
        return read.map(Some).map_err(other);
    }
    let found = listener.map(|listener| reachable(listener, server));
    let found = found.transpose()?;
    Ok(found.map(|address| (address, None)))
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
        listener.tls.is_some() || listener.registry_names,
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
    let what = match route {
        Route::Proxy => "proxy",
        Route::Dns => "gateway",
        _ => return Ok(None),
    };
    ca::trusted(server).map(Some).map_err(|why| {
        other(format!(
            "the {what} at {address} answers with certificates of its own authority: name it with --ca FILE (lazaret ca export on the server; here: {why})"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! Where a configuration that somebody else wrote leads, so that it can be diagnosed.

use super::disk::Disk;
use super::{
    Address, Client, Login, Route, Shown, Wanted, buildkit, containerd, docker, hosts, json_edit,
    podman, systemd,
};

/// What a client seems to be pointed at; none where nothing is.
pub fn infer(client: Client, disk: &Disk, registries: &[String]) -> Option<Wanted> {
    let (route, (address, login)) = match client {
        Client::Docker => by_hosts(disk, docker::CERTS)
            .or_else(|| by_environment(disk, "docker"))
            .or_else(|| by_daemon(disk))?,
        Client::Containerd => {
            let config = disk.text(containerd::CONFIG).unwrap_or_default();
            let root = containerd::config_path(config);
            by_hosts(disk, root.as_deref().unwrap_or(containerd::CERTS))
                .or_else(|| by_environment(disk, "containerd"))?
        }
        Client::Podman => by_location(disk)?,
        Client::Buildkit => by_environment(disk, "buildkit").or_else(|| by_buildkitd(disk))?,
        Client::K3s | Client::Rke2 | Client::Machine => return None,
    };
    Some(Wanted {
        client,
        route,
        address,
        login,
        ca: None,
        registries: registries.to_vec(),
        direct: Vec::new(),
        shown: Shown::default(),
    })
}

/// A route, and what is at its end.
type Led = (Route, (Address, Option<Login>));

fn by_hosts(disk: &Disk, root: &str) -> Option<Led> {
    let text = disk.text(&format!("{root}/{}/{}", hosts::DEFAULT, hosts::FILE))?;
    let read = hosts::read(text).ok()?;
    let first = read.hosts.iter().chain(&read.server).next()?;
    Some((Route::Hosts, Login::split(first).ok()?))
}

fn by_environment(disk: &Disk, service: &str) -> Option<Led> {
    let environment = systemd::environment(disk, service);
    let proxy = environment
        .get("HTTPS_PROXY")
        .or(environment.get("https_proxy"))?;
    Some((Route::Proxy, Login::split(proxy).ok()?))
}

fn by_daemon(disk: &Disk) -> Option<Led> {
    let members = json_edit::object(disk.text(docker::DAEMON)?).ok()?;
    let proxy = members
        .get("proxies")
        .and_then(|proxies| proxies.get("https-proxy"));
    let mirror = members
        .get("registry-mirrors")
        .and_then(|mirrors| mirrors.get(0));
    let (route, value) = match proxy {
        Some(proxy) => (Route::Proxy, proxy),
        None => (Route::Mirror, mirror?),
    };
    Some((route, Login::split(value.as_str()?).ok()?))
}

fn by_location(disk: &Disk) -> Option<Led> {
    let main = disk.text(podman::MAIN).into_iter();
    let files = main.chain(
        disk.below(podman::FOLDER)
            .filter_map(|(path, _)| disk.text(path)),
    );
    for text in files {
        let Ok(table) = text.parse::<toml::Table>() else {
            continue;
        };
        let registries = table.get("registry").and_then(toml::Value::as_array);
        for registry in registries.into_iter().flatten() {
            let text = |key: &str| registry.get(key).and_then(toml::Value::as_str);
            let (Some(prefix), Some(location)) = (text("prefix"), text("location")) else {
                continue;
            };
            let plain = registry.get("insecure").and_then(toml::Value::as_bool) == Some(true);
            let scheme = if plain { "http" } else { "https" };
            let authority = location
                .strip_suffix(prefix)
                .and_then(|rest| rest.strip_suffix('/'));
            let address =
                authority.map(|authority| Address::parse(&format!("{scheme}://{authority}")));
            if let Some(Ok(address)) = address {
                return Some((Route::Location, (address, None)));
            }
        }
    }
    None
}

fn by_buildkitd(disk: &Disk) -> Option<Led> {
    let document: toml::Table = disk.text(buildkit::CONFIG)?.parse().ok()?;
    let registries = document.get("registry")?;
    let mirror = registries
        .get("docker.io")?
        .get("mirrors")?
        .get(0)?
        .as_str()?;
    let own = registries.get(mirror);
    let plain = own.and_then(|own| own.get("http")?.as_bool()) == Some(true);
    let scheme = if plain { "http" } else { "https" };
    Some((
        Route::Mirror,
        Login::split(&format!("{scheme}://{mirror}")).ok()?,
    ))
}

//! What is wrong with dockerd's way, and with the environment of other daemons.

use super::diagnosis::{Diagnosis, Facts};
use super::disk::{CA_FOLDER, Disk};
use super::docker::{CERTS, DAEMON};
use super::plan::Obstacle;
use super::{Route, Wanted, json_edit, systemd};

const RESTART: &str = "systemctl daemon-reload && systemctl restart docker";

/// A dockerd that reads none of the files that are looked at: what they say counts for nothing.
pub(super) fn elsewhere(facts: &Facts) -> Vec<Diagnosis> {
    let why = facts.elsewhere.unwrap_or_default();
    vec![Diagnosis::open(
        "docker-elsewhere",
        "dockerd",
        format!("{why}: what is in /etc/docker and in units of the system does not reach it"),
        "write there what `lazaret setup docker` shows, and close the way round at the network: docs/enforcement.md",
    )]
}

/// The members of `daemon.json`; a file that is none is told of.
fn daemon(disk: &Disk, found: &mut Vec<Diagnosis>) -> serde_json::Map<String, serde_json::Value> {
    match json_edit::object(disk.text(DAEMON).unwrap_or_default()) {
        Ok(members) => members,
        Err(why) => {
            let text = format!("it is no JSON object ({why}): dockerd does not start with it");
            found.push(Diagnosis::open(
                "daemon-json-broken",
                DAEMON,
                text,
                "mend the file",
            ));
            serde_json::Map::new()
        }
    }
}

fn texts(value: Option<&serde_json::Value>) -> Vec<&str> {
    let all = value.and_then(|value| value.as_array());
    all.into_iter()
        .flatten()
        .filter_map(|text| text.as_str())
        .collect()
}

pub(super) fn mirror(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let members = daemon(disk, &mut found);
    let mirrors = texts(members.get("registry-mirrors"));
    let ours = mirrors.iter().position(|mirror| wanted.address.is(mirror));
    let setup = "lazaret setup docker --route mirror --apply";
    match ours {
        None => found.push(Diagnosis::open(
            "mirror-not-set",
            DAEMON,
            format!("registry-mirrors does not name {}", wanted.address),
            setup,
        )),
        Some(at) if mirrors.len() > 1 => found.push(Diagnosis::open(
            "mirror-others",
            DAEMON,
            format!(
                "registry-mirrors names {} too, which {}",
                other(&mirrors, at),
                if at > 0 {
                    "is asked first"
                } else {
                    "is asked when Lazaret does not answer"
                }
            ),
            setup,
        )),
        Some(_) => {}
    }
    let runs = |mirrors: &Vec<String>| mirrors.iter().any(|mirror| wanted.address.is(mirror));
    if ours.is_some() && facts.mirrors.as_ref().is_some_and(|mirrors| !runs(mirrors)) {
        let text = "dockerd runs without the mirror of this file";
        found.push(Diagnosis::open(
            "mirror-not-loaded",
            "dockerd",
            text,
            RESTART,
        ));
    }
    found.extend(scheme(wanted, disk, facts));
    found.push(Diagnosis::limit(
        "mirror-fails-open",
        DAEMON,
        "a mirror covers Docker Hub alone, and Docker goes there by itself while Lazaret is down",
        "lazaret setup docker --route proxy, and an egress rule",
    ));
    found
}

fn other(mirrors: &[&str], ours: usize) -> String {
    let others = mirrors.iter().enumerate().filter(|(at, _)| *at != ours);
    others
        .map(|(_, mirror)| *mirror)
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// What the mirror's scheme means to the BuildKit of the daemon.
fn scheme(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Option<Diagnosis> {
    let authority = wanted.address.authority();
    if !wanted.address.tls() {
        let text = "BuildKit of older Docker takes https whatever the mirror's scheme is, and goes to Docker Hub in silence";
        let remedy =
            "give the mirror a certificate and name it by https://, or update Docker to 28";
        return match facts.major {
            Some(28..) => None,
            Some(..=20) => Some(Diagnosis::open("mirror-plain-http", DAEMON, text, remedy)),
            _ => Some(Diagnosis::limit(
                "mirror-plain-http",
                DAEMON,
                format!("{text} (20.10 does; this version is not known to)"),
                remedy,
            )),
        };
    }
    let folder = format!("{CERTS}/{authority}");
    let private =
        wanted.ca.is_some() || disk.below(&folder).any(|(path, _)| path.ends_with(".crt"));
    let trusted = systemd::environment(disk, "docker")
        .get("SSL_CERT_DIR")
        .is_some_and(|folders| folders.split(':').any(|folder| folder == CA_FOLDER));
    (private && !trusted).then(|| {
        Diagnosis::open(
            "mirror-ca-unseen",
            &folder,
            "BuildKit and the containerd image store do not read this folder for a mirror: they skip a mirror with a private authority in silence",
            "lazaret setup docker --route mirror --ca FILE --apply (or put the authority into the system's store), then restart docker",
        )
    })
}

/// The first Docker that reads `hosts.toml`.
const READS_HOSTS: u32 = 28;

/// Why the dockerd that runs here would go to the registries by itself with what is planned, if it would: what has an
/// opening is not written.
pub(super) fn hindrance(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Option<Obstacle> {
    let at = |why: String, remedy: &str| {
        Some(Obstacle {
            path: "dockerd".to_owned(),
            why,
            remedy: remedy.to_owned(),
        })
    };
    if let Some(why) = facts.elsewhere {
        let why = format!("{why}: what would be written does not reach it");
        return at(why, "write there what is shown without --apply");
    }
    if wanted.route != Route::Hosts {
        return None;
    }
    if facts.major.is_some_and(|major| major < READS_HOSTS) {
        let why = "Docker before 28 does not read hosts.toml: its pulls would go to the registries";
        return at(why.to_owned(), "update it, or take --route proxy");
    }
    let members = json_edit::object(disk.text(DAEMON).unwrap_or_default()).unwrap_or_default();
    let features = members.get("features");
    let switched = features.and_then(|features| features.get("containerd-snapshotter")?.as_bool());
    let classic = facts.containerd_store == Some(false) && switched != Some(true);
    let why = "its classic image store ignores hosts.toml: its pulls would go to the registries";
    let remedy = "put \"features\": {\"containerd-snapshotter\": true} into daemon.json first (images must be pulled again), or take --route proxy";
    classic.then(|| at(why.to_owned(), remedy)).flatten()
}

pub(super) fn hosts(disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let members = daemon(disk, &mut found);
    if facts.major.is_some_and(|major| major < READS_HOSTS) {
        found.push(Diagnosis::open(
            "hosts-unread",
            "dockerd",
            "Docker before 28 does not read hosts.toml, whatever its image store is: docker pull goes to the registry",
            "update it, or lazaret setup docker --route proxy",
        ));
    }
    let classic = "the classic image store ignores hosts.toml (the BuildKit inside of the daemon does not): docker pull goes to the registry";
    let remedy = "\"features\": {\"containerd-snapshotter\": true} in daemon.json (images must be pulled again), or lazaret setup docker --route proxy";
    match facts.containerd_store {
        Some(true) => {}
        Some(false) => found.push(Diagnosis::open("classic-store", "dockerd", classic, remedy)),
        None => found.push(Diagnosis::limit(
            "classic-store",
            "dockerd",
            format!("which image store it has could not be learnt; {classic}"),
            "docker info must say io.containerd.snapshotter.v1",
        )),
    }
    if !texts(members.get("registry-mirrors")).is_empty() {
        let text = "registry-mirrors is set beside hosts.toml: the mirror is another endpoint";
        found.push(Diagnosis::open(
            "mirrors-beside-hosts",
            DAEMON,
            text,
            "lazaret setup docker --route hosts --apply",
        ));
    }
    for registry in texts(members.get("insecure-registries")) {
        if !disk.folders_in(CERTS).any(|name| name == registry) {
            found.push(internal(registry));
        }
    }
    found
}

pub(super) fn internal(registry: &str) -> Diagnosis {
    Diagnosis::note(
        "default-catches-internal",
        registry,
        "it has no folder of its own, so _default sends its pulls to Lazaret, and pushes to nowhere",
        &format!("lazaret setup CLIENT --direct {registry} --apply"),
    )
}

pub(super) fn proxy(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let members = daemon(disk, &mut found);
    let written = members
        .get("proxies")
        .and_then(|proxies| proxies.as_object());
    let Some(written) = written else {
        found.extend(environment(wanted, disk, "docker"));
        found.extend(loaded(wanted, facts));
        return found;
    };
    let of = |key: &str| written.get(key).and_then(|value| value.as_str());
    if !of("https-proxy").is_some_and(|url| wanted.is_proxy(url)) {
        let text = format!(
            "proxies does not name {}, and wins over the environment",
            wanted.address
        );
        found.push(Diagnosis::open(
            "proxy-overridden",
            DAEMON,
            text,
            "lazaret setup docker --route proxy --apply",
        ));
    }
    found.extend(past(wanted, of("no-proxy").unwrap_or_default(), DAEMON));
    found.extend(loaded(wanted, facts));
    found
}

fn loaded(wanted: &Wanted, facts: &Facts) -> Vec<Diagnosis> {
    let Some((proxy, none)) = &facts.proxies else {
        return Vec::new();
    };
    if !wanted.runs_by(proxy) {
        let text = format!(
            "dockerd runs with {} as its proxy",
            if proxy.is_empty() { "nothing" } else { proxy }
        );
        return vec![Diagnosis::open(
            "proxy-not-loaded",
            "dockerd",
            text,
            RESTART,
        )];
    }
    past(wanted, none, "dockerd").into_iter().collect()
}

/// The proxy of a service by its drop-ins.
pub(super) fn environment(wanted: &Wanted, disk: &Disk, service: &str) -> Vec<Diagnosis> {
    let environment = systemd::environment(disk, service);
    let at = systemd::path(service);
    let of = |key: &str| {
        let small = environment.get(&key.to_ascii_lowercase());
        environment.get(key).or(small).map_or("", String::as_str)
    };
    let setup = format!("lazaret setup {service} --route proxy --apply");
    let mut found = Vec::new();
    if !wanted.is_proxy(of("HTTPS_PROXY")) {
        let text = format!(
            "the service {service} does not have {} as its HTTPS_PROXY",
            wanted.address
        );
        found.push(Diagnosis::open("proxy-not-set", &at, text, &setup));
    }
    let trusted = of("SSL_CERT_DIR")
        .split(':')
        .any(|folder| folder == CA_FOLDER);
    if wanted.ca.is_some() && !trusted {
        let text = "it does not trust the authority of Lazaret: pulls fail";
        found.push(Diagnosis::note("proxy-ca-unseen", &at, text, &setup));
    }
    found.extend(past(wanted, of("NO_PROXY"), &at));
    found
}

/// Registries that `NO_PROXY` leads past the proxy (as Go's httpproxy reads it).
fn past(wanted: &Wanted, none: &str, at: &str) -> Option<Diagnosis> {
    let covers = |entry: &str, host: &str| {
        let entry = entry
            .trim()
            .trim_start_matches("*.")
            .trim_start_matches('.');
        let entry = entry.rsplit_once(':').map_or(entry, |(name, _)| name);
        entry == "*"
            || !entry.is_empty()
                && (host == entry
                    || host
                        .strip_suffix(entry)
                        .is_some_and(|rest| rest.ends_with('.')))
    };
    let dialled = |registry: &str| match registry {
        "docker.io" => "registry-1.docker.io".to_owned(),
        other => other
            .rsplit_once(':')
            .map_or(other, |(host, _)| host)
            .to_owned(),
    };
    let mut entries = none.split(',');
    let (entry, registry) = entries.find_map(|entry| {
        let mut known = wanted.registries.iter();
        let hit = known.find(|registry| covers(entry, &dialled(registry)))?;
        Some((entry.trim(), hit))
    })?;
    Some(Diagnosis::open(
        "no-proxy-registry",
        at,
        format!("NO_PROXY has {entry:?}: {registry} is pulled past the proxy"),
        "take it out of NO_PROXY, then restart",
    ))
}

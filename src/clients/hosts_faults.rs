//! What is wrong with folders of `hosts.toml` files.

use super::diagnosis::{Diagnosis, Facts};
use super::disk::{Disk, Seen};
use super::{Wanted, containerd, docker, hosts};

pub(super) fn of_docker(wanted: &Wanted, disk: &Disk) -> Vec<Diagnosis> {
    // Docker takes a file without [host] since it reads the file at all.
    folders(wanted, disk, docker::CERTS, "docker", false)
}

pub(super) fn of_containerd(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let config = disk.text(containerd::CONFIG).unwrap_or_default();
    let path = containerd::config_path(config);
    let mut found = Vec::new();
    if path.is_none() {
        found.push(Diagnosis::open(
            "config-path-missing",
            containerd::CONFIG,
            "the kubelet's pulls read no hosts.toml: config_path is not set, or the file does not parse",
            "lazaret setup containerd --apply, then systemctl restart containerd",
        ));
    }
    let root = path.unwrap_or_else(|| containerd::CERTS.to_owned());
    let old = facts.major.is_none_or(|major| major < 2);
    found.extend(folders(wanted, disk, &root, "containerd", old));
    found
}

/// Every folder of a registry. `table`: files need `[host]`.
fn folders(wanted: &Wanted, disk: &Disk, root: &str, client: &str, table: bool) -> Vec<Diagnosis> {
    let setup = format!("lazaret setup {client} --route hosts --apply");
    let mut found = Vec::new();
    if hosts::of(disk, root, hosts::DEFAULT).is_none() {
        let at = format!("{root}/{}", hosts::DEFAULT);
        let text = "there is no hosts.toml: registries are pulled directly";
        found.push(Diagnosis::open("hosts-missing", &at, text, &setup));
    }
    for name in disk.folders_in(root) {
        let at = format!("{root}/{name}");
        let direct = wanted.direct.iter().any(|direct| direct == name);
        let known = name == hosts::DEFAULT || wanted.registries.iter().any(|known| known == name);
        match hosts::of(disk, root, name) {
            None if name == hosts::DEFAULT || direct => {}
            None if known => found.push(Diagnosis::open(
                "hosts-shadowed",
                &at,
                format!("this folder has no hosts.toml and wins over _default: {name} is pulled directly"),
                &setup,
            )),
            None => found.push(elsewhere(&at, name)),
            Some(Seen::Other(why)) => found.push(Diagnosis::open(
                "hosts-broken",
                &format!("{at}/{}", hosts::FILE),
                format!("it cannot be read here: {why}"),
                "make it a plain file",
            )),
            Some(Seen::Text(_)) if direct => {}
            Some(Seen::Text(text)) => {
                let at = format!("{at}/{}", hosts::FILE);
                found.extend(file(wanted, disk, &at, text, known, table, &setup));
            }
        }
    }
    found
}

fn elsewhere(at: &str, name: &str) -> Diagnosis {
    Diagnosis::limit(
        "registry-direct",
        at,
        format!("{name} has a way of its own past Lazaret"),
        "name it with --direct if that is meant, with --registry if not",
    )
}

/// One file. `known`: Lazaret must be the only endpoint in it.
fn file(
    wanted: &Wanted,
    disk: &Disk,
    at: &str,
    text: &str,
    known: bool,
    table: bool,
    setup: &str,
) -> Vec<Diagnosis> {
    let read = match hosts::read(text) {
        Ok(read) => read,
        Err(why) => {
            let text = format!("it is broken ({why}): clients log that and go to the registry");
            return vec![Diagnosis::open("hosts-broken", at, text, setup)];
        }
    };
    let mut found = Vec::new();
    let ours = |text: &String| wanted.address.is(text);
    match &read.server {
        _ if !known => {
            let all = read.server.iter().chain(&read.hosts).all(ours);
            found.extend((!all).then(|| elsewhere(at, at.rsplit('/').nth(1).unwrap_or(at))));
        }
        None => found.push(Diagnosis::open(
            "hosts-no-server",
            at,
            "it has no `server`: after a refusal the registry itself is asked",
            setup,
        )),
        Some(server) if !ours(server) => found.push(Diagnosis::open(
            "hosts-elsewhere",
            at,
            format!("its server is {server}: after a refusal that is asked"),
            setup,
        )),
        Some(_) => {}
    }
    if let Some(other) = read.hosts.iter().find(|host| known && !ours(host)) {
        let text = format!("it asks {other} before Lazaret");
        found.push(Diagnosis::open("hosts-elsewhere", at, text, setup));
    }
    if known && table && read.hosts.is_empty() {
        let text = "it has no [host] table: containerd before 2 ignores the file then";
        found.push(Diagnosis::open("hosts-no-table", at, text, setup));
    }
    let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
    for ca in &read.ca {
        let path = if ca.starts_with('/') {
            ca.clone()
        } else {
            format!("{folder}/{ca}")
        };
        let looked = disk
            .folders
            .iter()
            .any(|seen| path.rsplit_once('/').is_some_and(|(of, _)| of == seen));
        if looked && !disk.files.contains_key(&path) {
            let text = format!("the authority {ca} that it names is not there: pulls fail");
            found.push(Diagnosis::note("hosts-ca-missing", at, text, setup));
        }
    }
    found
}

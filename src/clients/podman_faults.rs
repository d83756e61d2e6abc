//! What is wrong with podman's way (containers-registries.conf(5), "Remapping and mirroring").

use super::Wanted;
use super::diagnosis::{Diagnosis, Facts};
use super::disk::{Disk, Seen};
use super::plan::one_line;
use super::podman::{DROP_IN, FOLDER, MAIN};

const SETUP: &str = "lazaret setup podman --apply";

/// A `[[registry]]` table.
struct Entry {
    file: String,
    prefix: String,
    location: Option<String>,
    mirrors: usize,
    blocked: bool,
}

/// All tables in the order in which they are read: the main file, then the others by name.
fn entries(disk: &Disk, found: &mut Vec<Diagnosis>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let main = disk.files.get(MAIN).map(|seen| (MAIN, seen));
    let drop_ins = disk
        .below(FOLDER)
        .filter(|(path, _)| path.ends_with(".conf"));
    for (path, seen) in main.into_iter().chain(drop_ins) {
        let Seen::Text(text) = seen else { continue };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                let why = one_line(text, &error);
                let text = format!("it is broken ({why}): podman pulls nothing");
                found.push(Diagnosis::note(
                    "registries-broken",
                    path,
                    text,
                    "mend the file",
                ));
                continue;
            }
        };
        let registries = table.get("registry").and_then(toml::Value::as_array);
        for registry in registries.into_iter().flatten() {
            let text = |key: &str| {
                registry
                    .get(key)
                    .and_then(toml::Value::as_str)
                    .map(str::to_owned)
            };
            let location = text("location");
            let Some(prefix) = text("prefix")
                .filter(|prefix| !prefix.is_empty())
                .or_else(|| location.clone())
            else {
                continue;
            };
            let mirrors = registry
                .get("mirror")
                .and_then(toml::Value::as_array)
                .map_or(0, Vec::len);
            let blocked = registry.get("blocked").and_then(toml::Value::as_bool) == Some(true);
            entries.push(Entry {
                file: path.to_owned(),
                prefix,
                location,
                mirrors,
                blocked,
            });
        }
    }
    entries
}

/// What is wrong with a registry's own table, `ours` being where it should be.
fn of_registry(entries: &[Entry], registry: &str, ours: &str) -> Option<Diagnosis> {
    // A later file of the same prefix replaces an earlier one.
    let last = entries.iter().rfind(|entry| entry.prefix == registry);
    let Some(entry) = last else {
        let text = format!("{registry} has no table, and is pulled directly");
        return Some(Diagnosis::open("location-missing", DROP_IN, text, SETUP));
    };
    if entry.blocked {
        return None;
    }
    let location = entry.location.as_deref().unwrap_or(registry);
    if location != ours {
        let text = format!("{registry} is at {location} by this file");
        return Some(Diagnosis::open(
            "location-elsewhere",
            &entry.file,
            text,
            SETUP,
        ));
    }
    let mirrors = || {
        let text = format!("{registry} has mirrors, which are asked before Lazaret");
        let remedy = "remove [[registry.mirror]]";
        Diagnosis::open("location-mirrors", &entry.file, text, remedy)
    };
    (entry.mirrors > 0).then(mirrors)
}

pub(super) fn faults(wanted: &Wanted, disk: &Disk, facts: &Facts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    let entries = entries(disk, &mut found);
    let gateway = wanted.address.authority();
    for registry in &wanted.registries {
        let ours = format!("{gateway}/{registry}");
        found.extend(of_registry(&entries, registry, &ours));
        let below = format!("{registry}/");
        for entry in entries
            .iter()
            .filter(|entry| entry.prefix.starts_with(&below) && !entry.blocked)
        {
            let own = format!("{gateway}/{}", entry.prefix);
            if entry.location.as_deref() != Some(&own) {
                let text = format!(
                    "{} wins over {registry}, and is not at Lazaret",
                    entry.prefix
                );
                found.push(Diagnosis::open(
                    "location-shadowed",
                    &entry.file,
                    text,
                    "remove the table, or give it a location at Lazaret",
                ));
            }
        }
    }
    if let Some(own) = &facts.own_registries {
        let text = "this user's own file is read in place of the system's";
        found.push(Diagnosis::open(
            "user-registries",
            own,
            text,
            "remove it; an egress rule stops the next one",
        ));
    }
    found.push(Diagnosis::limit(
        "registries-unlisted",
        DROP_IN,
        "registries that are not listed are pulled directly: podman has no pattern for all",
        "an egress rule, or \"default\": [{\"type\": \"reject\"}] in /etc/containers/policy.json with the listed registries excepted",
    ));
    found
}

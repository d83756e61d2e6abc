//! `hosts.toml`, which containerd and Docker's containerd image store read (containerd's docs/hosts.md).

use std::fmt::Write as _;

use super::disk::{Disk, Seen};
use super::plan::{Format, Obstacle, Plan, one_line};
use super::{Address, Shown, Wanted};

/// The file's name in the folder of a registry.
pub(super) const FILE: &str = "hosts.toml";
/// The folder that stands for all registries without one of their own.
pub(super) const DEFAULT: &str = "_default";

/// A file that makes Lazaret the only endpoint. `table`: with `[host]`, which containerd 1.6 and 1.7 need, and which makes
/// later ones ask twice.
pub(super) fn only(address: &Address, ca: Option<&str>, shown: &Shown, table: bool) -> String {
    let mut out = String::from(
        "# By `lazaret setup`. `server` is what makes it hold: without it a refusal sends the client on to the registry.\n",
    );
    let own = |indent: &str| {
        let ca = ca.map(|path| format!("{indent}ca = \"{path}\"\n"));
        let ca = ca.unwrap_or_default();
        let client = shown.line(indent);
        format!("{indent}capabilities = [\"pull\", \"resolve\"]\n{ca}{client}")
    };
    let headers = shown.table("", "");
    let _ = write!(out, "server = \"{address}\"\n{}{headers}", own(""));
    if table {
        // What is said of the server is not said of a host.
        let host = format!("host.\"{address}\"");
        let headers = shown.table(&format!("{host}."), "  ");
        let _ = write!(out, "\n[{host}]\n{}{headers}", own("  "));
    }
    out
}

/// A file that keeps `_default` away from an internal registry.
fn direct(registry: &str) -> String {
    format!(
        "# By `lazaret setup --direct`: this registry is reached without Lazaret.\nserver = \"https://{registry}\"\n"
    )
}

/// What stands in a file.
pub(super) struct Read {
    pub(super) server: Option<String>,
    /// Hosts that are asked before the server.
    pub(super) hosts: Vec<String>,
    pub(super) ca: Vec<String>,
}

/// Reads a file as containerd does, as far as it says who is asked.
pub(super) fn read(text: &str) -> Result<Read, String> {
    let table: toml::Table = text.parse().map_err(|error| one_line(text, &error))?;
    let hosts = match table.get("host") {
        None => None,
        Some(toml::Value::Table(hosts)) => Some(hosts),
        Some(_) => return Err("`host` is no table".to_owned()),
    };
    let server = match table.get("server") {
        None => None,
        Some(toml::Value::String(server)) => Some(server.clone()),
        Some(_) => return Err("`server` is no text".to_owned()),
    };
    let tables = hosts.into_iter().flat_map(|hosts| hosts.values());
    let tables = tables.filter_map(toml::Value::as_table).chain([&table]);
    let ca = tables.filter_map(|table| table.get("ca")).flat_map(texts);
    Ok(Read {
        server,
        ca: ca.collect(),
        hosts: hosts
            .into_iter()
            .flat_map(|hosts| hosts.keys().cloned())
            .collect(),
    })
}

fn texts(value: &toml::Value) -> Vec<String> {
    match value {
        toml::Value::String(text) => vec![text.clone()],
        toml::Value::Array(all) => all.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Plans the folders of registries in `root`: `_default`, those of registries that Lazaret knows and that would shadow it,
/// and those of registries that are reached without it.
pub(super) fn plan(
    plan: &mut Plan,
    disk: &Disk,
    root: &str,
    wanted: &Wanted,
    table: bool,
) -> Result<(), Obstacle> {
    let (ca, shown) = (wanted.ca_path(), &wanted.shown);
    let text = only(&wanted.address, ca.as_deref(), shown, table);
    plan.write(
        disk,
        &format!("{root}/{DEFAULT}/{FILE}"),
        text.clone(),
        Format::Toml,
    )?;
    if wanted.direct.is_empty() {
        plan.notes.push(
            "_default catches every registry that has no folder of its own, localhost:5000 and internal ones too, and pushes to them fail: name those with --direct"
                .to_owned(),
        );
    }
    for registry in &wanted.direct {
        let path = format!("{root}/{registry}/{FILE}");
        // Whoever wrote a file for an internal registry knows better how it is reached.
        if !disk.files.contains_key(&path) {
            plan.write(disk, &path, direct(registry), Format::Toml)?;
        }
    }
    for name in disk.folders_in(root).filter(|name| *name != DEFAULT) {
        if wanted.direct.iter().any(|direct| direct == name) {
            continue;
        }
        let path = format!("{root}/{name}/{FILE}");
        match wanted.registries.iter().any(|known| known == name) {
            true => plan.write(disk, &path, text.clone(), Format::Toml)?,
            false => plan.notes.push(format!(
                "{root}/{name} is a registry that Lazaret does not know: it keeps its own way (name it with --registry to change that)"
            )),
        }
    }
    Ok(())
}

/// Whether a folder has a file, and what is in it.
pub(super) fn of<'a>(disk: &'a Disk, root: &str, name: &str) -> Option<&'a Seen> {
    disk.files.get(&format!("{root}/{name}/{FILE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let address = Address::parse("https://gw.example:5443").unwrap();
        let none = Shown::default();
        for table in [false, true] {
            let read = read(&only(&address, Some("/ca.pem"), &none, table)).unwrap();
            assert_eq!(read.server.as_deref(), Some("https://gw.example:5443"));
            assert_eq!(read.hosts.len(), usize::from(table));
            assert!(!read.ca.is_empty() && read.ca.iter().all(|path| path == "/ca.pem"));
        }
        assert!(!only(&address, None, &none, true).contains("ca ="));
        let files = ["/c.pem", "/c.key"].map(std::path::Path::new);
        let headers = ["X-Team: payments".to_owned()];
        let shown = Shown::new(Some((files[0], files[1])), &headers).unwrap();
        assert_eq!(
            only(&address, Some("/ca.pem"), &shown, true)
                .split_once('\n')
                .unwrap()
                .1,
            r#"server = "https://gw.example:5443"
capabilities = ["pull", "resolve"]
ca = "/ca.pem"
client = [["/c.pem", "/c.key"]]
[header]
  "X-Team" = "payments"

[host."https://gw.example:5443"]
  capabilities = ["pull", "resolve"]
  ca = "/ca.pem"
  client = [["/c.pem", "/c.key"]]
  [host."https://gw.example:5443".header]
    "X-Team" = "payments"
"#
        );
        let both = read(&only(&address, None, &shown, true)).unwrap();
        assert_eq!((both.server.is_some(), both.hosts.len()), (true, 1));
        assert_eq!(
            read("server = \n").map(|_| ()).unwrap_err(),
            "line 1: string values must be quoted, expected literal string"
        );
    }
}

//! What makes containerd, and so a Kubernetes node, pull through Lazaret.

use toml_edit::{DocumentMut, Item, Table, value};

use super::disk::Disk;
use super::plan::{Format, Obstacle, Plan, existing};
use super::{Wanted, hosts, systemd};

/// containerd's file.
pub(super) const CONFIG: &str = "/etc/containerd/config.toml";
/// Where `hosts.toml` files are looked for when nobody says otherwise.
pub(super) const CERTS: &str = "/etc/containerd/certs.d";
const RESTART: &str = "systemctl restart containerd";

/// The plugin that pulls for the kubelet, by the version of the file.
fn plugin(version: i64) -> &'static str {
    match version {
        3.. => "io.containerd.cri.v1.images",
        _ => "io.containerd.grpc.v1.cri",
    }
}

fn obstacle(why: String, remedy: &str) -> Obstacle {
    Obstacle {
        path: CONFIG.to_owned(),
        why,
        remedy: remedy.to_owned(),
    }
}

/// The `registry` table of a file, where it has one.
fn registry(document: &toml::Table) -> Option<&toml::Table> {
    let version = document.get("version").and_then(toml::Value::as_integer);
    let plugins = document.get("plugins")?.as_table()?;
    let plugin = plugins.get(plugin(version.unwrap_or(1)))?.as_table()?;
    plugin.get("registry")?.as_table()
}

/// Where the kubelet's pulls look for `hosts.toml`; none where the file does not say, or does not parse.
pub(super) fn config_path(text: &str) -> Option<String> {
    let document: toml::Table = text.parse().ok()?;
    let path = registry(&document)?.get("config_path")?.as_str()?;
    // A list as in PATH; the first one that exists is taken.
    let first = path.split(':').next().filter(|first| !first.is_empty())?;
    Some(first.trim_end_matches('/').to_owned())
}

/// The file with `config_path` set, and without what may not stand beside it.
fn with_path(before: &str) -> Result<String, Obstacle> {
    let mend = "mend it first: containerd does not start with it";
    let mut document: DocumentMut = before.parse().map_err(|error: toml_edit::TomlError| {
        let line = error.span().and_then(|span| before.get(..span.start));
        let line = line.map_or(1, |head| head.matches('\n').count() + 1);
        obstacle(format!("line {line}: {}", error.message()), mend)
    })?;
    let empty = document.as_table().is_empty();
    let version = document.get("version").and_then(Item::as_integer);
    let version = match version {
        Some(version @ 2..) => version,
        None if empty => {
            document.insert("version", value(2));
            2
        }
        _ => {
            let why = "it is of version 1, which later containerd does not read";
            return Err(obstacle(
                why.to_owned(),
                "containerd config migrate > config.toml, and try again",
            ));
        }
    };
    let odd = || obstacle("[plugins] is not made of tables".to_owned(), mend);
    let mut table = document.as_table_mut();
    for name in ["plugins", plugin(version), "registry"] {
        let below = table.entry(name).or_insert_with(|| {
            let mut made = Table::new();
            made.set_implicit(name != "registry");
            Item::Table(made)
        });
        table = below.as_table_mut().ok_or_else(odd)?;
    }
    if let Some(configs) = table.get("configs").and_then(Item::as_table_like) {
        let tls = |(_, config): (&str, &Item)| config.get("tls").is_some();
        if configs.iter().any(tls) {
            let why = "[….registry.configs] has certificates, which containerd does not take beside config_path";
            return Err(obstacle(
                why.to_owned(),
                "move them to a hosts.toml of that registry",
            ));
        }
    }
    // containerd refuses to pull where both stand.
    table.remove("mirrors");
    table.insert("config_path", value(CERTS));
    Ok(document.to_string())
}

pub(super) fn hosts(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    let there = existing(disk, CONFIG)?.unwrap_or_default();
    let root = match config_path(there) {
        Some(root) => root,
        None => {
            plan.write(disk, CONFIG, with_path(there)?, Format::Toml)?;
            plan.then.push(RESTART.to_owned());
            CERTS.to_owned()
        }
    };
    hosts::plan(&mut plan, disk, &root, wanted, true)?;
    plan.notes.push(format!(
        "ctr reads no configuration: ctr images pull --hosts-dir {root} …; nerdctl reads {CERTS}"
    ));
    Ok(plan)
}

pub(super) fn proxy(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    systemd::plan(&mut plan, disk, "containerd", wanted)?;
    plan.then.push(RESTART.to_owned());
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_set_and_comments_stay() {
        assert_eq!(
            with_path("").unwrap(),
            "version = 2\n\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n"
        );
        let text = "# ours\nversion = 3 # three\n\n[plugins.'io.containerd.cri.v1.images']\n  snapshotter = \"overlayfs\" # fast\n";
        let made = with_path(text).unwrap();
        assert!(made.starts_with(text), "{made}");
        assert_eq!(config_path(&made).as_deref(), Some(CERTS));
        let mirrors = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\nendpoint = [\"https://m\"]\n";
        let made = with_path(mirrors).unwrap();
        assert!(!made.contains("mirrors"), "{made}");
        assert_eq!(config_path(&made).as_deref(), Some(CERTS));
    }

    #[test]
    fn what_cannot_be_changed_safely_is_not() {
        for (text, why) in [
            ("version = 1\n[plugins]\n", "it is of version 1"),
            ("oops", "line 1: "),
            ("version = 2\nplugins = 3\n", "not made of tables"),
            (
                "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r\".tls]\nca_file = \"x\"\n",
                "has certificates",
            ),
        ] {
            let said = with_path(text).unwrap_err().to_string();
            assert!(said.starts_with(CONFIG) && said.contains(why), "{said}");
        }
    }

    #[test]
    fn the_first_folder_of_a_path_counts() {
        let text = "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/a/b/:/c\"\n";
        assert_eq!(config_path(text).as_deref(), Some("/a/b"));
        assert_eq!(config_path("version = 3\n"), None);
    }
}

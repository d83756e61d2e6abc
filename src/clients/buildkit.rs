//! What makes a buildkitd of its own, or a builder of `docker buildx` in a container, pull through Lazaret.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::diagnosis::Diagnosis;
use super::disk::Disk;
use super::plan::{Format, Obstacle, Plan, existing};
use super::{Wanted, masked, systemd};

/// buildkitd's file.
pub(super) const CONFIG: &str = "/etc/buildkit/buildkitd.toml";

/// The file with Lazaret as mirror of every registry that it knows.
fn with_mirrors(before: &str, wanted: &Wanted) -> Result<String, Obstacle> {
    let obstacle = |why: String| Obstacle {
        path: CONFIG.to_owned(),
        why,
        remedy: "mend it first: buildkitd does not start with it".to_owned(),
    };
    let mut document: DocumentMut = before.parse().map_err(|error: toml_edit::TomlError| {
        let line = error.span().and_then(|span| before.get(..span.start));
        let line = line.map_or(1, |head| head.matches('\n').count() + 1);
        obstacle(format!("line {line}: {}", error.message()))
    })?;
    let odd = || obstacle("[registry] is not made of tables".to_owned());
    let implicit = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    let registries = document.entry("registry").or_insert_with(implicit);
    let registries = registries.as_table_mut().ok_or_else(odd)?;
    let authority = wanted.address.authority();
    for name in &wanted.registries {
        let entry = registries
            .entry(name)
            .or_insert_with(|| Item::Table(Table::new()));
        let entry = entry.as_table_like_mut().ok_or_else(odd)?;
        entry.insert("mirrors", value(Array::from_iter([authority.as_str()])));
    }
    let own = registries
        .entry(&authority)
        .or_insert_with(|| Item::Table(Table::new()));
    let own = own.as_table_like_mut().ok_or_else(odd)?;
    if !wanted.address.tls() {
        own.insert("http", value(true));
    } else if let Some(ca) = wanted.ca_path() {
        own.insert("ca", value(Array::from_iter([ca])));
    }
    Ok(document.to_string())
}

pub(super) fn mirror(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    let before = existing(disk, CONFIG)?.unwrap_or_default();
    plan.write(disk, CONFIG, with_mirrors(before, wanted)?, Format::Toml)?;
    plan.then.push(format!(
        "systemctl restart buildkit    # or: docker buildx create --use --buildkitd-config {CONFIG}"
    ));
    plan.notes.push(
        "buildkitd goes to the registry by itself while Lazaret is down; --route proxy holds"
            .to_owned(),
    );
    Ok(plan)
}

pub(super) fn proxy(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    systemd::plan(&mut plan, disk, "buildkit", wanted)?;
    plan.then.push(format!(
        "systemctl restart buildkit    # or: docker buildx create --use --driver-opt env.HTTPS_PROXY={} …",
        masked(&wanted.proxy_url())
    ));
    Ok(plan)
}

/// What is wrong with mirrors.
pub(super) fn faults(wanted: &Wanted, disk: &Disk) -> Vec<Diagnosis> {
    let setup = "lazaret setup buildkit --route mirror --apply, then restart buildkitd";
    let text = disk.text(CONFIG).unwrap_or_default();
    let read: Result<toml::Table, _> = text.parse();
    let Ok(document) = read else {
        let text = "it is broken: buildkitd does not start with it";
        return vec![Diagnosis::open(
            "buildkit-broken",
            CONFIG,
            text,
            "mend the file",
        )];
    };
    let authority = wanted.address.authority();
    let registries = document.get("registry").and_then(toml::Value::as_table);
    let of = |name: &str| {
        registries?
            .get(name)?
            .get("mirrors")?
            .as_array()?
            .first()?
            .as_str()
    };
    let missing: Vec<&String> = wanted
        .registries
        .iter()
        .filter(|name| of(name) != Some(&authority))
        .collect();
    let mut found = Vec::new();
    if let Some(first) = missing.first() {
        let text = match missing.len() {
            1 => format!("{first} is not pulled through Lazaret"),
            count => format!(
                "{first} and {} more registries are not pulled through Lazaret",
                count - 1
            ),
        };
        found.push(Diagnosis::open("buildkit-not-set", CONFIG, text, setup));
    }
    found.push(Diagnosis::limit(
        "buildkit-fails-open",
        CONFIG,
        "the registry itself stays the last endpoint of BuildKit: it is asked while Lazaret is down",
        "lazaret setup buildkit --route proxy, and an egress rule",
    ));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Address, Client, Route, Shown};

    #[test]
    fn mirrors_are_set_and_comments_stay() {
        let wanted = Wanted {
            client: Client::Buildkit,
            route: Route::Mirror,
            address: Address::parse("http://127.0.0.1:5050").unwrap(),
            login: None,
            ca: None,
            registries: vec!["docker.io".to_owned()],
            direct: Vec::new(),
            shown: Shown::default(),
        };
        let made = with_mirrors("# ours\ndebug = true # yes\n", &wanted).unwrap();
        assert_eq!(
            made,
            "# ours\ndebug = true # yes\n\n[registry.\"docker.io\"]\nmirrors = [\"127.0.0.1:5050\"]\n\n[registry.\"127.0.0.1:5050\"]\nhttp = true\n"
        );
        assert_eq!(with_mirrors(&made, &wanted).unwrap(), made);
        assert!(with_mirrors("registry = 1\n", &wanted).is_err());
    }
}

//! What makes dockerd pull through Lazaret.

use serde_json::{Value, json};

use super::disk::Disk;
use super::plan::{Format, Obstacle, Plan, existing};
use super::{Wanted, hosts, json_edit, systemd};

/// The daemon's file.
pub(super) const DAEMON: &str = "/etc/docker/daemon.json";
/// The folders of registries.
pub(super) const CERTS: &str = "/etc/docker/certs.d";
const RESTART: &str = "systemctl restart docker";

fn broken(why: String) -> Obstacle {
    Obstacle {
        path: DAEMON.to_owned(),
        why: format!("is no JSON object: {why}"),
        remedy:
            "mend it first: dockerd does not start with it, and no part of it can be kept safely"
                .to_owned(),
    }
}

/// Sets or removes members of `daemon.json`.
fn daemon(plan: &mut Plan, disk: &Disk, edits: &[(&str, Option<Value>)]) -> Result<(), Obstacle> {
    let there = existing(disk, DAEMON)?;
    let before = there.unwrap_or_default();
    let members = json_edit::object(before).map_err(broken)?;
    let mut after = before.to_owned();
    for (key, value) in edits {
        after = match value {
            Some(value) if members.get(*key) == Some(value) => after,
            Some(value) => json_edit::set(&after, key, value).map_err(broken)?,
            None => json_edit::remove(&after, key).map_err(broken)?,
        };
    }
    if there.is_none() && after.is_empty() {
        return Ok(());
    }
    plan.write(disk, DAEMON, after, Format::Json)
}

pub(super) fn mirror(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    let mirrors = json!([wanted.address.to_string()]);
    daemon(&mut plan, disk, &[("registry-mirrors", Some(mirrors))])?;
    if wanted.ca.is_some() {
        systemd::plan(&mut plan, disk, "docker", wanted)?;
    }
    plan.then.push(RESTART.to_owned());
    plan.notes.push(
        "a mirror covers Docker Hub alone, and Docker goes there by itself while Lazaret is down; --route proxy holds"
            .to_owned(),
    );
    Ok(plan)
}

pub(super) fn hosts(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    // Later than every containerd that ignores a file without [host]: with it every refusal would be asked for twice.
    hosts::plan(&mut plan, disk, CERTS, wanted, false)?;
    daemon(&mut plan, disk, &[("registry-mirrors", None)])?;
    plan.then.push(RESTART.to_owned());
    plan.notes.push(
        "only Docker 28 and later with the containerd image store reads hosts.toml; `lazaret setup docker --check` says which store runs"
            .to_owned(),
    );
    Ok(plan)
}

pub(super) fn proxy(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    systemd::plan(&mut plan, disk, "docker", wanted)?;
    let there = json_edit::object(disk.text(DAEMON).unwrap_or_default()).map_err(broken)?;
    // Docker before 23 does not start with this member; where it stands it wins over the environment.
    if there.contains_key("proxies") {
        let url = wanted.proxy_url();
        let value = json!({ "http-proxy": url, "https-proxy": url, "no-proxy": wanted.no_proxy() });
        daemon(&mut plan, disk, &[("proxies", Some(value))])?;
    }
    plan.then.push(RESTART.to_owned());
    plan.notes.push(
        "builders of `docker buildx` in containers of their own do not inherit it: lazaret setup buildx"
            .to_owned(),
    );
    Ok(plan)
}

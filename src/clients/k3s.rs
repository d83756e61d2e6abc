//! k3s and RKE2: they write containerd's `hosts.toml` themselves, from `registries.yaml`.

use super::Wanted;
use super::diagnosis::Diagnosis;
use super::disk::Disk;
use super::plan::{Format, Obstacle, Plan, existing};

/// The file of registries.
pub(super) fn registries(program: &str) -> String {
    format!("/etc/rancher/{program}/registries.yaml")
}

/// The drop-in that takes the registries themselves away as last endpoint.
pub(super) fn drop_in(program: &str) -> String {
    format!("/etc/rancher/{program}/config.yaml.d/lazaret.yaml")
}

/// The whole file of registries.
fn text(wanted: &Wanted) -> String {
    let address = &wanted.address;
    let mut out = format!(
        "# By `lazaret setup`.\nmirrors:\n  \"*\":\n    endpoint:\n      - \"{address}\"\n"
    );
    if let Some(ca) = wanted.ca_path() {
        let authority = address.authority();
        out.push_str(&format!(
            "configs:\n  \"{authority}\":\n    tls:\n      ca_file: \"{ca}\"\n"
        ));
    }
    out
}

/// The whole drop-in.
pub(super) const NO_DEFAULT: &str = "# By `lazaret setup`: without it a refusal sends containerd on to the registry.\ndisable-default-registry-endpoint: true\n";

pub(super) fn hosts(program: &str, wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    plan.trust(disk, wanted)?;
    let path = registries(program);
    let text = text(wanted);
    let there = existing(disk, &path)?;
    // Merging YAML by hand may change what it means: what somebody wrote stays.
    let theirs =
        |there: &&str| !there.trim().is_empty() && !there.starts_with("# By `lazaret setup`.");
    if there.filter(theirs).is_some() {
        return Err(Obstacle {
            path,
            why: "it has registries already, and is not edited".to_owned(),
            remedy: format!("put this into it, and try again with the file moved away:\n{text}"),
        });
    }
    plan.write(disk, &path, text, Format::Lines)?;
    plan.write(
        disk,
        &drop_in(program),
        NO_DEFAULT.to_owned(),
        Format::Lines,
    )?;
    let service = if program == "k3s" {
        "k3s"
    } else {
        "rke2-server"
    };
    plan.then.push(format!("systemctl restart {service}"));
    plan.notes.push(format!(
        "on agents the service is {}-agent; `\"*\"` and disable-default-registry-endpoint need a {program} of 2024 or later (1.26.13, 1.27.10, 1.28.6, 1.29.1)",
        if program == "k3s" { "k3s" } else { "rke2" }
    ));
    Ok(plan)
}

/// What is wrong with the files.
pub(super) fn faults(program: &str, wanted: &Wanted, disk: &Disk) -> Vec<Diagnosis> {
    let (registries, drop_in) = (registries(program), drop_in(program));
    let setup = format!("lazaret setup {program} --apply, then restart it");
    let mut found = Vec::new();
    if disk.text(&registries) != Some(text(wanted).as_str()) {
        let text = format!(
            "it is not the file that sends every registry to {}",
            wanted.address
        );
        found.push(Diagnosis::open(
            "registries-yaml-other",
            &registries,
            text,
            &setup,
        ));
    }
    let says = |text: &str| {
        let mut lines = text.lines().map(str::trim);
        lines.any(|line| line == "disable-default-registry-endpoint: true")
    };
    let folder = format!("/etc/rancher/{program}/config.yaml.d");
    let drop_ins = disk.below(&folder).filter_map(|(path, _)| disk.text(path));
    let main = disk.text(&format!("/etc/rancher/{program}/config.yaml"));
    if !drop_ins.chain(main).any(says) {
        found.push(Diagnosis::open(
            "default-endpoint",
            &drop_in,
            "disable-default-registry-endpoint is not set: after a refusal the registry itself is asked",
            &setup,
        ));
    }
    found
}

//! What makes podman, Buildah, CRI-O and skopeo pull through Lazaret (containers-registries.conf(5)).

use std::fmt::Write as _;

use super::Wanted;
use super::disk::Disk;
use super::plan::{Format, Obstacle, Plan};

/// Our drop-in: late, so that it wins over others of the same prefix.
pub(super) const DROP_IN: &str = "/etc/containers/registries.conf.d/zz-lazaret.conf";
/// The main file.
pub(super) const MAIN: &str = "/etc/containers/registries.conf";
/// The folder of drop-ins.
pub(super) const FOLDER: &str = "/etc/containers/registries.conf.d";

/// The whole drop-in.
fn text(wanted: &Wanted) -> String {
    let mut out = String::from(
        "# By `lazaret setup`. `location`, not a mirror: after a mirror's refusal the registry would be next.\n",
    );
    let gateway = wanted.address.authority();
    for registry in &wanted.registries {
        let _ = write!(
            out,
            "\n[[registry]]\nprefix = \"{registry}\"\nlocation = \"{gateway}/{registry}\"\n"
        );
        if !wanted.address.tls() {
            out.push_str("insecure = true\n");
        }
    }
    out
}

pub(super) fn location(wanted: &Wanted, disk: &Disk) -> Result<Plan, Obstacle> {
    let mut plan = Plan::default();
    if let Some(pem) = &wanted.ca {
        let path = format!(
            "/etc/containers/certs.d/{}/ca.crt",
            wanted.address.authority()
        );
        plan.write(disk, &path, pem.clone(), Format::Pem)?;
    }
    plan.write(disk, DROP_IN, text(wanted), Format::Toml)?;
    plan.notes.push(
        "registries that are not listed are pulled directly: an egress rule must stop that; CRI-O reads the change after systemctl reload crio"
            .to_owned(),
    );
    Ok(plan)
}

//! Does the image's configuration keep to the profile?

use super::instructions;
use crate::oci::ContainerConfig;
use crate::policy::judge::Docket;
use crate::policy::secrets::looks_secret;
use crate::policy::{Code, ConfigEvidence, ConfigProfile, Gathered, JudgedImage, Level};

/// Ports below this one need privileges (Linux's default `ip_unprivileged_port_start`).
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, config: &Gathered<ConfigEvidence>) {
    let Some(profile) = docket.rule.config.clone() else {
        return;
    };
    match config {
        Gathered::Found(found) => found
            .images
            .iter()
            .for_each(|image| judge_image(docket, &profile, image)),
        Gathered::Absent => {
            let message =
                "this is no container image, and the rule checks container configurations";
            docket.find(Code::ConfigAbsent, Level::Deny, &profile.origin, message);
        }
        Gathered::Unavailable { why } => {
            docket.find(
                Code::ConfigUnavailable,
                Level::Deny,
                &profile.origin,
                why.clone(),
            );
        }
    }
}

fn judge_image(docket: &mut Docket<'_>, profile: &ConfigProfile, image: &JudgedImage) {
    let container = &image.config.container;
    let mut find = |code, level, message: String| {
        docket.find_on(code, level, &profile.origin, Some(&image.platform), message);
    };
    match user(container) {
        User::Missing => find(
            Code::UserMissing,
            profile.root_user,
            "names no user and so runs as root".to_owned(),
        ),
        User::Root => find(
            Code::RootUser,
            profile.root_user,
            format!("runs as {:?}", container.user),
        ),
        User::Other => {}
    }
    for port in &container.exposed_ports {
        let number = port
            .split('/')
            .next()
            .and_then(|number| number.parse::<u16>().ok());
        if number.is_some_and(|number| number > 0 && number < FIRST_UNPRIVILEGED_PORT) {
            find(
                Code::PrivilegedPort,
                profile.privileged_ports,
                format!("exposes the privileged port {port}"),
            );
        }
    }
    for variable in &container.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        if looks_secret(name, value) {
            find(
                Code::SecretInEnv,
                profile.secret_env,
                format!("the environment variable {name} looks like a secret"),
            );
        }
    }
    for (code, level, message) in instructions::judged(profile, &image.config) {
        find(code, level, message);
    }
    for label in &profile.labels {
        if container
            .labels
            .get(label)
            .is_none_or(|value| value.trim().is_empty())
        {
            find(
                Code::LabelMissing,
                Level::Deny,
                format!("the required label {label} is missing"),
            );
        }
    }
}

enum User {
    Missing,
    Root,
    Other,
}

fn user(container: &ContainerConfig) -> User {
    let name = container.user.split(':').next().unwrap_or_default().trim();
    match name {
        "" if container.user.trim().is_empty() => User::Missing,
        "" | "root" => User::Root,
        name if name.parse::<u64>() == Ok(0) => User::Root,
        _ => User::Other,
    }
}

//! A well-known image's name under somebody else's: the commonest shape of malicious images, and of honest ones.
//! No name can tell them apart, so this is a hint and no more.

use crate::names::asked::Asked;
use crate::names::{Component, Edit, Suspicion, Tier};

/// Names that say what an image is for, not whose it is.
const COMMON: [&str; 16] = [
    "server",
    "client",
    "agent",
    "backend",
    "frontend",
    "proxy",
    "operator",
    "controller",
    "runner",
    "builder",
    "worker",
    "console",
    "api",
    "web",
    "core",
    "base",
];
/// Shorter names are anybody's.
const SHORT: usize = 5;
/// Strength from which a name is worth borrowing.
const STRONG: u8 = 2;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    if !asked.on_docker_hub() {
        return None;
    }
    let (name, namespace) = (asked.name, asked.namespace);
    let tell = |rule, meant, message| {
        asked.suspicion(
            rule,
            Tier::Hint,
            Component::Namespace,
            Edit::Owner,
            Some(meant),
            message,
        )
    };
    if let Some(official) = asked.corpus.official(name) {
        let meant = &official.repository;
        let message = format!(
            "\"{namespace}\" is nobody known here, and {meant} is the official image of that name"
        );
        return Some(tell("borrowed-name", meant, message));
    }
    let telling = name.len() >= SHORT && !COMMON.contains(&name);
    let image = asked
        .corpus
        .images_called(name)
        .find(|image| telling && image.strength >= STRONG)?;
    let meant = &image.repository;
    let message = format!(
        "\"{namespace}\" is nobody known here, and {meant} is the best known image of that name"
    );
    Some(tell("popular-name-elsewhere", meant, message))
}

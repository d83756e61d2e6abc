//! A well-known path with its parts in the other order: `redis/bitnami`.

use crate::names::asked::Asked;
use crate::names::{Component, Edit, Suspicion, Tier};

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let other = format!("{}/{}/{}", asked.host, asked.name, asked.namespace);
    let meant = &asked
        .corpus
        .image_named(&other)
        .filter(|_| !asked.namespace.contains('/'))?
        .repository;
    let message = format!("\"{}\" {} {meant}", asked.path, Edit::Order.words());
    Some(asked.suspicion(
        "swapped-path",
        Tier::Warn,
        Component::Namespace,
        Edit::Order,
        Some(meant),
        message,
    ))
}

//! Docker Hub namespaces that cannot exist: Docker IDs have 4 to 30 lower-case letters and digits, GitHub's have more.

use crate::names::asked::Asked;
use crate::names::{Component, Edit, Suspicion, Tier};
use crate::oci::Repository;

/// Where projects with such GitHub names publish.
const INSTEAD: [&str; 2] = ["ghcr.io", "quay.io"];
/// What Docker Hub asks of a Docker ID (Docker's documentation, "Create a Docker account").
const LENGTH: std::ops::RangeInclusive<usize> = 4..=30;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let (namespace, _) = asked
        .path
        .split_once('/')
        .filter(|_| asked.on_docker_hub())?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if LENGTH.contains(&namespace.len()) && namespace.bytes().all(plain) {
        return None;
    }
    let message = format!(
        "no Docker Hub namespace can be called \"{namespace}\": they have 4 to 30 letters and digits"
    );
    let component = Component::Namespace;
    let mut found = asked.suspicion(
        "impossible-namespace",
        Tier::Block,
        component,
        Edit::Grammar,
        None,
        message,
    );
    let elsewhere = INSTEAD
        .iter()
        .filter_map(|host| Repository::new(host, asked.path).ok());
    let mut elsewhere: Vec<Repository> = elsewhere.collect();
    elsewhere.sort_by_key(|repository| !asked.corpus.knows(repository));
    found.suggestions = elsewhere
        .iter()
        .map(|meant| asked.in_place_of(meant))
        .collect();
    Some(found)
}

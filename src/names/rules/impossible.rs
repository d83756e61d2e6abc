//! Docker Hub namespaces that cannot exist: Docker IDs have 4 to 30 lower-case letters and digits, GitHub's have more.

use super::namespace;
use crate::names::{Corpus, NameRules, Suspicion, Tier};
use crate::oci::{DOCKER_HUB, Reference, Repository};

/// Where projects with such GitHub names publish.
const INSTEAD: [&str; 2] = ["ghcr.io", "quay.io"];
/// Docker's own namespaces that are shorter than an ID can be.
const DOCKERS_OWN: [&str; 2] = ["mcp", "ai"];

pub(in crate::names) fn check(
    reference: &Reference,
    corpus: &Corpus,
    operator: &NameRules,
) -> Option<Suspicion> {
    let repository = reference.repository();
    let (namespace, _) = repository
        .path()
        .split_once('/')
        .filter(|_| repository.host() == DOCKER_HUB)?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let possible = (4..=30).contains(&namespace.len()) && namespace.bytes().all(plain);
    if possible
        || DOCKERS_OWN.contains(&namespace)
        || corpus.knows_namespace(&format!("{DOCKER_HUB}/{namespace}"))
    {
        return None;
    }
    let near = namespace::check(reference, corpus, operator).map(|near| near.suggestions);
    let elsewhere = INSTEAD
        .iter()
        .filter_map(|host| Repository::new(host, repository.path()).ok());
    let elsewhere = elsewhere.map(|repository| reference.in_repository(repository));
    Some(Suspicion {
        rule: "impossible-namespace",
        tier: Tier::Block,
        message: format!(
            "no Docker Hub namespace can be called \"{namespace}\": they have 4 to 30 letters and digits"
        ),
        suggestions: near.into_iter().flatten().chain(elsewhere).collect(),
    })
}

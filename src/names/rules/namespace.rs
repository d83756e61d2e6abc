//! Open namespaces: one that nobody knows, nearly the one of a well-known image of the same name.

use crate::names::corpus::Protected;
use crate::names::{Corpus, Edit, NameRules, Suspicion, Tier, classify};
use crate::oci::{DOCKER_HUB, Reference};

/// Shortest namespace of which one edit is believed to be a mistake.
const SHORT: usize = 4;
/// From this length on two edits are.
const LONG: usize = 8;
/// Tier from which a look-alike is blocked rather than warned of.
const STRONG: u8 = 2;

pub(in crate::names) fn check(
    reference: &Reference,
    corpus: &Corpus,
    operator: &NameRules,
) -> Option<Suspicion> {
    let repository = reference.repository();
    let (namespace, name) = repository.path().rsplit_once('/')?;
    if corpus.knows_namespace(repository.as_str().rsplit_once('/')?.0) {
        return None;
    }
    let (host, path) = (repository.host(), repository.path());
    let own = operator.protect.iter().filter(|own| own.host() == host);
    let own: Vec<Protected> = own
        .map(|own| Protected {
            repository: own.clone(),
            tier: 3,
        })
        .collect();
    let candidates = corpus.near_length(host, path.len(), 2).chain(&own);
    let likely = candidates.filter_map(|protected| {
        let tier = suspect(host, namespace, name, protected)?;
        let meant = &protected.repository;
        Some((
            (
                std::cmp::Reverse(tier),
                strsim::osa_distance(path, meant.path()),
                meant.as_str(),
            ),
            tier,
            meant,
        ))
    });
    let Some((_, tier, meant)) = likely.min_by_key(|(rank, ..)| *rank) else {
        return brand(reference, host, namespace, name, corpus);
    };
    let message = format!(
        "\"{path}\" is {} {meant}",
        classify(path, meant.path())?.words()
    );
    let suggestions = vec![reference.in_repository(meant.clone())];
    Some(Suspicion {
        rule: "namespace-typo",
        tier,
        message,
        suggestions,
    })
}

/// The image is not known, but its namespace is nearly one that is.
fn brand(
    reference: &Reference,
    host: &str,
    namespace: &str,
    name: &str,
    corpus: &Corpus,
) -> Option<Suspicion> {
    let known = corpus
        .namespaces_of(host)
        .filter(|(_, tier)| *tier >= STRONG);
    let near = known.filter_map(|(known, _)| Some((closeness(namespace, known)?, known)));
    let (_, meant) = near
        .filter(|(_, known)| starts_alike(namespace, known))
        .min()?;
    let message = format!(
        "the namespace \"{namespace}\" is {} {host}/{meant}",
        classify(namespace, meant)?.words()
    );
    let better = crate::oci::Repository::new(host, &format!("{meant}/{name}")).ok()?;
    let suggestions = vec![reference.in_repository(better)];
    Some(Suspicion {
        rule: "namespace-brand",
        tier: Tier::Warn,
        message,
        suggestions,
    })
}

/// The distance of two namespaces, where it is small enough for a mistake.
fn closeness(namespace: &str, known: &str) -> Option<usize> {
    let distance = strsim::osa_distance(namespace, known);
    let close = if known.len() >= LONG { 2 } else { 1 };
    (distance > 0 && distance <= close && known.len() >= SHORT).then_some(distance)
}

fn starts_alike(namespace: &str, known: &str) -> bool {
    namespace.chars().next() == known.chars().next()
        || classify(namespace, known) == Some(Edit::Transposition)
}

fn suspect(host: &str, namespace: &str, name: &str, protected: &Protected) -> Option<Tier> {
    let (theirs, their_name) = protected.repository.path().rsplit_once('/')?;
    closeness(namespace, theirs)?;
    let strong = protected.tier >= STRONG || (host == DOCKER_HUB && theirs == "library");
    match (
        name == their_name,
        starts_alike(namespace, theirs) && strong,
    ) {
        (true, true) => Some(Tier::Block),
        (true, false) => Some(Tier::Warn),
        (false, true) if strsim::osa_distance(name, their_name) == 1 => Some(Tier::Warn),
        _ => None,
    }
}

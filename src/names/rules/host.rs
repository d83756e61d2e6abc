//! Registry hosts that are nearly a well-known one: never contacted, whoever answers there gets no credential.

use crate::names::{Corpus, NameRules, Suspicion, Tier, classify};
use crate::oci::{Reference, Repository};

/// From this length on two edits are still a likely mistake.
const LONG_HOST: usize = 12;

pub(in crate::names) fn check(
    reference: &Reference,
    corpus: &Corpus,
    operator: &NameRules,
) -> Option<Suspicion> {
    let host = reference.repository().host();
    let known = || operator.registries.iter().chain(corpus.hosts());
    if known().any(|known| known == host) {
        return None;
    }
    let likely = known().filter_map(|known| {
        Some((
            strsim::osa_distance(host, known),
            known,
            likeness(host, known)?,
        ))
    });
    let (_, meant, how) = likely.min_by_key(|(distance, ..)| *distance)?;
    let better = Repository::new(meant, reference.repository().path()).ok();
    Some(Suspicion {
        rule: "host-typo",
        tier: Tier::Block,
        message: format!("the registry \"{host}\" {how} {meant}"),
        suggestions: better
            .map(|better| reference.in_repository(better))
            .into_iter()
            .collect(),
    })
}

/// What makes a host look like a known one, in words.
fn likeness(host: &str, known: &str) -> Option<String> {
    let distance = strsim::osa_distance(host, known);
    let close = if known.len() >= LONG_HOST { 2 } else { 1 };
    if distance <= close {
        return classify(host, known).map(|edit| format!("is {}", edit.words()));
    }
    if skeleton(host) == skeleton(known) {
        return Some("is written to look like".to_owned());
    }
    let dashed = known.replace('.', "-");
    if [
        format!("{known}."),
        format!("{dashed}."),
        format!("{known}-"),
    ]
    .iter()
    .any(|start| host.starts_with(start))
    {
        return Some("begins with the name of".to_owned());
    }
    let (name, known_name) = (host.rsplit_once('.')?.0, known.rsplit_once('.')?.0);
    (name == known_name && name.len() >= 4).then(|| "has another ending than".to_owned())
}

/// Characters that are mistaken for each other made one.
fn skeleton(host: &str) -> String {
    host.replace("rn", "m")
        .replace("vv", "w")
        .replace('0', "o")
        .replace(['1', 'i'], "l")
        .replace('5', "s")
}

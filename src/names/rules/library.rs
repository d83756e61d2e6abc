//! `docker.io/library` is closed: what is not an official image cannot be pulled from there, so a near miss is one.

use crate::names::{Corpus, Suspicion, Tier, classify};
use crate::oci::{DOCKER_HUB, Reference, Tag};

/// From this length on two edits are still a likely mistake.
const LONG_NAME: usize = 6;
/// Shorter names are near too many others.
const SHORT_NAME: usize = 3;

pub(in crate::names) fn check(reference: &Reference, corpus: &Corpus) -> Option<Suspicion> {
    let repository = reference.repository();
    let name = repository
        .path()
        .strip_prefix("library/")
        .filter(|_| repository.host() == DOCKER_HUB)?;
    let unknown = || {
        suspicion(
            "closed-library-unknown",
            Tier::Hint,
            format!("\"{name}\" is none of the official images known here"),
            None,
        )
    };
    alias(reference, name, corpus)
        .or_else(|| tag_in_name(name, corpus))
        .or_else(|| near(reference, name, corpus))
        .or_else(|| Some(unknown()))
}

fn alias(reference: &Reference, name: &str, corpus: &Corpus) -> Option<Suspicion> {
    let meant = corpus
        .alias(name)
        .and_then(|meant| corpus.official(meant))?;
    let message = format!("there is no official image \"{name}\"; it is called {meant}");
    Some(suspicion(
        "closed-library-alias",
        Tier::Block,
        message,
        Some(reference.in_repository(meant)),
    ))
}

fn near(reference: &Reference, name: &str, corpus: &Corpus) -> Option<Suspicion> {
    let length = reference.repository().path().len();
    let candidates = corpus
        .near_length(DOCKER_HUB, length, 2)
        .filter_map(|protected| {
            let known = protected.repository.path().strip_prefix("library/")?;
            let distance = strsim::osa_distance(name, known);
            let close = if known.len().min(name.len()) >= LONG_NAME {
                2
            } else {
                1
            };
            (distance <= close && known.len() >= SHORT_NAME).then_some((
                distance,
                u8::MAX - protected.tier,
                known,
                protected,
            ))
        });
    let (.., known, protected) =
        candidates.min_by_key(|(distance, weakness, known, _)| (*distance, *weakness, *known))?;
    let message = format!(
        "\"{name}\" is {} {}",
        classify(name, known)?.words(),
        protected.repository
    );
    let meant = reference.in_repository(protected.repository.clone());
    Some(suspicion("name-typo", Tier::Block, message, Some(meant)))
}

/// `redis-alpine`, `tomcat9`, `redis/7`: the tag became part of the name.
fn tag_in_name(name: &str, corpus: &Corpus) -> Option<Suspicion> {
    let at_separator = name.split_once(['-', '_', '/']);
    let digit = name.find(|c: char| c.is_ascii_digit());
    let (official, tag) = at_separator.or_else(|| name.split_at_checked(digit?))?;
    let meant = corpus.official(official)?;
    let tag: Tag = tag.parse().ok()?;
    let message =
        format!("there is no official image \"{name}\"; \"{tag}\" looks like a tag of {meant}");
    Some(suspicion(
        "closed-library-tag",
        Tier::Warn,
        message,
        Some(meant.at_tag(tag)),
    ))
}

fn suspicion(
    rule: &'static str,
    tier: Tier,
    message: String,
    meant: Option<Reference>,
) -> Suspicion {
    Suspicion {
        rule,
        tier,
        message,
        suggestions: meant.into_iter().collect(),
    }
}

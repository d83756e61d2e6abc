//! An image's name where its owner's should be: `eclipse-temurin/17-jdk`, `prometheus/prometheus`.

use crate::names::asked::{Asked, starts_with_digit};
use crate::names::{Component, Edit, Suspicion, Tier};

/// First words of tags that official images have.
const TAG_WORDS: [&str; 22] = [
    "latest", "alpine", "slim", "stable", "lts", "jdk", "jre", "jdk8", "jdk11", "jdk17", "jdk21",
    "bookworm", "bullseye", "buster", "trixie", "jammy", "noble", "focal", "fpm", "edge", "rc",
    "beta",
];
/// Strength from which a name is believed to be the one that is meant.
const STRONG: u8 = 2;
/// Strength of official images and of what is known by several measures.
const STRONGEST: u8 = 3;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    if !asked.on_docker_hub() {
        return None;
    }
    tag_after_slash(asked).or_else(|| doubled(asked))
}

fn tag_after_slash(asked: &Asked<'_>) -> Option<Suspicion> {
    let image = asked
        .corpus
        .official(asked.namespace)
        .filter(|_| is_tag(asked.name))?;
    let meant = &image.repository;
    let better = asked.at_written_tag(meant, asked.name)?;
    let message = format!(
        "\"{}\" has a slash where {meant} has a colon: \"{}\" looks like its tag",
        asked.path, asked.name
    );
    let component = Component::Namespace;
    let mut found = asked.suspicion(
        "tag-after-slash",
        Tier::Block,
        component,
        Edit::Tag,
        Some(meant),
        message,
    );
    found.suggestions = vec![better];
    Some(found)
}

fn doubled(asked: &Asked<'_>) -> Option<Suspicion> {
    let called = asked
        .corpus
        .images_called(asked.name)
        .filter(|_| asked.namespace == asked.name);
    let called: Vec<_> = called.filter(|image| image.strength >= STRONG).collect();
    let best = called.first()?;
    // A project that publishes under its own name is the ordinary case; one of the best known is surely elsewhere.
    let tier = if best.strength >= STRONGEST {
        Tier::Warn
    } else {
        Tier::Hint
    };
    let (meant, best) = (&called, &best.repository);
    let message = format!(
        "\"{}\" names the image twice, and nobody known here; it is {best}",
        asked.path
    );
    let component = Component::Namespace;
    let mut found = asked.suspicion(
        "name-doubled",
        tier,
        component,
        Edit::Order,
        Some(best),
        message,
    );
    found.suggestions = meant
        .iter()
        .map(|image| asked.in_place_of(&image.repository))
        .collect();
    Some(found)
}

fn is_tag(name: &str) -> bool {
    let first = name.split(['-', '.', '_']).next().unwrap_or_default();
    starts_with_digit(name)
        || starts_with_digit(name.trim_start_matches('v'))
        || TAG_WORDS.contains(&first)
}

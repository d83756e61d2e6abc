//! A well-known namespace with a word added or left out: `bitnamiofficial/redis`, `confluent/cp-kafka`.

use crate::names::asked::{Asked, LIBRARY};
use crate::names::corpus::Image;
use crate::names::{Component, Edit, Suspicion, Tier};

/// Words that are put before or after a brand, and claim to be it.
const ADDED: [&str; 32] = [
    "official",
    "docker",
    "hub",
    "images",
    "image",
    "inc",
    "io",
    "team",
    "org",
    "hq",
    "dev",
    "labs",
    "lab",
    "project",
    "community",
    "foundation",
    "app",
    "apps",
    "software",
    "tech",
    "cloud",
    "com",
    "corp",
    "the",
    "get",
    "my",
    "real",
    "original",
    "server",
    "oss",
    "1",
    "2",
];
/// Words that companies have in their namespaces and people forget.
const FORGOTTEN: [&str; 12] = [
    "inc",
    "io",
    "hq",
    "team",
    "org",
    "labs",
    "project",
    "community",
    "oss",
    "tech",
    "server",
    "app",
];
/// Other words for the namespace of official images.
const LIBRARIES: [&str; 4] = ["libraries", "officialimages", "dockerofficial", "official"];
/// Shorter brands are words of their own.
const SHORT: usize = 4;
/// Strength from which a name is worth a squat.
const STRONG: u8 = 2;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let whole = asked.namespace;
    // `jupyterhub/jupyterhub`: a project of that name, not a brand with a word more.
    if whole == asked.name {
        return None;
    }
    let added = ADDED
        .iter()
        .filter_map(|word| Some((*word, without(whole, word)?)));
    let mut likely = added.filter(|(_, brand)| brand.len() >= SHORT);
    if let Some(found) = likely.find_map(|(word, brand)| {
        let image = listed(asked, brand).or_else(|| branded(asked, brand))?;
        let claims = word == "official"
            || image.repository.path().starts_with("library/") && brand == LIBRARY;
        let tier = if claims && image.strength >= STRONG {
            Tier::Block
        } else {
            Tier::Warn
        };
        Some(suspicion(asked, tier, image))
    }) {
        return Some(found);
    }
    if LIBRARIES.contains(&whole) && asked.on_docker_hub() {
        return asked
            .corpus
            .official(asked.name)
            .map(|image| suspicion(asked, Tier::Warn, image));
    }
    let mut forgotten = FORGOTTEN.iter().filter(|_| whole.len() >= SHORT);
    let image = forgotten.find_map(|word| listed(asked, &format!("{whole}{word}")))?;
    Some(suspicion(asked, Tier::Warn, image))
}

/// The namespace without the word and what joins them.
fn without<'a>(namespace: &'a str, word: &str) -> Option<&'a str> {
    let joints = ['-', '_', '.'];
    let after = namespace
        .strip_suffix(word)
        .map(|brand| brand.trim_end_matches(joints));
    after.or_else(|| {
        namespace
            .strip_prefix(word)
            .map(|brand| brand.trim_start_matches(joints))
    })
}

fn listed<'a>(asked: &Asked<'a>, namespace: &str) -> Option<&'a Image> {
    asked
        .corpus
        .image_named(&format!("{}/{namespace}/{}", asked.host, asked.name))
}

/// `redisofficial/redis`: the brand is an official image's name.
fn branded<'a>(asked: &Asked<'a>, brand: &str) -> Option<&'a Image> {
    let official = asked.on_docker_hub() && brand == asked.name;
    official.then(|| asked.corpus.official(brand)).flatten()
}

fn suspicion(asked: &Asked<'_>, tier: Tier, image: &Image) -> Suspicion {
    let meant = &image.repository;
    let message = format!("\"{}\" {} {meant}", asked.path, Edit::Affix.words());
    asked.suspicion(
        "namespace-affix",
        tier,
        Component::Namespace,
        Edit::Affix,
        Some(meant),
        message,
    )
}

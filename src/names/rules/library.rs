//! `docker.io/library` is closed: what is not an official image cannot be pulled from there, so a near miss is one.

use crate::names::asked::{Asked, starts_with_digit};
use crate::names::edit::{begins_alike, skeleton};
use crate::names::{Component, Edit, Suspicion, Tier};
use crate::oci::Repository;

/// Shorter names are near too many others.
const SHORT: usize = 3;
/// Shortest name of which another first letter is believed to be a mistake: people seldom miss that one.
const OTHER_BEGINNING: usize = 6;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let name = asked.official_name()?;
    alias(asked, name)
        .or_else(|| tag_in_name(asked, name))
        .or_else(|| near(asked, name))
        .or_else(|| {
            let message = format!("\"{name}\" is none of the official images known here");
            Some(suspicion(
                asked,
                "closed-library-unknown",
                Tier::Hint,
                Edit::Grammar,
                None,
                message,
            ))
        })
}

fn alias(asked: &Asked<'_>, name: &str) -> Option<Suspicion> {
    let meant = asked.corpus.alias(name)?;
    let message = format!("there is no official image \"{name}\"; it is called {meant}");
    Some(suspicion(
        asked,
        "closed-library-alias",
        Tier::Block,
        Edit::OtherName,
        Some(meant),
        message,
    ))
}

fn near(asked: &Asked<'_>, name: &str) -> Option<Suspicion> {
    let plain = skeleton(name);
    let mut likely: Vec<_> = asked
        .corpus
        .officials_near(name)
        .filter_map(|(image, edit)| {
            let known = image.repository.path().strip_prefix("library/")?;
            let alike = begins_alike(name, known, edit) || skeleton(known) == plain;
            // All letters there and none besides is as good as one edit: `phyton`.
            let distance = if same_letters(name, known) {
                1
            } else {
                edit.distance()
            };
            let rank = (distance, !alike, usize::MAX - image.measures, edit, known);
            let sure = alike || (distance <= 1 && known.len() >= OTHER_BEGINNING);
            let tier = if sure { Tier::Block } else { Tier::Warn };
            (known.len().min(name.len()) >= SHORT).then_some((rank, tier, edit, &image.repository))
        })
        .collect();
    likely.sort_by_key(|(rank, ..)| *rank);
    let (_, tier, edit, meant) = likely.first()?;
    let message = format!("\"{name}\" {} {meant}", edit.words());
    let mut found = suspicion(asked, "name-typo", *tier, *edit, Some(meant), message);
    found.suggestions = likely
        .iter()
        .map(|(.., meant)| asked.in_place_of(meant))
        .collect();
    Some(found)
}

fn same_letters(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters = text.as_bytes().to_vec();
        letters.sort_unstable();
        letters
    };
    a.len() == b.len() && sorted(a) == sorted(b)
}

/// `redis-alpine`, `tomcat9`, `redis/7`: the tag became part of the name.
fn tag_in_name(asked: &Asked<'_>, name: &str) -> Option<Suspicion> {
    let official = |official: &str| asked.corpus.official(official);
    let at_separator = || {
        let mut cuts = name.match_indices(['-', '_', '/']);
        cuts.find_map(|(at, _)| {
            let (official_name, tag) = name.split_at_checked(at)?;
            Some((
                official(official_name)?,
                tag.trim_start_matches(['-', '_', '/']),
            ))
        })
    };
    let at_digit = || {
        let at = name.find(|c: char| c.is_ascii_digit())?;
        let (official_name, tag) = name.split_at_checked(at)?;
        Some((official(official_name)?, tag)).filter(|(_, tag)| starts_with_digit(tag))
    };
    let (image, tag) = at_separator().or_else(at_digit)?;
    let meant = &image.repository;
    let better = asked.at_written_tag(meant, tag)?;
    let message =
        format!("there is no official image \"{name}\"; \"{tag}\" looks like a tag of {meant}");
    let mut found = suspicion(
        asked,
        "closed-library-tag",
        Tier::Block,
        Edit::Tag,
        Some(meant),
        message,
    );
    found.suggestions = vec![better];
    Some(found)
}

fn suspicion(
    asked: &Asked<'_>,
    rule: &'static str,
    tier: Tier,
    edit: Edit,
    meant: Option<&Repository>,
    message: String,
) -> Suspicion {
    asked.suspicion(rule, tier, Component::Repository, edit, meant, message)
}

//! An official image's name, misspelt, under somebody unknown: neither the name nor the owner is the official one.

use crate::names::asked::Asked;
use crate::names::edit::begins_alike;
use crate::names::{Component, Edit, Suspicion, Tier};

/// Shorter names are near too many honest ones.
const SHORT: usize = 5;
/// In shorter names another letter makes another word more often than a mistake: `store`, `crane`, `proton`.
const SHORT_FOR_ANOTHER_LETTER: usize = 7;
/// Strength of today's official images.
const CURRENT: u8 = 3;

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.'))
}

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let name = asked.name;
    if !asked.on_docker_hub() || asked.corpus.images_called(name).next().is_some() {
        return None;
    }
    let likely = asked
        .corpus
        .officials_near(name)
        .filter_map(|(image, edit)| {
            let known = image.repository.path().strip_prefix("library/")?;
            let fits = known.len() >= SHORT && image.strength >= CURRENT && edit.distance() == 1;
            (fits && begins_alike(name, known, edit)).then_some((edit, known, &image.repository))
        });
    let (edit, known, meant) = likely.min()?;
    // `mongos` and `mysqld` are tools of their own, and `helloworld` is `hello-world` written another way.
    let own =
        name.starts_with(known) || known.starts_with(name) || letters(name).eq(letters(known));
    let word = edit == Edit::Substitution && known.len() < SHORT_FOR_ANOTHER_LETTER;
    let tier = if own || word { Tier::Hint } else { Tier::Warn };
    let message = format!(
        "\"{name}\" {} {meant}, and \"{}\" is nobody known here",
        edit.words(),
        asked.namespace
    );
    Some(asked.suspicion(
        "misspelt-official",
        tier,
        Component::Repository,
        edit,
        Some(meant),
        message,
    ))
}

//! A misspelt image in a well-known namespace: its owner's, and no squat. Most likely it does not exist.

use crate::names::asked::Asked;
use crate::names::{Component, Edit, Suspicion, Tier};

/// Shortest name of which an edit is believed to be a mistake.
const SHORT: usize = 4;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let namespace = asked.corpus.namespace_at(asked.host, asked.namespace)?;
    let images = namespace
        .images
        .iter()
        .filter_map(|at| asked.corpus.image(*at));
    let near = images.filter_map(|image| {
        let path = image.repository.path();
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let edit = Edit::between(asked.name, name, 1).filter(|_| name.len() >= SHORT)?;
        Some((edit, &image.repository))
    });
    let (edit, meant) = near.min()?;
    let message = format!("\"{}\" {} {meant}", asked.name, edit.words());
    Some(asked.suspicion(
        "repository-typo",
        Tier::Hint,
        Component::Repository,
        edit,
        Some(meant),
        message,
    ))
}

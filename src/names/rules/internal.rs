//! Dependency confusion: our own internal names, and near misses of them, asked of a public registry.

use crate::names::asked::Asked;
use crate::names::edit::{begins_alike, skeleton};
use crate::names::operator::Pattern;
use crate::names::{Component, Edit, Suspicion, Tier};

/// Shortest namespace of which an edit is believed to be a mistake.
const SHORT: usize = 4;
/// Shortest namespace of which two are.
const LONG: usize = 8;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let repository = asked.repository;
    if asked
        .operator
        .internal()
        .any(|internal| internal.matches(repository))
    {
        let message = format!(
            "{repository} is one of our own names and must not come from a public registry"
        );
        let component = Component::Namespace;
        return Some(asked.suspicion(
            "internal-name",
            Tier::Block,
            component,
            Edit::Owner,
            None,
            message,
        ));
    }
    if asked.corpus.knows_namespace(asked.place) || asked.operator.protects(repository) {
        return None;
    }
    let (edit, theirs) = asked
        .operator
        .internal()
        .find_map(|internal| near(asked, internal))?;
    let message = format!(
        "\"{}\" {} our own \"{theirs}\", which must not come from a public registry",
        asked.path,
        edit.words()
    );
    Some(asked.suspicion(
        "internal-near-miss",
        Tier::Block,
        Component::Namespace,
        edit,
        None,
        message,
    ))
}

fn near<'a>(asked: &Asked<'_>, internal: Pattern<'a>) -> Option<(Edit, &'a str)> {
    let theirs = internal.namespace;
    let segments = theirs.split('/').count();
    let ours: Vec<&str> = asked.namespace.split('/').take(segments).collect();
    let ours = ours.join("/");
    let other_name = internal.name.is_some_and(|name| name != asked.name);
    let elsewhere = internal.host.is_some_and(|host| host != asked.host);
    if theirs.len() < SHORT || other_name || elsewhere {
        return None;
    }
    let within = if theirs.len() >= LONG { 2 } else { 1 };
    let alike =
        || (ours != theirs && skeleton(&ours) == skeleton(theirs)).then_some(Edit::Confusable);
    let edit = Edit::between(&ours, theirs, within)
        .filter(|edit| begins_alike(&ours, theirs, *edit))
        .or_else(alike)?;
    Some((edit, theirs))
}

//! Registry hosts that are nearly a well-known one: never contacted, whoever answers there gets no credential.

use crate::names::asked::Asked;
use crate::names::corpus::Host;
use crate::names::edit::skeleton;
use crate::names::{Component, Edit, Suspicion, Tier};
use crate::oci::Repository;

/// Shortest known host that means something inside a longer one.
const SHORT_INSIDE: usize = 6;

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let listed = asked
        .operator
        .registries
        .iter()
        .any(|listed| listed == asked.host);
    let name = asked
        .host
        .split(':')
        .next()
        .filter(|name| is_domain(name))?;
    let corpus = asked.corpus;
    if listed || corpus.host(name).is_some() || corpus.in_family(name) {
        return None;
    }
    let mut near: Vec<_> = corpus
        .hosts_near(name)
        .map(|(rank, host, edit)| (edit, rank, host))
        .collect();
    near.sort_by_key(|(edit, rank, _)| (*edit, *rank));
    if let Some((edit, _, host)) = near.first() {
        let meant = near.iter().map(|(.., host)| *host);
        return Some(suspicion(
            asked,
            "host-typo",
            *edit,
            edit.words(),
            &host.name,
            meant,
        ));
    }
    let operators = asked.operator.registries.iter();
    if let Some((host, edit)) = operators
        .filter_map(|own| Some((own, Edit::between(name, own, 1)?)))
        .next()
    {
        let mut found = suspicion(asked, "host-typo", edit, edit.words(), host, [].into_iter());
        found
            .suggestions
            .extend(in_registry(asked, host).map(|meant| asked.in_place_of(&meant)));
        return Some(found);
    }
    let (host, edit, words) = lookalike(name, corpus.hosts())?;
    Some(suspicion(
        asked,
        "host-lookalike",
        edit,
        words,
        &host.name,
        [host].into_iter(),
    ))
}

/// A host that somebody could register: not an address, not a word of the local network.
fn is_domain(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, last)| last.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// Hosts made to be read as a known one.
fn lookalike<'a>(name: &str, known: &'a [Host]) -> Option<(&'a Host, Edit, &'static str)> {
    let (plain, dashed) = (skeleton(name), name.replace('.', "-"));
    let encoded = name.split('.').any(|label| label.starts_with("xn--"));
    known.iter().find_map(|host| {
        let found = if encoded {
            (Edit::Confusable, "is written in letters that may look like")
        } else if plain == host.skeleton {
            (Edit::Confusable, Edit::Confusable.words())
        } else if holds(&dashed, &host.name) {
            (Edit::Affix, "contains the name of")
        } else if same_but_ending(name, &host.name) {
            (Edit::OtherName, "has another ending than")
        } else {
            return None;
        };
        Some((host, found.0, found.1))
    })
}

/// Whether the known host's labels stand in the other between separators: `docker-io.example`.
fn holds(dashed: &str, known: &str) -> bool {
    let boundary = |byte: Option<u8>| byte.is_none_or(|byte| byte == b'-');
    let known = known.replace('.', "-");
    known.len() >= SHORT_INSIDE
        && dashed.match_indices(&known).any(|(at, _)| {
            let bytes = dashed.as_bytes();
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            boundary(before.copied()) && boundary(bytes.get(at + known.len()).copied())
        })
}

fn same_but_ending(name: &str, known: &str) -> bool {
    let ending = |name: &str| name.rsplit_once('.').map(|(name, _)| name.to_owned());
    ending(name).is_some_and(|name| name.len() >= 3 && Some(name) == ending(known))
}

fn in_registry(asked: &Asked<'_>, host: &str) -> Option<Repository> {
    Repository::new(host, asked.path).ok()
}

fn suspicion<'a>(
    asked: &Asked<'_>,
    rule: &'static str,
    edit: Edit,
    words: &str,
    known: &str,
    meant: impl Iterator<Item = &'a Host>,
) -> Suspicion {
    let message = format!("the registry \"{}\" {words} {known}", asked.host);
    let meant: Vec<Repository> = meant
        .filter_map(|host| in_registry(asked, host.moved.as_deref().unwrap_or(&host.name)))
        .collect();
    let mut found = asked.suspicion(
        rule,
        Tier::Block,
        Component::Host,
        edit,
        meant.first(),
        message,
    );
    found.suggestions = meant.iter().map(|meant| asked.in_place_of(meant)).collect();
    found
}

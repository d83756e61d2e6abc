//! A namespace that nobody knows, nearly the one of a well-known image.

use crate::names::asked::{Asked, LIBRARY};
use crate::names::corpus::{Image, Namespace};
use crate::names::edit::{begins_alike, skeleton};
use crate::names::operator::Pattern;
use crate::names::{Component, Edit, Suspicion, Tier};
use crate::oci::Repository;

/// Shortest namespace of which an edit is believed to be a mistake.
const SHORT: usize = 4;
/// Shortest own namespace of which two are.
const LONG: usize = 8;
/// Shortest namespace that says enough without an image that is known.
const BRAND: usize = 6;
/// Strength from which a name is worth a squat.
const STRONG: u8 = 2;

struct Likely {
    tier: Tier,
    edit: Edit,
    meant: Repository,
    /// Only the namespace is known; the image may not exist there.
    brand: bool,
}

pub(in crate::names) fn check(asked: &Asked<'_>) -> Option<Suspicion> {
    let near = asked.corpus.namespaces_near(asked.host, asked.namespace);
    let known = near.filter_map(|(namespace, edit)| like_known(asked, namespace, edit));
    let own = asked.operator.own().filter_map(|own| like_own(asked, own));
    let mut likely: Vec<Likely> = own.chain(known).collect();
    likely.sort_by(|a, b| (b.tier, a.edit, &a.meant).cmp(&(a.tier, b.edit, &b.meant)));
    let best = likely.first()?;
    let (this, that) = if best.brand {
        (asked.namespace, best.meant.as_str().rsplit_once('/')?.0)
    } else {
        (asked.path, best.meant.as_str())
    };
    let message = format!("\"{this}\" {} {that}", best.edit.words());
    let rule = match best.edit {
        Edit::Confusable => "namespace-confusable",
        _ => "namespace-typo",
    };
    let component = Component::Namespace;
    let mut found = asked.suspicion(
        rule,
        best.tier,
        component,
        best.edit,
        Some(&best.meant),
        message,
    );
    found.suggestions = likely
        .iter()
        .map(|likely| asked.in_place_of(&likely.meant))
        .collect();
    Some(found)
}

fn like_known(asked: &Asked<'_>, known: &Namespace, edit: Edit) -> Option<Likely> {
    let theirs = &*known.name;
    if theirs.len() < SHORT {
        return None;
    }
    let sure = edit == Edit::Confusable || begins_alike(asked.namespace, theirs, edit);
    let full = [asked.host, theirs, asked.name].join("/");
    if let Some(image) = asked.corpus.image_named(&full) {
        let tier = if sure && image.strength >= STRONG {
            Tier::Block
        } else {
            Tier::Warn
        };
        return Some(Likely {
            tier,
            edit,
            meant: image.repository.clone(),
            brand: false,
        });
    }
    if !sure {
        return None;
    }
    let close = |image: &&Image| {
        let known = image.repository.path().rsplit_once('/');
        known.is_some_and(|(_, name)| Edit::between(asked.name, name, 1).is_some())
    };
    let images = known.images.iter().filter_map(|at| asked.corpus.image(*at));
    if let Some(image) = images
        .filter(|_| asked.name.len() > SHORT)
        .find(|image| close(image))
    {
        let both = Edit::Several(edit.distance() + 1);
        return Some(Likely {
            tier: Tier::Warn,
            edit: both,
            meant: image.repository.clone(),
            brand: false,
        });
    }
    // `ampache/ampache`: a project of that name.
    let own = asked.namespace == asked.name;
    let brand = known.strength >= STRONG && theirs.len() >= BRAND && edit.distance() <= 1 && !own;
    let meant = || Repository::new(asked.host, &format!("{theirs}/{}", asked.name)).ok();
    (brand && theirs != LIBRARY)
        .then(meant)
        .flatten()
        .map(|meant| Likely {
            tier: Tier::Warn,
            edit,
            meant,
            brand: true,
        })
}

fn like_own(asked: &Asked<'_>, own: Pattern<'_>) -> Option<Likely> {
    let theirs = own.namespace;
    let elsewhere = own.host.is_some_and(|host| host != asked.host);
    if elsewhere || theirs.len() < SHORT || own.name.is_some_and(|name| name != asked.name) {
        return None;
    }
    let within = if theirs.len() >= LONG { 2 } else { 1 };
    let alike = || (skeleton(asked.namespace) == skeleton(theirs)).then_some(Edit::Confusable);
    let edit = Edit::between(asked.namespace, theirs, within).or_else(alike)?;
    let meant = Repository::new(asked.host, &format!("{theirs}/{}", asked.name)).ok()?;
    (meant != *asked.repository).then_some(Likely {
        tier: Tier::Block,
        edit,
        meant,
        brand: false,
    })
}

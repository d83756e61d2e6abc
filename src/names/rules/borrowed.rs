//! An official image's name under somebody else's: the commonest shape of malicious images, and of honest ones.
//! No name can tell them apart, so this is a hint and no more.

use crate::names::{Corpus, Suspicion, Tier};
use crate::oci::{DOCKER_HUB, Reference};

pub(in crate::names) fn check(reference: &Reference, corpus: &Corpus) -> Option<Suspicion> {
    let repository = reference.repository();
    let (namespace, name) = repository
        .path()
        .split_once('/')
        .filter(|_| repository.host() == DOCKER_HUB)?;
    if corpus.knows_namespace(&format!("{DOCKER_HUB}/{namespace}")) {
        return None;
    }
    let official = corpus.official(name)?;
    Some(Suspicion {
        rule: "borrowed-name",
        tier: Tier::Hint,
        message: format!(
            "\"{namespace}\" is nobody known here, and {official} is the official image of that name"
        ),
        suggestions: vec![reference.in_repository(official)],
    })
}

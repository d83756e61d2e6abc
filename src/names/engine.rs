//! The engine: exceptions, then what is known, then the rules in their order.

use std::collections::HashSet;

use crate::oci::{Reference, Repository};

use super::asked::Asked;
use super::{Corpus, NameJudgement, NameRules, Suspicion, rules};

/// Most suggestions of one judgement: more than a person reads.
const MAX_SUGGESTIONS: usize = 3;

/// Judges a name against the corpus and what the operator says of names.
pub fn judge(reference: &Reference, corpus: &Corpus, operator: &NameRules) -> NameJudgement {
    let asked = Asked::new(reference, corpus, operator);
    let mut suspicions = suspicions(&asked);
    suspicions.sort_by_key(|found| std::cmp::Reverse(found.tier));
    let mut given = HashSet::new();
    for suspicion in &mut suspicions {
        suspicion
            .suggestions
            .retain(|better| given.len() < MAX_SUGGESTIONS && given.insert(better.clone()));
    }
    NameJudgement {
        suspicions,
        corpus: corpus.version().clone(),
    }
}

/// Whether nobody unknown can be behind the name: it is well known, or strangers cannot publish where it is.
pub fn vetted(repository: &Repository, corpus: &Corpus) -> bool {
    let place = repository.as_str().rsplit_once('/').unwrap_or_default().0;
    corpus.knows_namespace(place) || !corpus.is_open(repository.host())
}

fn suspicions(asked: &Asked<'_>) -> Vec<Suspicion> {
    let repository = asked.repository;
    if asked.operator.allows(repository) {
        // An exception speaks of a name on a registry; it does not open a registry that is not the one meant.
        return rules::host::check(asked).into_iter().collect();
    }
    if let Some(internal) = rules::internal::check(asked) {
        return vec![internal];
    }
    if asked.corpus.knows(repository) || asked.operator.protects(repository) {
        return Vec::new();
    }
    if let Some(host) = rules::host::check(asked) {
        return vec![host];
    }
    if asked.official_name().is_some() {
        return rules::library::check(asked).into_iter().collect();
    }
    if asked.corpus.knows_namespace(asked.place) {
        return rules::repository::check(asked).into_iter().collect();
    }
    if !asked.corpus.is_open(asked.host) {
        return Vec::new();
    }
    let structural: [fn(&Asked<'_>) -> Option<Suspicion>; 7] = [
        rules::namespace::check,
        rules::affix::check,
        rules::official_as_namespace::check,
        rules::swapped::check,
        rules::impossible::check,
        rules::misspelt_official::check,
        rules::borrowed::check,
    ];
    let mut found: Vec<Suspicion> = structural.iter().filter_map(|rule| rule(asked)).collect();
    // A hint has nothing to add to what stops the pull.
    if found.iter().any(Suspicion::stops) {
        found.retain(Suspicion::stops);
    }
    found
}

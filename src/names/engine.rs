//! The engine: rules in their order, first that are about the registry, then about the name.

use crate::oci::{Reference, Repository};

use super::{Corpus, rules};

/// Most suggestions of one suspicion.
const MAX_SUGGESTIONS: usize = 3;

/// What the operator says of names.
#[derive(Clone, Debug, Default)]
pub struct NameRules {
    /// Registries that are meant when they are named.
    pub registries: Vec<String>,
    /// Our own names, protected like the well-known ones.
    pub protect: Vec<Repository>,
}

/// How sure a rule is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Worth a word where the pull fails anyway.
    Hint,
    /// Likely a mistake.
    Warn,
    /// A mistake or an attack.
    Block,
}

/// One reason to believe that another name was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Stable kebab-case name of the rule.
    pub rule: &'static str,
    /// How sure it is.
    pub tier: Tier,
    /// One sentence.
    pub message: String,
    /// What may have been meant, best first.
    pub suggestions: Vec<Reference>,
}

/// What the engine says of a name; no suspicions where it is known or like nothing known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameJudgement {
    /// Worst first.
    pub suspicions: Vec<Suspicion>,
    /// Version of the corpus.
    pub corpus: String,
}

/// Judges a name.
pub fn judge(reference: &Reference, corpus: &Corpus, operator: &NameRules) -> NameJudgement {
    let repository = reference.repository();
    let mut suspicions = Vec::new();
    if !corpus.knows(repository) && !operator.protect.contains(repository) {
        match rules::host::check(reference, corpus, operator) {
            Some(suspicion) => suspicions.push(suspicion),
            None => suspicions.extend(
                rules::library::check(reference, corpus)
                    .or_else(|| rules::impossible::check(reference, corpus, operator))
                    .or_else(|| rules::namespace::check(reference, corpus, operator))
                    .or_else(|| rules::borrowed::check(reference, corpus)),
            ),
        }
    }
    for suspicion in &mut suspicions {
        suspicion.suggestions.truncate(MAX_SUGGESTIONS);
    }
    NameJudgement {
        suspicions,
        corpus: corpus.version().to_owned(),
    }
}

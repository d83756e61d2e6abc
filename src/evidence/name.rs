//! What the name looks like.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::names::{Corpus, NameRules, Suspicion, Tier, judge, vetted};
use crate::oci::Reference;
use crate::policy::{
    Gathered, NameEvidence, NamePolicy, NameSuspicion, Pattern, Standing, SuspicionTier,
};

/// Asks the name engine. It does no I/O, so it is asked before anything is fetched.
pub struct NameCollector {
    corpus: &'static Corpus,
}

impl NameCollector {
    /// Compares with `corpus`.
    pub fn new(corpus: &'static Corpus) -> NameCollector {
        NameCollector { corpus }
    }

    /// What a policy says of names, in the engine's words.
    pub fn rules(names: &NamePolicy) -> NameRules {
        NameRules {
            registries: names.registries.clone(),
            allow: patterns(&names.allow),
            internal: patterns(&names.internal),
            protect: patterns(&names.protect),
        }
    }

    /// The evidence about a name. A crash of the engine is `Unavailable`, like any collector's.
    pub fn collect(&self, reference: &Reference, names: &NamePolicy) -> Gathered<NameEvidence> {
        let operator = NameRules {
            // The policy makes notes of what it allows; the engine would not mention it.
            allow: Vec::new(),
            ..NameCollector::rules(names)
        };
        match catch_unwind(AssertUnwindSafe(|| {
            judge(reference, self.corpus, &operator)
        })) {
            Ok(judged) => Gathered::Found(NameEvidence {
                revoked: Vec::new(),
                suspicions: judged
                    .suspicions
                    .into_iter()
                    // The policy says this itself.
                    .filter(|found| found.rule != "internal-name")
                    .map(suspicion)
                    .collect(),
                standing: if vetted(reference.repository(), self.corpus) {
                    Standing::Vetted
                } else {
                    Standing::New
                },
                namesake: None,
                new_publisher: false,
                reputation: None,
                corpus: judged.corpus.as_ref().to_owned(),
            }),
            Err(_) => {
                Gathered::unavailable("the name engine crashed; the server's log has the reason")
            }
        }
    }
}

fn patterns(patterns: &[Pattern]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| pattern.as_str().to_owned())
        .collect()
}

fn suspicion(found: Suspicion) -> NameSuspicion {
    NameSuspicion {
        rule: found.rule.to_owned(),
        tier: match found.tier {
            Tier::Hint => SuspicionTier::Hint,
            Tier::Warn => SuspicionTier::Warn,
            Tier::Block => SuspicionTier::Block,
        },
        message: found.message,
        suggestions: found.suggestions,
    }
}

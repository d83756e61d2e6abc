//! What the name looks like.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::names::{Corpus, NameRules, Suspicion, Tier, judge};
use crate::oci::Reference;
use crate::policy::{Gathered, NameEvidence, NamePolicy, NameSuspicion, SuspicionTier};

/// Asks the name engine. It does no I/O, so it is asked before anything is fetched.
pub struct NameCollector {
    corpus: &'static Corpus,
}

impl NameCollector {
    /// Compares with `corpus`.
    pub fn new(corpus: &'static Corpus) -> NameCollector {
        NameCollector { corpus }
    }

    /// The evidence about a name. A crash of the engine is `Unavailable`, like any collector's.
    pub fn collect(&self, reference: &Reference, names: &NamePolicy) -> Gathered<NameEvidence> {
        let operator = NameRules {
            registries: names.registries.clone(),
            protect: names
                .protect
                .iter()
                .filter_map(|pattern| pattern.as_str().parse().ok())
                .collect(),
        };
        match catch_unwind(AssertUnwindSafe(|| {
            judge(reference, self.corpus, &operator)
        })) {
            Ok(judged) => Gathered::Found(NameEvidence {
                suspicions: judged.suspicions.into_iter().map(suspicion).collect(),
                corpus: judged.corpus,
            }),
            Err(_) => {
                Gathered::unavailable("the name engine crashed; the server's log has the reason")
            }
        }
    }
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

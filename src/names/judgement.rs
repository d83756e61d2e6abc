//! What the engine says of a name.

use std::sync::Arc;

use crate::oci::{Reference, Repository};

use super::Edit;

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

/// The part of a name that is not what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The registry.
    Host,
    /// The path up to its last segment.
    Namespace,
    /// The last segment of the path.
    Repository,
}

/// One reason to believe that another name was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Stable kebab-case name of the rule.
    pub rule: &'static str,
    /// How sure it is.
    pub tier: Tier,
    /// Where the difference is.
    pub component: Component,
    /// What the difference is.
    pub edit: Edit,
    /// Optimal string alignment distance of the component to the target's; 0 where the edit is no misspelling.
    pub distance: usize,
    /// The name that this one resembles, where it is one.
    pub target: Option<Repository>,
    /// One sentence.
    pub message: String,
    /// What may have been meant, best first.
    pub suggestions: Vec<Reference>,
}

impl Suspicion {
    /// A hint never stops a pull.
    pub(super) fn stops(&self) -> bool {
        self.tier > Tier::Hint
    }
}

/// What the engine says of a name; no suspicions where it is known or like nothing known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameJudgement {
    /// Worst first; no more than three suggestions in all.
    pub suspicions: Vec<Suspicion>,
    /// Version of the corpus.
    pub corpus: Arc<str>,
}

impl NameJudgement {
    /// The worst tier, if there is any suspicion.
    pub fn tier(&self) -> Option<Tier> {
        self.suspicions.first().map(|suspicion| suspicion.tier)
    }
}

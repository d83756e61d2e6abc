//! The name engine: does this image name look like a mistake for, or a squat of, a well-known one? Pure and offline.
//!
//! Edit distance only finds candidates; *which part* of the name differs decides. A name in a well-known
//! namespace is its owner's and no squat; `docker.io/library` is closed, so a near miss there cannot be meant.

mod asked;
mod corpus;
mod edit;
mod engine;
mod judgement;
mod neighbours;
mod operator;
mod rules;
mod table;
#[cfg(test)]
mod tests;

pub use corpus::Corpus;
pub use edit::Edit;
pub use engine::{judge, vetted};
pub use judgement::{Component, NameJudgement, Suspicion, Tier};
pub use operator::NameRules;
pub use rules::RULES;
pub use table::CorpusError;

//! `when`: a condition on an attestation's predicate, written in CEL (github.com/google/cel-spec).
//!
//! A part of the language, read and evaluated here: a predicate comes from outside, so every step is paid from a
//! [`Budget`], and what a condition may use is decided when the policy is loaded. docs/adr/0010-conditions.md says why no
//! crate does it.

mod eval;
mod functions;
mod parse;
mod token;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value as Json;

use eval::{Run, Trouble};
use tree::Tree;
use value::Value;

pub(in crate::policy) use eval::Budget;

/// Longest condition in bytes: a screen full.
const MAX_SOURCE: usize = 4 * 1024;

/// A condition that was read and can be evaluated.
#[derive(Clone)]
pub struct Condition {
    source: String,
    tree: Tree,
}

/// What a condition can ask about.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Facts<'a> {
    /// The claim itself.
    pub(in crate::policy) predicate: &'a Json,
    /// The statement's list of subjects, as it stands there.
    pub(in crate::policy) subject: &'a Json,
    /// The predicate's type.
    pub(in crate::policy) kind: &'a str,
    /// Names of the signers of the policy who signed it.
    pub(in crate::policy) signers: &'a [String],
    /// Parts of the name that was asked for.
    pub(in crate::policy) image: &'a Json,
}

/// Why a condition is refused when the policy is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Where in the condition, in bytes; none where it is about the whole.
    pub at: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl Condition {
    /// Reads a condition: its grammar, its names, its functions.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(source: &str) -> Result<Condition, ConditionError> {
        if source.len() > MAX_SOURCE {
            let why = format!("it is longer than {MAX_SOURCE} bytes");
            return Err(ConditionError::whole(why));
        }
        Ok(Condition {
            source: source.to_owned(),
            tree: parse::parse(source)?,
        })
    }

    /// Whether the condition holds; else why not. Anything but `true` is a no.
    pub(in crate::policy) fn holds<'a>(
        &'a self,
        facts: &Facts<'a>,
        budget: &mut Budget,
    ) -> Result<(), String> {
        let no = |why: String| Err(format!("its condition does not hold: {why}"));
        let mut run = Run {
            facts: *facts,
            variables: Vec::new(),
            budget,
        };
        match run.evaluate(&self.tree) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => no(format!("`{}` is false", self.source.trim())),
            Ok(other) => no(format!("it yields {} and not true", other.kind())),
            Err(Trouble::Failed(why)) => no(why),
            Err(Trouble::Spent) => no(format!("it takes more than {} steps", Budget::MAX)),
        }
    }
}

impl ConditionError {
    fn at(at: usize, message: impl Into<String>) -> ConditionError {
        ConditionError {
            at: Some(at),
            message: message.into(),
        }
    }

    fn whole(message: String) -> ConditionError {
        ConditionError { at: None, message }
    }
}

/// As it is written, on one line.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.source.split_whitespace().collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.source)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

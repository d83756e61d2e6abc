//! `when`: a condition on an attestation's predicate, written in CEL (github.com/google/cel-spec).
//!
//! The language is CEL's and its parser is the `cel` crate's. What a condition may use is decided when the policy is
//! loaded ([`check`]); it is evaluated here ([`eval`]), with every step paid from a [`Budget`], because a predicate comes
//! from outside and the crate's own interpreter counts nothing.

mod check;
mod eval;
mod functions;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::catch_unwind;

use cel::IdedExpr;
use cel::parser::Parser;
use serde_json::Value as Json;

use eval::{Scope, Trouble};
use value::Value;

pub(in crate::policy) use eval::Budget;

/// Longest condition in bytes: a screen full.
const MAX_SOURCE: usize = 4 * 1024;
/// How deep a condition may be nested, for the parser and for us.
const MAX_NESTING: u16 = 48;

/// A condition that was read and can be evaluated.
#[derive(Clone)]
pub struct Condition {
    source: String,
    expression: IdedExpr,
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
        let whole = |message: String| ConditionError { at: None, message };
        if source.len() > MAX_SOURCE {
            return Err(whole(format!("it is longer than {MAX_SOURCE} bytes")));
        }
        let parsed = catch_unwind(|| {
            let parser = Parser::new().max_recursion_depth(MAX_NESTING);
            parser
                .parse_with_source_info(source)
                .map_err(|errors| first(source, &errors))
        });
        let (expression, places) = parsed
            .map_err(|_| whole("it cannot be read".to_owned()))
            .flatten()?;
        check::check(&expression, &places)?;
        Ok(Condition {
            source: source.to_owned(),
            expression,
        })
    }

    /// Whether the condition holds; else why not. Anything but `true` is a no.
    pub(in crate::policy) fn holds(
        &self,
        facts: &Facts<'_>,
        budget: &mut Budget,
    ) -> Result<(), String> {
        let no = |why: String| Err(format!("its condition does not hold: {why}"));
        match eval::evaluate(&self.expression, &mut Scope::new(facts), budget) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => no(format!("`{}` is false", self.source.trim())),
            Ok(other) => no(format!("it yields {} and not true", other.kind())),
            Err(Trouble::Failed(why)) => no(why),
            Err(Trouble::Spent) => no(format!("it takes more than {} steps", Budget::MAX)),
        }
    }
}

/// The first mistake of the grammar, whose place the parser tells as line and column.
fn first(source: &str, errors: &cel::ParseErrors) -> ConditionError {
    let Some(error) = errors.errors.first() else {
        return ConditionError {
            at: None,
            message: "it cannot be read".to_owned(),
        };
    };
    let line = usize::try_from(error.pos.0).unwrap_or(1).saturating_sub(1);
    let column = usize::try_from(error.pos.1).unwrap_or(1).saturating_sub(1);
    let before: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    ConditionError {
        at: Some((before + column).min(source.len())),
        message: error.msg.lines().next().unwrap_or_default().to_owned(),
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

//! What a condition may use, decided when the policy is loaded: an unknown name must not wait for the first pull.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, SourceInfo, operators};

use super::functions::{FUNCTIONS, OPERATORS};
use super::{ConditionError, MAX_NESTING};

/// The names of the facts.
const FACTS: [&str; 5] = ["predicate", "subject", "type", "signers", "image"];
/// How many loops may stand inside each other: the vulnerabilities of all packages of all targets.
const MAX_LOOPS: usize = 3;

/// # Errors
/// The first thing that a condition may not use, with its place.
pub(super) fn check(expression: &IdedExpr, places: &SourceInfo) -> Result<(), ConditionError> {
    let mut walk = Walk {
        places,
        locals: Vec::new(),
        loops: 0,
        depth: 0,
    };
    walk.expression(expression)
}

struct Walk<'a> {
    places: &'a SourceInfo,
    locals: Vec<&'a str>,
    loops: usize,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn refuse(&self, at: &IdedExpr, message: impl Into<String>) -> Result<(), ConditionError> {
        let place = self.places.offset_for(at.id);
        Err(ConditionError {
            at: place.and_then(|(start, _)| usize::try_from(start).ok()),
            message: message.into(),
        })
    }

    fn expression(&mut self, at: &'a IdedExpr) -> Result<(), ConditionError> {
        // What the macros write around a loop makes it deeper than it looks.
        if self.depth > 4 * usize::from(MAX_NESTING) {
            return self.refuse(at, "it is nested too deeply");
        }
        self.depth += 1;
        let checked = self.inside(at);
        self.depth -= 1;
        checked
    }

    fn inside(&mut self, at: &'a IdedExpr) -> Result<(), ConditionError> {
        match &at.expr {
            Expr::Literal(LiteralValue::Bytes(_) | LiteralValue::UInt(_)) => {
                self.refuse(at, "JSON has neither bytes nor unsigned numbers")
            }
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                if FACTS.contains(&name.as_str()) || self.locals.contains(&name.as_str()) {
                    return Ok(());
                }
                let known = FACTS.join(", ");
                self.refuse(at, format!("there is no `{name}`; there are {known}"))
            }
            Expr::Select(select) => self.expression(&select.operand),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.expression(element)),
            Expr::Call(call) => {
                let given = call.args.len() + usize::from(call.target.is_some());
                self.function(at, &call.func_name, given)?;
                let target = call.target.as_deref();
                target
                    .into_iter()
                    .chain(&call.args)
                    .try_for_each(|argument| self.expression(argument))
            }
            Expr::Comprehension(of) => {
                self.expression(&of.iter_range)?;
                if self.loops == MAX_LOOPS {
                    let message = format!("more than {MAX_LOOPS} loops inside each other");
                    return self.refuse(at, message);
                }
                self.loops += 1;
                self.locals.extend([of.accu_var.as_str(), &of.iter_var]);
                let parts = [&of.accu_init, &of.loop_cond, &of.loop_step, &of.result];
                let checked = parts.into_iter().try_for_each(|part| self.expression(part));
                self.locals.truncate(self.locals.len().saturating_sub(2));
                self.loops -= 1;
                checked
            }
            Expr::Map(_) | Expr::Struct(_) => {
                self.refuse(at, "a condition asks and builds nothing")
            }
            Expr::Unspecified => self.refuse(at, "something is missing"),
        }
    }

    fn function(&self, at: &IdedExpr, name: &str, given: usize) -> Result<(), ConditionError> {
        let lazy = [
            operators::LOGICAL_AND,
            operators::LOGICAL_OR,
            operators::CONDITIONAL,
            operators::NOT_STRICTLY_FALSE,
        ];
        if lazy.contains(&name) || OPERATORS.contains(&name) {
            return Ok(());
        }
        let names = FUNCTIONS.map(|(name, _)| name).join(", ");
        match FUNCTIONS.iter().find(|(known, _)| *known == name) {
            Some((_, takes)) if *takes == given => Ok(()),
            Some(_) => self.refuse(at, format!("`{name}` does not take so many values")),
            None if name == "matches" => self.refuse(
                at,
                "regular expressions match where nobody meant them to; use startsWith, endsWith, contains or ==",
            ),
            None => self.refuse(at, format!("there is no function `{name}`; there are {names}, has, all, exists, exists_one, map and filter")),
        }
    }
}

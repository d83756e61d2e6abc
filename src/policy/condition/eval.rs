//! Evaluates a condition, step by step, until it is done or the budget is spent.

use std::borrow::Cow;
use std::rc::Rc;

use super::Facts;
use super::functions;
use super::tree::{Fact, How, Loop, Tree};
use super::value::{List, Value};

/// What all conditions about one image may take together.
#[derive(Debug)]
pub(in crate::policy) struct Budget(usize);

impl Budget {
    /// Steps: looking at every package of a large SBOM takes some hundred thousand, a fraction of a second.
    pub(in crate::policy) const MAX: usize = 3_000_000;

    pub(in crate::policy) fn new() -> Budget {
        Budget(Budget::MAX)
    }

    /// Pays for `steps`. Once it is spent it stays spent: nothing that comes after is for free.
    pub(super) fn pay(&mut self, steps: usize) -> Result<(), Trouble> {
        self.0 = self.0.saturating_sub(steps);
        if self.0 == 0 {
            return Err(Trouble::Spent);
        }
        Ok(())
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An error of the language: a key that is not there, kinds that do not go together.
    Failed(String),
    /// The budget is spent. Unlike an error it is never overridden by the other side of `||` or `&&`.
    Spent,
}

pub(super) type Evaluated<'a> = Result<Value<'a>, Trouble>;

pub(super) fn failed<T>(why: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Failed(why.into()))
}

/// One evaluation: the facts, the variables of the loops around, and what may still be spent.
pub(super) struct Run<'a, 'b> {
    pub(super) facts: Facts<'a>,
    /// Outermost first.
    pub(super) variables: Vec<Value<'a>>,
    pub(super) budget: &'b mut Budget,
}

impl<'a> Run<'a, '_> {
    /// The value of a part.
    pub(super) fn evaluate(&mut self, tree: &'a Tree) -> Evaluated<'a> {
        self.budget.pay(1)?;
        Ok(match tree {
            Tree::Null => Value::Null,
            Tree::Bool(bool) => Value::Bool(*bool),
            Tree::Int(int) => Value::Int(*int),
            Tree::Double(double) => Value::Double(*double),
            Tree::Text(text) => Value::Text(Cow::Borrowed(text)),
            Tree::Fact(fact) => self.fact(*fact),
            Tree::Variable(at) => match self.variables.get(*at) {
                Some(value) => value.clone(),
                None => return failed("a variable is not there"),
            },
            Tree::List(list) => {
                let values: Result<Vec<_>, _> =
                    list.iter().map(|element| self.evaluate(element)).collect();
                Value::made(values?)
            }
            Tree::Select(of, field) => return self.selected(of, field),
            Tree::Has(of, field) => match self.evaluate(of)? {
                Value::Map(map) => Value::Bool(map.contains_key(field)),
                other => return failed(format!("{} has no `{field}`", other.kind())),
            },
            Tree::And(one, two) => return self.either(false, one, two).map(Value::Bool),
            Tree::Or(one, two) => return self.either(true, one, two).map(Value::Bool),
            Tree::Choose(if_so, then, otherwise) => {
                let branch = if self.truth(if_so)? { then } else { otherwise };
                return self.evaluate(branch);
            }
            Tree::Call(function, arguments) => {
                let values: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| self.evaluate(argument))
                    .collect();
                return functions::call(*function, &values?, self.budget);
            }
            Tree::Loop(of) => return self.looped(of),
        })
    }

    fn fact(&self, fact: Fact) -> Value<'a> {
        match fact {
            Fact::Predicate => Value::from(self.facts.predicate),
            Fact::Subject => Value::from(self.facts.subject),
            Fact::Image => Value::from(self.facts.image),
            Fact::Type => Value::Text(Cow::Borrowed(self.facts.kind)),
            Fact::Signers => {
                let names = self.facts.signers.iter();
                let names = names.map(|name| Value::Text(Cow::Borrowed(name.as_str())));
                Value::made(names.collect())
            }
        }
    }

    fn selected(&mut self, of: &'a Tree, field: &str) -> Evaluated<'a> {
        match self.evaluate(of)? {
            Value::Map(map) => match map.get(field) {
                Some(found) => Ok(Value::from(found)),
                None => failed(format!("there is no `{field}`")),
            },
            other => failed(format!("{} has no `{field}`", other.kind())),
        }
    }

    fn truth(&mut self, tree: &'a Tree) -> Result<bool, Trouble> {
        match self.evaluate(tree)? {
            Value::Bool(truth) => Ok(truth),
            other => failed(format!("{} is neither true nor false", other.kind())),
        }
    }

    /// `&&` and `||`: where one side decides, an error of the other does not matter (cel-spec, "Logical operators").
    fn either(&mut self, decides: bool, one: &'a Tree, two: &'a Tree) -> Result<bool, Trouble> {
        let first = self.truth(one);
        if first == Ok(decides) || first == Err(Trouble::Spent) {
            return first;
        }
        let second = self.truth(two);
        if second == Ok(decides) || second == Err(Trouble::Spent) {
            return second;
        }
        first.and(second)
    }

    fn looped(&mut self, of: &'a Loop) -> Evaluated<'a> {
        let range = match self.evaluate(&of.over)? {
            Value::List(list) => list,
            Value::Map(map) => {
                self.budget.pay(map.len())?;
                let keys = map.keys().map(|key| Value::Text(Cow::Borrowed(key)));
                List::Made(Rc::new(keys.collect()))
            }
            other => return failed(format!("{} cannot be gone through", other.kind())),
        };
        match of.how {
            How::All => self.quantified(of, &range, false),
            How::Exists => self.quantified(of, &range, true),
            How::ExistsOne => {
                let mut count = 0_usize;
                for item in range.iter() {
                    count += usize::from(self.with(item, |run| run.truth(&of.body))?);
                }
                Ok(Value::Bool(count == 1))
            }
            How::Filter => {
                let mut kept = Vec::new();
                for item in range.iter() {
                    if self.with(item.clone(), |run| run.truth(&of.body))? {
                        kept.push(item);
                    }
                }
                Ok(Value::made(kept))
            }
            How::Map => {
                let mut made = Vec::new();
                for item in range.iter() {
                    let wanted = |run: &mut Run<'a, '_>| match &of.only {
                        Some(only) if !run.truth(only)? => Ok(None),
                        _ => run.evaluate(&of.body).map(Some),
                    };
                    made.extend(self.with(item, wanted)?);
                }
                Ok(Value::made(made))
            }
        }
    }

    /// `all` and `exists` are `&&` and `||` over the items, errors included.
    fn quantified(&mut self, of: &'a Loop, range: &List<'a>, decides: bool) -> Evaluated<'a> {
        let mut trouble = None;
        for item in range.iter() {
            match self.with(item, |run| run.truth(&of.body)) {
                Ok(truth) if truth == decides => return Ok(Value::Bool(decides)),
                Ok(_) => {}
                Err(Trouble::Spent) => return Err(Trouble::Spent),
                Err(failed) => trouble = trouble.or(Some(failed)),
            }
        }
        trouble.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn with<T>(&mut self, item: Value<'a>, act: impl FnOnce(&mut Self) -> T) -> T {
        self.variables.push(item);
        let done = act(self);
        self.variables.pop();
        done
    }
}

//! Evaluates a checked condition, step by step, until it is done or the budget is spent.

use std::borrow::Cow;
use std::rc::Rc;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};

use super::Facts;
use super::functions;
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

    /// Pays for `steps`.
    pub(super) fn pay(&mut self, steps: usize) -> Result<(), Trouble> {
        // Once it is spent it stays spent: nothing that comes after is for free.
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

/// The names in force: the facts, and the variables of the loops around.
pub(super) struct Scope<'a> {
    facts: Facts<'a>,
    /// Innermost last. What a loop has gathered so far may be an error.
    locals: Vec<(&'a str, Evaluated<'a>)>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(facts: &Facts<'a>) -> Scope<'a> {
        Scope {
            facts: *facts,
            locals: Vec::new(),
        }
    }

    /// Gives the innermost variable of this name another value, and yields the old one.
    fn set(&mut self, name: &str, value: Evaluated<'a>) -> Evaluated<'a> {
        let mut locals = self.locals.iter_mut().rev();
        match locals.find(|(local, _)| *local == name) {
            Some((_, place)) => std::mem::replace(place, value),
            None => failed(format!("there is no {name}")),
        }
    }

    fn get(&self, name: &str) -> Evaluated<'a> {
        let local = self.locals.iter().rev().find(|(local, _)| *local == name);
        if let Some((_, value)) = local {
            return value.clone();
        }
        Ok(match name {
            "predicate" => Value::from(self.facts.predicate),
            "subject" => Value::from(self.facts.subject),
            "image" => Value::from(self.facts.image),
            "type" => Value::Text(Cow::Borrowed(self.facts.kind)),
            "signers" => {
                let names = self.facts.signers.iter();
                let names = names.map(|name| Value::Text(Cow::Borrowed(name.as_str())));
                Value::List(List::Made(Rc::new(names.collect())))
            }
            _ => return failed(format!("there is no {name}")),
        })
    }
}

/// The value of an expression.
pub(super) fn evaluate<'a>(
    expression: &'a IdedExpr,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Evaluated<'a> {
    budget.pay(1)?;
    match &expression.expr {
        Expr::Literal(literal) => literal_value(literal),
        Expr::Ident(name) => scope.get(name),
        Expr::Select(select) => selected(select, scope, budget),
        Expr::List(list) => {
            let mut made = Vec::with_capacity(list.elements.len());
            for element in &list.elements {
                made.push(evaluate(element, scope, budget)?);
            }
            Ok(Value::List(List::Made(Rc::new(made))))
        }
        Expr::Call(call) => called(call, scope, budget),
        Expr::Comprehension(comprehension) => looped(comprehension, scope, budget),
        // Refused when the policy is loaded.
        Expr::Unspecified | Expr::Map(_) | Expr::Struct(_) => failed("it cannot be evaluated"),
    }
}

fn literal_value(literal: &LiteralValue) -> Evaluated<'_> {
    Ok(match literal {
        LiteralValue::Null => Value::Null,
        LiteralValue::Boolean(bool) => Value::Bool(*bool.inner()),
        LiteralValue::Int(int) => Value::Int(*int.inner()),
        LiteralValue::Double(double) => Value::Double(*double.inner()),
        LiteralValue::String(text) => Value::Text(Cow::Borrowed(text.inner())),
        LiteralValue::Bytes(_) | LiteralValue::UInt(_) => return failed("it cannot be evaluated"),
    })
}

/// `a.b`, and `has(a.b)`.
fn selected<'a>(
    select: &'a SelectExpr,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Evaluated<'a> {
    let of = evaluate(&select.operand, scope, budget)?;
    let Value::Map(map) = of else {
        return failed(format!("{} has no `{}`", of.kind(), select.field));
    };
    match (map.get(&select.field), select.test) {
        (found, true) => Ok(Value::Bool(found.is_some())),
        (Some(found), false) => Ok(Value::from(found)),
        (None, false) => failed(format!("there is no `{}`", select.field)),
    }
}

fn called<'a>(call: &'a CallExpr, scope: &mut Scope<'a>, budget: &mut Budget) -> Evaluated<'a> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND, [one, two]) => either(false, one, two, scope, budget),
        (operators::LOGICAL_OR, [one, two]) => either(true, one, two, scope, budget),
        (operators::NOT_STRICTLY_FALSE, [one]) => match evaluate(one, scope, budget) {
            Err(Trouble::Spent) => Err(Trouble::Spent),
            Ok(Value::Bool(false)) => Ok(Value::Bool(false)),
            _ => Ok(Value::Bool(true)),
        },
        (operators::CONDITIONAL, [if_so, then, otherwise]) => {
            match evaluate(if_so, scope, budget)? {
                Value::Bool(true) => evaluate(then, scope, budget),
                Value::Bool(false) => evaluate(otherwise, scope, budget),
                other => failed(format!("{} cannot decide between two", other.kind())),
            }
        }
        (name, arguments) => {
            let mut values = Vec::with_capacity(arguments.len() + 1);
            for argument in call.target.as_deref().into_iter().chain(arguments) {
                values.push(evaluate(argument, scope, budget)?);
            }
            functions::call(name, &values, budget)
        }
    }
}

/// `&&` and `||`: where one side decides, an error of the other does not matter (CEL, "Logical operators").
fn either<'a>(
    decides: bool,
    one: &'a IdedExpr,
    two: &'a IdedExpr,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Evaluated<'a> {
    let truth = |value: Evaluated<'a>| match value {
        Ok(Value::Bool(truth)) => Ok(truth),
        Ok(other) => failed(format!("{} is neither true nor false", other.kind())),
        Err(trouble) => Err(trouble),
    };
    let first = truth(evaluate(one, scope, budget));
    let decided = |side: &Result<bool, Trouble>| {
        *side == Ok(decides) || *side == Err(Trouble::Spent)
    };
    if decided(&first) {
        return first.map(Value::Bool);
    }
    let second = truth(evaluate(two, scope, budget));
    if decided(&second) {
        return second.map(Value::Bool);
    }
    first.and(second).map(Value::Bool)
}

/// What `all`, `exists`, `exists_one`, `map` and `filter` are written out as.
fn looped<'a>(
    comprehension: &'a ComprehensionExpr,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Evaluated<'a> {
    let range = match evaluate(&comprehension.iter_range, scope, budget)? {
        Value::List(list) => list,
        Value::Map(map) => {
            budget.pay(map.len())?;
            let keys = map.keys().map(|key| Value::Text(Cow::Borrowed(key)));
            List::Made(Rc::new(keys.collect()))
        }
        other => return failed(format!("{} cannot be gone through", other.kind())),
    };
    let so_far = evaluate(&comprehension.accu_init, scope, budget);
    scope.locals.push((&comprehension.accu_var, so_far));
    let result = rounds(comprehension, &range, scope, budget)
        .and_then(|()| evaluate(&comprehension.result, scope, budget));
    scope.locals.pop();
    result
}

fn rounds<'a>(
    comprehension: &'a ComprehensionExpr,
    range: &List<'a>,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Result<(), Trouble> {
    let so_far = &comprehension.accu_var;
    for item in range.iter() {
        let goes_on = evaluate(&comprehension.loop_cond, scope, budget)?;
        if !matches!(goes_on, Value::Bool(true)) {
            break;
        }
        scope.locals.push((&comprehension.iter_var, Ok(item)));
        let next = step(so_far, &comprehension.loop_step, scope, budget);
        scope.locals.pop();
        if let Err(Trouble::Spent) = next {
            return Err(Trouble::Spent);
        }
        drop(scope.set(so_far, next));
    }
    Ok(())
}

/// One round's result. A list that grows by an element is not copied for it, or `map` would take the square of its time.
fn step<'a>(
    so_far: &str,
    expression: &'a IdedExpr,
    scope: &mut Scope<'a>,
    budget: &mut Budget,
) -> Evaluated<'a> {
    let is_so_far = |expression: &IdedExpr| matches!(&expression.expr, Expr::Ident(name) if name == so_far);
    if let Expr::Call(call) = &expression.expr {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [if_so, then, otherwise]) if is_so_far(otherwise) => {
                return match evaluate(if_so, scope, budget)? {
                    Value::Bool(true) => step(so_far, then, scope, budget),
                    Value::Bool(false) => scope.get(so_far),
                    other => failed(format!("{} cannot decide", other.kind())),
                };
            }
            (operators::ADD, [list, more]) if is_so_far(list) => {
                if let Expr::List(more) = &more.expr
                    && let [element] = more.elements.as_slice()
                {
                    let element = evaluate(element, scope, budget)?;
                    return match scope.set(so_far, Ok(Value::Null)) {
                        Ok(Value::List(List::Made(mut list))) => {
                            Rc::make_mut(&mut list).push(element);
                            Ok(Value::List(List::Made(list)))
                        }
                        other => other,
                    };
                }
            }
            _ => {}
        }
    }
    evaluate(expression, scope, budget)
}

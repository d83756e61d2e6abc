//! Operators and functions of a condition: CEL's own, as far as JSON needs them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use cel::common::ast::operators;

use super::eval::{Budget, Evaluated, Trouble, failed};
use super::value::{List, Value};

/// The functions that a condition may call, with how many values each takes; the one that it is called on counts.
pub(super) const FUNCTIONS: [(&str, usize); 6] = [
    ("size", 1),
    ("startsWith", 2),
    ("endsWith", 2),
    ("contains", 2),
    ("int", 1),
    ("double", 1),
];

/// The operators that take values; `&&`, `||` and `?:` look at one side only and stand elsewhere.
pub(super) const OPERATORS: [&str; 15] = [
    operators::LOGICAL_NOT,
    operators::NEGATE,
    operators::ADD,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::INDEX,
    operators::IN,
];

/// Applies an operator or a function to its values.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>], budget: &mut Budget) -> Evaluated<'a> {
    match (name, values) {
        (operators::LOGICAL_NOT, [Value::Bool(truth)]) => Ok(Value::Bool(!truth)),
        (operators::NEGATE, [Value::Int(int)]) => checked(int.checked_neg()),
        (operators::NEGATE, [Value::Double(double)]) => Ok(Value::Double(-double)),
        (operators::EQUALS, [one, two]) => one.equals(two, budget).map(Value::Bool),
        (operators::NOT_EQUALS, [one, two]) => one.equals(two, budget).map(|same| Value::Bool(!same)),
        (operators::LESS, [one, two]) => compared(one, two, budget, Ordering::is_lt),
        (operators::LESS_EQUALS, [one, two]) => compared(one, two, budget, Ordering::is_le),
        (operators::GREATER, [one, two]) => compared(one, two, budget, Ordering::is_gt),
        (operators::GREATER_EQUALS, [one, two]) => compared(one, two, budget, Ordering::is_ge),
        (operators::INDEX, [of, at]) => indexed(of, at),
        (operators::IN, [item, of]) => within(item, of, budget),
        (operators::ADD, [Value::Text(one), Value::Text(two)]) => {
            budget.pay_text(one.len() + two.len())?;
            Ok(Value::Text(Cow::Owned(format!("{one}{two}"))))
        }
        (operators::ADD, [Value::List(one), Value::List(two)]) => {
            budget.pay(one.len() + two.len())?;
            let both = one.iter().chain(two.iter());
            Ok(Value::List(List::Made(Rc::new(both.collect()))))
        }
        (_, [Value::Int(one), Value::Int(two)]) => integers(name, *one, *two),
        (_, [Value::Double(one), Value::Double(two)]) => doubles(name, *one, *two),
        ("size", [of]) => size(of, budget),
        ("startsWith" | "endsWith" | "contains", [Value::Text(text), Value::Text(part)]) => {
            budget.pay_text(text.len())?;
            Ok(Value::Bool(match name {
                "startsWith" => text.starts_with(part.as_ref()),
                "endsWith" => text.ends_with(part.as_ref()),
                _ => text.contains(part.as_ref()),
            }))
        }
        ("int" | "double", [value]) => number(name, value),
        _ => no_such(name, values),
    }
}

fn no_such<T>(name: &str, values: &[Value<'_>]) -> Result<T, Trouble> {
    let kinds: Vec<&str> = values.iter().map(Value::kind).collect();
    let name = name.trim_matches(['_', '@']);
    failed(format!("`{name}` is not for {}", kinds.join(" and ")))
}

fn checked<'a>(int: Option<i64>) -> Evaluated<'a> {
    match int {
        Some(int) => Ok(Value::Int(int)),
        None => failed("a number is too large, or divided by zero"),
    }
}

fn integers<'a>(name: &str, one: i64, two: i64) -> Evaluated<'a> {
    checked(match name {
        operators::ADD => one.checked_add(two),
        operators::SUBSTRACT => one.checked_sub(two),
        operators::MULTIPLY => one.checked_mul(two),
        operators::DIVIDE => one.checked_div(two),
        operators::MODULO => one.checked_rem(two),
        _ => return no_such(name, &[Value::Int(one), Value::Int(two)]),
    })
}

fn doubles<'a>(name: &str, one: f64, two: f64) -> Evaluated<'a> {
    Ok(Value::Double(match name {
        operators::ADD => one + two,
        operators::SUBSTRACT => one - two,
        operators::MULTIPLY => one * two,
        operators::DIVIDE => one / two,
        _ => return no_such(name, &[Value::Double(one), Value::Double(two)]),
    }))
}

fn compared<'a>(
    one: &Value<'a>,
    two: &Value<'a>,
    budget: &mut Budget,
    is: fn(Ordering) -> bool,
) -> Evaluated<'a> {
    if let (Value::Text(one), Value::Text(two)) = (one, two) {
        budget.pay_text(one.len().min(two.len()))?;
    }
    let number = |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Double(_));
    match one.order(two) {
        Some(order) => Ok(Value::Bool(is(order))),
        // Not a number is neither less nor more.
        None if number(one) && number(two) => Ok(Value::Bool(false)),
        None => failed(format!("{} and {} have no order", one.kind(), two.kind())),
    }
}

fn indexed<'a>(of: &Value<'a>, at: &Value<'a>) -> Evaluated<'a> {
    let found = match (of, at) {
        (Value::List(list), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| list.get(at))
        }
        (Value::Map(map), Value::Text(key)) => map.get(key.as_ref()).map(Value::from),
        _ => return failed(format!("{} is no place in {}", at.kind(), of.kind())),
    };
    match (found, at) {
        (Some(found), _) => Ok(found),
        (None, Value::Text(key)) => failed(format!("there is no `{}`", short(key))),
        (None, _) => failed("the list is shorter"),
    }
}

/// The beginning of a text that a person is told.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

fn within<'a>(item: &Value<'a>, of: &Value<'a>, budget: &mut Budget) -> Evaluated<'a> {
    match (item, of) {
        (_, Value::List(list)) => {
            for other in list.iter() {
                if item.equals(&other, budget)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        (Value::Text(key), Value::Map(map)) => Ok(Value::Bool(map.contains_key(key.as_ref()))),
        (_, Value::Map(_)) => Ok(Value::Bool(false)),
        (item, other) => failed(format!("{} is never in {}", item.kind(), other.kind())),
    }
}

fn size<'a>(of: &Value<'a>, budget: &mut Budget) -> Evaluated<'a> {
    let size = match of {
        Value::Text(text) => {
            budget.pay_text(text.len())?;
            text.chars().count()
        }
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        other => return failed(format!("{} has no size", other.kind())),
    };
    checked(i64::try_from(size).ok())
}

/// `int("7")`, `double(7)`: scanners write scores either way.
fn number<'a>(name: &str, value: &Value<'a>) -> Evaluated<'a> {
    let found = match (name, value) {
        ("int", Value::Int(int)) => Some(Value::Int(*int)),
        ("int", Value::Text(text)) => text.parse().ok().map(Value::Int),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was looked at before; what is behind the point goes, as CEL has it"
        )]
        ("int", Value::Double(double)) if double.abs() < 9.2e18 => Some(Value::Int(*double as i64)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "what CEL's double(int) does"
        )]
        ("double", Value::Int(int)) => Some(Value::Double(*int as f64)),
        ("double", Value::Double(double)) => Some(Value::Double(*double)),
        ("double", Value::Text(text)) => text.parse().ok().map(Value::Double),
        _ => None,
    };
    match found {
        Some(number) => Ok(number),
        None => failed(format!("{} is no number", value.kind())),
    }
}

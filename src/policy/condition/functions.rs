//! Operators and functions of a condition: CEL's own, as far as JSON needs them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use super::eval::{Budget, Evaluated, Trouble, failed};
use super::tree::Function;
use super::value::{List, Value};

/// Applies an operator or a function to its values.
pub(super) fn call<'a>(
    function: Function,
    values: &[Value<'a>],
    budget: &mut Budget,
) -> Evaluated<'a> {
    match (function, values) {
        (Function::Not, [Value::Bool(truth)]) => Ok(Value::Bool(!truth)),
        (Function::Negate, [Value::Int(int)]) => checked(int.checked_neg()),
        (Function::Negate, [Value::Double(double)]) => Ok(Value::Double(-double)),
        (Function::Equals, [one, two]) => one.equals(two, budget).map(Value::Bool),
        (Function::Differs, [one, two]) => one.equals(two, budget).map(|same| Value::Bool(!same)),
        (Function::Less, [one, two]) => compared(one, two, budget, Ordering::is_lt),
        (Function::LessOrEqual, [one, two]) => compared(one, two, budget, Ordering::is_le),
        (Function::Greater, [one, two]) => compared(one, two, budget, Ordering::is_gt),
        (Function::GreaterOrEqual, [one, two]) => compared(one, two, budget, Ordering::is_ge),
        (Function::Index, [of, at]) => indexed(of, at),
        (Function::In, [item, of]) => within(item, of, budget),
        (Function::Add, [Value::Text(one), Value::Text(two)]) => {
            budget.pay_text(one.len() + two.len())?;
            Ok(Value::Text(Cow::Owned(format!("{one}{two}"))))
        }
        (Function::Add, [Value::List(one), Value::List(two)]) => {
            budget.pay(one.len() + two.len())?;
            let both = one.iter().chain(two.iter());
            Ok(Value::List(List::Made(Rc::new(both.collect()))))
        }
        (_, [Value::Int(one), Value::Int(two)]) => integers(function, *one, *two),
        (_, [Value::Double(one), Value::Double(two)]) => doubles(function, *one, *two),
        (Function::Size, [of]) => size(of, budget),
        (
            Function::StartsWith | Function::EndsWith | Function::Contains,
            [Value::Text(text), Value::Text(part)],
        ) => {
            budget.pay_text(text.len())?;
            Ok(Value::Bool(match function {
                Function::StartsWith => text.starts_with(part.as_ref()),
                Function::EndsWith => text.ends_with(part.as_ref()),
                _ => text.contains(part.as_ref()),
            }))
        }
        (Function::Int | Function::Double, [value]) => number(function, value),
        _ => no_such(function, values),
    }
}

fn no_such<T>(function: Function, values: &[Value<'_>]) -> Result<T, Trouble> {
    let kinds: Vec<&str> = values.iter().map(Value::kind).collect();
    let named = Function::NAMED.iter().map(|(name, known, _)| (name, known));
    let between = Function::BETWEEN
        .iter()
        .map(|(name, known, _)| (name, known));
    let name = named.chain(between).find(|(_, known)| **known == function);
    let name = name.map_or("the operator", |(name, _)| name);
    failed(format!("`{name}` is not for {}", kinds.join(" and ")))
}

fn checked<'a>(int: Option<i64>) -> Evaluated<'a> {
    match int {
        Some(int) => Ok(Value::Int(int)),
        None => failed("a number is too large, or divided by zero"),
    }
}

fn integers<'a>(function: Function, one: i64, two: i64) -> Evaluated<'a> {
    checked(match function {
        Function::Add => one.checked_add(two),
        Function::Subtract => one.checked_sub(two),
        Function::Multiply => one.checked_mul(two),
        Function::Divide => one.checked_div(two),
        Function::Remainder => one.checked_rem(two),
        _ => return no_such(function, &[Value::Int(one), Value::Int(two)]),
    })
}

fn doubles<'a>(function: Function, one: f64, two: f64) -> Evaluated<'a> {
    Ok(Value::Double(match function {
        Function::Add => one + two,
        Function::Subtract => one - two,
        Function::Multiply => one * two,
        Function::Divide => one / two,
        _ => return no_such(function, &[Value::Double(one), Value::Double(two)]),
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
fn number<'a>(function: Function, value: &Value<'a>) -> Evaluated<'a> {
    let found = match (function, value) {
        (Function::Int, Value::Int(int)) => Some(Value::Int(*int)),
        (Function::Int, Value::Text(text)) => text.parse().ok().map(Value::Int),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was looked at before; what is behind the point goes, as CEL has it"
        )]
        (Function::Int, Value::Double(double)) if double.abs() < 9.2e18 => {
            Some(Value::Int(*double as i64))
        }
        #[expect(clippy::cast_precision_loss, reason = "what CEL's double(int) does")]
        (Function::Double, Value::Int(int)) => Some(Value::Double(*int as f64)),
        (Function::Double, Value::Double(double)) => Some(Value::Double(*double)),
        (Function::Double, Value::Text(text)) => text.parse().ok().map(Value::Double),
        _ => None,
    };
    match found {
        Some(number) => Ok(number),
        None => failed(format!("{} is no number", value.kind())),
    }
}

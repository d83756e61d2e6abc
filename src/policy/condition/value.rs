//! The values of a condition: JSON from outside by reference, and what is made of it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::eval::{Budget, Trouble};

/// How many bytes of text one step pays for.
const BYTES_A_STEP: usize = 64;

/// A value of CEL, as far as JSON has them.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    List(List<'a>),
    Map(&'a Map<String, Json>),
}

/// A list from outside, or one that the condition makes.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    Given(&'a [Json]),
    Made(Rc<Vec<Value<'a>>>),
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            List::Given(list) => list.len(),
            List::Made(list) => list.len(),
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Value<'a>> {
        match self {
            List::Given(list) => list.get(at).map(Value::from),
            List::Made(list) => list.get(at).cloned(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Value<'a> {
        match json {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => match number.as_i64() {
                Some(int) => Value::Int(int),
                None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(Cow::Borrowed(text)),
            Json::Array(list) => Value::List(List::Given(list)),
            Json::Object(map) => Value::Map(map),
        }
    }
}

impl<'a> Value<'a> {
    /// A list that the condition makes.
    pub(super) fn made(list: Vec<Value<'a>>) -> Value<'a> {
        Value::List(List::Made(Rc::new(list)))
    }

    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Double(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Whether two values are equal; numbers by their value, different kinds never.
    pub(super) fn equals(&self, other: &Value<'a>, budget: &mut Budget) -> Result<bool, Trouble> {
        budget.pay(1)?;
        Ok(match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(two)) => one == two,
            (Value::Text(one), Value::Text(two)) => {
                budget.pay_text(one.len().min(two.len()))?;
                one == two
            }
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                self.order(other) == Some(Ordering::Equal)
            }
            (Value::List(one), Value::List(two)) => {
                if one.len() != two.len() {
                    return Ok(false);
                }
                for (one, two) in one.iter().zip(two.iter()) {
                    if !one.equals(&two, budget)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(one), Value::Map(two)) => {
                if one.len() != two.len() {
                    return Ok(false);
                }
                for (key, value) in *one {
                    let Some(other) = two.get(key) else {
                        return Ok(false);
                    };
                    if !Value::from(value).equals(&Value::from(other), budget)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Which comes first, of numbers, texts and booleans.
    pub(super) fn order(&self, other: &Value<'a>) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(one), Value::Int(two)) => Some(one.cmp(two)),
            (Value::Double(one), Value::Double(two)) => one.partial_cmp(two),
            (Value::Int(one), Value::Double(two)) => mixed(*one, *two),
            (Value::Double(one), Value::Int(two)) => mixed(*two, *one).map(Ordering::reverse),
            (Value::Text(one), Value::Text(two)) => Some(one.cmp(two)),
            (Value::Bool(one), Value::Bool(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }
}

/// An integer beside a fraction, exactly: beyond 2^53 a fraction cannot hold every integer.
fn mixed(int: i64, double: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= LIMIT {
        return Some(Ordering::Less);
    }
    if double < -LIMIT {
        return Some(Ordering::Greater);
    }
    let whole = double.trunc();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds were looked at on the lines before"
    )]
    let order = int.cmp(&(whole as i64));
    Some(order.then_with(|| whole.partial_cmp(&double).unwrap_or(Ordering::Equal)))
}

impl Budget {
    /// Pays for looking at this many bytes of text.
    pub(super) fn pay_text(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.pay(bytes / BYTES_A_STEP)
    }
}

//! Changes to one member of a JSON object that leave every other byte where it is.

use std::ops::Range;

use serde_json::{Map, Value};

/// A member of the outermost object.
struct Member {
    key: String,
    /// From the quote before the key to the end of the value.
    whole: Range<usize>,
    value: Range<usize>,
}

/// Reads an object; an empty file is an empty one, as daemons read it.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("line 1: no JSON object".to_owned()),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let said = error.to_string();
            let why = said.split(" at line ").next().unwrap_or_default();
            Err(format!("line {line}, column {column}: {why}"))
        }
    }
}

/// The object with `key` set: in its place, or at the end.
pub(super) fn set(text: &str, key: &str, value: &Value) -> Result<String, String> {
    object(text)?;
    if text.trim().is_empty() {
        return Ok(format!(
            "{{\n  {}: {}\n}}\n",
            quoted(key),
            shown(value, "  ")
        ));
    }
    let members = members(text);
    if let Some(member) = members.iter().rfind(|member| member.key == key) {
        let indent = indent(text, member.whole.start);
        return Ok(spliced(text, &member.value, &shown(value, &indent)));
    }
    let Some(last) = members.last() else {
        let open = text.find('{').map_or(0, |at| at + 1);
        let close = text.rfind('}').unwrap_or(text.len());
        let inside = format!("\n  {}: {}\n", quoted(key), shown(value, "  "));
        return Ok(spliced(text, &(open..close), &inside));
    };
    let at = last.whole.end..last.whole.end;
    let own_line = before(text, last.whole.start).ends_with('\n')
        || !indent(text, last.whole.start).is_empty();
    let new = match own_line {
        true => {
            let indent = indent(text, last.whole.start);
            format!(",\n{indent}{}: {}", quoted(key), shown(value, &indent))
        }
        false => format!(", {}: {}", quoted(key), shown(value, "")),
    };
    Ok(spliced(text, &at, &new))
}

/// The object without `key`.
pub(super) fn remove(text: &str, key: &str) -> Result<String, String> {
    object(text)?;
    let mut text = text.to_owned();
    // A key may stand twice; readers take the last, and would then take the first.
    loop {
        let members = members(&text);
        let Some(at) = members.iter().rposition(|member| member.key == key) else {
            return Ok(text);
        };
        let range = match (
            at.checked_sub(1).and_then(|at| members.get(at)),
            members.get(at),
            members.get(at + 1),
        ) {
            (_, Some(gone), Some(next)) => gone.whole.start..next.whole.start,
            (Some(previous), Some(gone), None) => previous.whole.end..gone.whole.end,
            _ => {
                let open = text.find('{').map_or(0, |at| at + 1);
                open..text.rfind('}').unwrap_or(text.len())
            }
        };
        text = spliced(&text, &range, "");
    }
}

fn quoted(key: &str) -> String {
    Value::from(key).to_string()
}

/// Short things on a line, objects on several.
fn shown(value: &Value, indent: &str) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
            pretty.replace('\n', &format!("\n{indent}"))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        value => value.to_string(),
    }
}

fn spliced(text: &str, range: &Range<usize>, new: &str) -> String {
    let (head, tail) = (
        before(text, range.start),
        text.get(range.end..).unwrap_or_default(),
    );
    format!("{head}{new}{tail}")
}

fn before(text: &str, at: usize) -> &str {
    text.get(..at).unwrap_or_default()
}

/// The white space that a line begins with, up to `at`; empty where something else stands there.
fn indent(text: &str, at: usize) -> String {
    let line = before(text, at).rsplit('\n').next().unwrap_or_default();
    match line.trim().is_empty() {
        true => line.to_owned(),
        false => String::new(),
    }
}

/// The members of an object that was read before: quotes and brackets pair.
fn members(text: &str) -> Vec<Member> {
    let (mut found, mut depth, mut start, mut colon) = (Vec::new(), 0_usize, None, None);
    let (mut in_string, mut escaped, mut last) = (false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            last = at + 1;
            continue;
        }
        let ends = depth == 1 && matches!(byte, b',' | b'}');
        if let (true, Some(from), Some(colon)) = (ends, start, colon) {
            found.extend(member(text, from, colon, last));
        }
        match byte {
            b'"' => {
                in_string = true;
                if depth == 1 && start.is_none() {
                    start = Some(at);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 1 && colon.is_none() => colon = Some(at),
            _ => {}
        }
        if ends {
            (start, colon) = (None, None);
        }
        if !byte.is_ascii_whitespace() {
            last = at + 1;
        }
    }
    found
}

fn member(text: &str, start: usize, colon: usize, end: usize) -> Option<Member> {
    let key = serde_json::from_str(text.get(start..colon)?.trim()).ok()?;
    let after = text.get(colon + 1..end)?;
    let value = end - after.trim_start().len()..end;
    Some(Member {
        key,
        whole: start..end,
        value,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_set_where_it_is_and_nothing_else_moves() {
        let table = [
            ("", "{\n  \"m\": [\"u\"]\n}\n"),
            ("  \n", "{\n  \"m\": [\"u\"]\n}\n"),
            ("{}", "{\n  \"m\": [\"u\"]\n}"),
            ("{ }\n", "{\n  \"m\": [\"u\"]\n}\n"),
            ("{\"a\":1}", "{\"a\":1, \"m\": [\"u\"]}"),
        ];
        for (text, wanted) in table {
            let made = set(text, "m", &json!(["u"])).unwrap();
            assert_eq!(made, wanted, "{text:?}");
        }
        let text = "{\n\t\"z\" : { \"m\": [1, \"},{\"] },\n\n\t\"m\":   [\"old\",\n \"x\"],\n\t\"a\": \"\\\"\"\n}\n";
        let made = set(text, "m", &json!(["u"])).unwrap();
        let wanted =
            "{\n\t\"z\" : { \"m\": [1, \"},{\"] },\n\n\t\"m\":   [\"u\"],\n\t\"a\": \"\\\"\"\n}\n";
        assert_eq!(made, wanted);
        let made = set(text, "n", &json!({ "x": 1 })).unwrap();
        assert!(
            made.ends_with("\"\\\"\",\n\t\"n\": {\n\t  \"x\": 1\n\t}\n}\n"),
            "{made}"
        );
    }

    #[test]
    fn a_member_is_removed_with_its_comma() {
        for (text, wanted) in [
            ("{\"m\":1}", "{}"),
            ("{\n  \"m\": 1,\n  \"a\": 2\n}\n", "{\n  \"a\": 2\n}\n"),
            ("{\n  \"a\": 2,\n  \"m\": 1\n}\n", "{\n  \"a\": 2\n}\n"),
            ("{\"a\":{\"m\":1}}", "{\"a\":{\"m\":1}}"),
            ("{\"m\":1,\"a\":2,\"m\":3}", "{\"a\":2}"),
        ] {
            assert_eq!(remove(text, "m").unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_object_is_told_with_its_place() {
        assert_eq!(
            object("{\n  \"a\": 1,\n}").unwrap_err(),
            "line 3, column 1: trailing comma"
        );
        assert_eq!(object("[]").unwrap_err(), "line 1: no JSON object");
        assert!(set("{", "m", &json!(1)).is_err() && remove("nope", "m").is_err());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\\n\"\\\\é]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d\"{:,]{1,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn setting_and_removing_mean_what_they_say(
            members in prop::collection::btree_map("[a-d\"{:,]{1,3}", any_json(), 0..5),
            key in "[a-d]{1,2}",
            value in any_json(),
            pretty in any::<bool>(),
        ) {
            let before = Value::Object(members.into_iter().collect());
            let text = match pretty {
                true => serde_json::to_string_pretty(&before).unwrap(),
                false => before.to_string(),
            };
            let made = set(&text, &key, &value).unwrap();
            let mut wanted = before.as_object().unwrap().clone();
            wanted.insert(key.clone(), value);
            prop_assert_eq!(&object(&made).unwrap(), &wanted);
            wanted.shift_remove(&key);
            prop_assert_eq!(&object(&remove(&made, &key).unwrap()).unwrap(), &wanted);
        }
    }
}

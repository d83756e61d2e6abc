//! Text to a plain shape, with every misspelt key and mistyped value told at once.

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Diagnostics;

/// Most mistakes of shape told in one go: a file with more is not a Lazaret file.
const MAX_MISTAKES: usize = 50;

/// Reads `text` as `T`. A mistake of shape is noted, its entry left out, and reading goes on,
/// so that a person sees all mistakes together; `None` when the text is no TOML at all.
///
/// A required key that is missing ends it.
pub(super) fn read<T: DeserializeOwned>(text: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let (mut document, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MAX_MISTAKES) {
        diagnostics.add_toml(error, &[]);
    }
    if !errors.is_empty() {
        return None;
    }
    let mut removed = Vec::new();
    for _ in 0..MAX_MISTAKES {
        let error = match T::deserialize(toml::de::Deserializer::from(document.clone())) {
            Ok(shape) => return Some(shape),
            Err(error) => error,
        };
        // What is missing because it was left out was told already.
        if !removed
            .iter()
            .any(|key| error.message() == format!("missing field `{key}`"))
        {
            diagnostics.add_toml(&error, &[]);
        }
        removed.push(remove(document.get_mut(), &error.span()?)?);
    }
    None
}

/// Takes out the entry whose key or value sits at `span`, or holds it in a list; returns its key, empty for a list's.
fn remove(table: &mut DeTable<'_>, span: &std::ops::Range<usize>) -> Option<String> {
    let key = table
        .iter()
        .find(|(key, value)| key.span() == *span || value.span() == *span)
        .map(|(key, _)| key.clone());
    if let Some(key) = key {
        table.remove(&key)?;
        return Some(key.into_inner().into_owned());
    }
    table
        .iter_mut()
        .find_map(|(_, value)| remove_inside(value, span))
}

fn remove_inside(
    value: &mut Spanned<DeValue<'_>>,
    span: &std::ops::Range<usize>,
) -> Option<String> {
    match value.get_mut() {
        DeValue::Table(table) => remove(table, span),
        DeValue::Array(items) => {
            let before = items.len();
            *items = items
                .clone()
                .into_iter()
                .filter(|item| item.span() != *span)
                .collect();
            if items.len() < before {
                return Some(String::new());
            }
            items.iter_mut().find_map(|item| remove_inside(item, span))
        }
        _ => None,
    }
}

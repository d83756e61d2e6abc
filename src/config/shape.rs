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
/// `T` must have no required keys.
pub(super) fn read<T: DeserializeOwned>(text: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    let (mut document, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MAX_MISTAKES) {
        diagnostics.add_toml(error, &[]);
    }
    if !errors.is_empty() {
        return None;
    }
    for _ in 0..MAX_MISTAKES {
        let error = match T::deserialize(toml::de::Deserializer::from(document.clone())) {
            Ok(shape) => return Some(shape),
            Err(error) => error,
        };
        diagnostics.add_toml(&error, &[]);
        let removed = error
            .span()
            .is_some_and(|span| remove(document.get_mut(), &span));
        if !removed {
            return None;
        }
    }
    None
}

/// Takes out the entry whose key or value sits at `span`, or holds it in a list.
fn remove(table: &mut DeTable<'_>, span: &std::ops::Range<usize>) -> bool {
    let key = table
        .iter()
        .find(|(key, value)| key.span() == *span || value.span() == *span)
        .map(|(key, _)| key.clone());
    if let Some(key) = key {
        return table.remove(&key).is_some();
    }
    table
        .iter_mut()
        .any(|(_, value)| remove_inside(value, span))
}

fn remove_inside(value: &mut Spanned<DeValue<'_>>, span: &std::ops::Range<usize>) -> bool {
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
                return true;
            }
            items.iter_mut().any(|item| remove_inside(item, span))
        }
        _ => false,
    }
}

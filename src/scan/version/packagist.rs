//! Composer's order: PHP's `version_compare` over what Composer rewrites.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) if digits::all(a) && digits::all(b) => digits::compare(a, b),
            (Some(a), Some(b)) => form(a).cmp(&form(b)),
            // A number more is newer; a word more is before or after the release that it names.
            (Some(a), None) if digits::all(a) => Ordering::Greater,
            (None, Some(b)) if digits::all(b) => Ordering::Less,
            (Some(a), None) => form(a).cmp(&RELEASE),
            (None, Some(b)) => RELEASE.cmp(&form(b)),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// A number, and the end of a version, among the words.
const RELEASE: u8 = 5;

fn form(part: &str) -> u8 {
    if digits::all(part) || part.starts_with('#') {
        return RELEASE;
    }
    let part = part.to_ascii_lowercase();
    let forms = [
        ("dev", 1),
        ("alpha", 2),
        ("a", 2),
        ("beta", 3),
        ("b", 3),
        ("rc", 4),
        ("c", 4),
        ("pl", 6),
        ("p", 6),
    ];
    let found = forms.iter().find(|(name, _)| part.starts_with(name));
    found.map_or(0, |(_, form)| *form)
}

/// As many numbers as Composer writes: it reads `1.0` as `1.0.0.0`.
const NUMBERS: usize = 4;

/// Runs of digits and of anything else, divided by `.`, `-`, `_` and `+` too; the numbers in front padded.
fn parts(version: &str) -> Vec<&str> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let (numbers, rest) = digits::split_while(version, |c| c.is_ascii_digit() || c == '.');
    let mut parts: Vec<&str> = numbers
        .split('.')
        .filter(|number| !number.is_empty())
        .collect();
    if !parts.is_empty() {
        parts.resize(parts.len().max(NUMBERS), "0");
    }
    for mut rest in rest.split(['.', '-', '_', '+']) {
        while let Some(first) = rest.chars().next() {
            let digit = first.is_ascii_digit();
            let (run, after) = digits::split_while(rest, |c| c.is_ascii_digit() == digit);
            parts.push(run);
            rest = after;
        }
    }
    parts
}

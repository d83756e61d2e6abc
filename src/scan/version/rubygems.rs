//! The order of Ruby's `Gem::Version`.

use std::cmp::Ordering;

use super::digits;

/// None if one does not begin with a number.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (segments(a)?, segments(b)?);
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) => segment(a, b),
            // Absent is zero: words, which mark pre-releases, are before it.
            (Some(a), None) => segment(a, "0"),
            (None, Some(b)) => segment("0", b),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return Some(order);
        }
    }
    Some(Ordering::Equal)
}

fn segment(a: &str, b: &str) -> Ordering {
    match (digits::all(a), digits::all(b)) {
        (true, true) => digits::compare(a, b),
        (false, false) => a.cmp(b),
        (a_number, b_number) => a_number.cmp(&b_number),
    }
}

/// Runs of digits and of letters, without zeros before the first word and at the end. A hyphen means `pre`.
fn segments(version: &str) -> Option<Vec<&str>> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let run = if first.is_ascii_digit() {
            digits::split(rest)
        } else if first.is_ascii_alphabetic() {
            digits::split_while(rest, |c| c.is_ascii_alphabetic())
        } else {
            rest = rest.split_at_checked(first.len_utf8())?.1;
            if first != '-' {
                continue;
            }
            ("pre", rest)
        };
        let word = !digits::all(run.0);
        if word && segments.iter().all(|segment| digits::all(segment)) {
            trim_zeros(&mut segments);
        }
        segments.push(run.0);
        rest = run.1;
    }
    trim_zeros(&mut segments);
    Some(segments)
}

fn trim_zeros(segments: &mut Vec<&str>) {
    while segments
        .last()
        .is_some_and(|last| digits::all(last) && digits::compare(last, "0").is_eq())
    {
        segments.pop();
    }
}

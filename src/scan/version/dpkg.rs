//! Debian's order (deb-version(7), "Sorting algorithm").

use std::cmp::Ordering;

use super::digits;

/// None if an epoch is not a number.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a_epoch, a_version, a_revision) = parts(a)?;
    let (b_epoch, b_version, b_revision) = parts(b)?;
    let order = digits::compare(a_epoch, b_epoch)
        .then_with(|| compare_part(a_version, b_version))
        .then_with(|| compare_part(a_revision, b_revision));
    Some(order)
}

/// Epoch, upstream version, Debian revision.
fn parts(version: &str) -> Option<(&str, &str, &str)> {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    digits::all(epoch).then_some((epoch, upstream, revision))
}

/// Alternates between what is no digit, by [`rank`], and numbers.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (a_text, a_rest) = digits::split_while(a, |c| !c.is_ascii_digit());
        let (b_text, b_rest) = digits::split_while(b, |c| !c.is_ascii_digit());
        let (a_number, a_rest) = digits::split(a_rest);
        let (b_number, b_rest) = digits::split(b_rest);
        let order = compare_text(a_text, b_text).then_with(|| digits::compare(a_number, b_number));
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    Ordering::Equal
}

fn compare_text(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (x, y) if x == y => {}
            (x, y) => return rank(x).cmp(&rank(y)),
        }
    }
}

/// A tilde is before the end, the end before letters, letters before all else.
fn rank(c: Option<char>) -> (u8, Option<char>) {
    match c {
        Some('~') => (0, None),
        None => (1, None),
        Some(c) if c.is_ascii_alphabetic() => (2, Some(c)),
        Some(c) => (3, Some(c)),
    }
}

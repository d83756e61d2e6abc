//! Numbers as the digits they are written in: none overflows.

use std::cmp::Ordering;

/// Orders two runs of ASCII digits by value; an empty one is zero.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Whether `text` is one or more ASCII digits.
pub(super) fn all(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits the digits off the front.
pub(super) fn split(text: &str) -> (&str, &str) {
    split_while(text, |c| c.is_ascii_digit())
}

/// Splits the longest front whose characters all are `wanted`.
pub(super) fn split_while(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

//! Numbers between dots and hyphens: R's `package_version` (Writing R Extensions, 1.1.1).

use std::cmp::Ordering;

use super::digits;

/// None if a part is no number.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let valid = |version: &str| version.split(['.', '-']).all(digits::all);
    if !valid(a) || !valid(b) {
        return None;
    }
    let (mut a, mut b) = (a.split(['.', '-']), b.split(['.', '-']));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Some(Ordering::Equal),
            (Some(a), Some(b)) => digits::compare(a, b),
            (a, b) => return Some(a.is_some().cmp(&b.is_some())),
        };
        if order.is_ne() {
            return Some(order);
        }
    }
}

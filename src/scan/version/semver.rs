//! Semantic Versioning 2.0.0, section 11, with what registries accept beside it.

use std::cmp::Ordering;

use super::digits;

/// Whether what follows `+` counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    /// As SemVer says.
    Ignored,
    /// As pub does: a build is newer than none.
    Ordered,
}

/// None if one does not begin with a number.
pub(super) fn compare(a: &str, b: &str, builds: Builds) -> Option<Ordering> {
    let (a_core, a_pre, a_build) = parts(a)?;
    let (b_core, b_pre, b_build) = parts(b)?;
    let order = numbers(a_core, b_core).then_with(|| match (a_pre, b_pre) {
        (Some(a), Some(b)) => identifiers(a, b),
        // A pre-release is before its release.
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    Some(order.then_with(|| match (builds, a_build, b_build) {
        (Builds::Ignored, ..) => Ordering::Equal,
        (_, Some(a), Some(b)) => identifiers(a, b),
        (_, a, b) => a.is_some().cmp(&b.is_some()),
    }))
}

/// Numbers, pre-release, build. `1.2beta` is read as `1.2-beta`.
fn parts(version: &str) -> Option<(&str, Option<&str>, Option<&str>)> {
    let version = version.strip_prefix(['v', 'V', '=']).unwrap_or(version);
    let (version, build) = match version.split_once('+') {
        Some((version, build)) => (version, Some(build)),
        None => (version, None),
    };
    let (core, rest) = digits::split_while(version, |c| c.is_ascii_digit() || c == '.');
    let pre = rest.strip_prefix('-').unwrap_or(rest);
    let begins = core.starts_with(|c: char| c.is_ascii_digit());
    begins.then_some((core, Some(pre).filter(|pre| !pre.is_empty()), build))
}

/// Compares dotted numbers; absent ones are zero.
fn numbers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => {
                let order = digits::compare(a.unwrap_or_default(), b.unwrap_or_default());
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

/// Compares dotted identifiers: numbers by value and before words, words by their bytes, more after fewer.
fn identifiers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(a), Some(b)) => match (digits::all(a), digits::all(b)) {
                (true, true) => digits::compare(a, b),
                (false, false) => a.cmp(b),
                (a_number, _) => {
                    return if a_number {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    };
                }
            },
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

//! The order of apk (apk-package(5), "pkgver"): `number{.number}{letter{number}}{_suffix{number}}{~hash}{-r#}`.

use std::cmp::Ordering;

use super::digits;

/// Suffixes in their order; a version without one stands where the empty one does.
const SUFFIXES: [&str; 10] = [
    "alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p",
];
const NO_SUFFIX: (usize, &str) = (4, "");

/// The parts of a version.
#[derive(Default)]
struct Version<'a> {
    numbers: Vec<&'a str>,
    letter: &'a str,
    /// The number after the letter: old releases of OpenSSH had one (`6.6.2p1`).
    letter_number: &'a str,
    suffixes: Vec<(usize, &'a str)>,
    hash: &'a str,
    revision: Option<&'a str>,
    /// What fits nowhere: the version is malformed.
    rest: &'a str,
}

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::of(a), Version::of(b));
    numbers(&a.numbers, &b.numbers)
        .then_with(|| a.letter.cmp(b.letter))
        .then_with(|| digits::compare(a.letter_number, b.letter_number))
        .then_with(|| suffixes(&a.suffixes, &b.suffixes))
        .then_with(|| a.hash.cmp(b.hash))
        .then_with(|| {
            let (a, b) = (
                a.revision.unwrap_or_default(),
                b.revision.unwrap_or_default(),
            );
            digits::compare(a, b)
        })
        // Malformed is before well formed.
        .then_with(|| a.rest.is_empty().cmp(&b.rest.is_empty()))
        .then_with(|| a.misfit().cmp(b.misfit()))
}

/// All but the first number are fractions if one begins with a zero: `1.05` is before `1.1`.
fn numbers(a: &[&str], b: &[&str]) -> Ordering {
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        let fraction = at > 0 && (a.starts_with('0') || b.starts_with('0'));
        let order = if fraction {
            a.cmp(b)
        } else {
            digits::compare(a, b)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

fn suffixes(a: &[(usize, &str)], b: &[(usize, &str)]) -> Ordering {
    for at in 0..a.len().max(b.len()) {
        let (a_suffix, a_number) = a.get(at).unwrap_or(&NO_SUFFIX);
        let (b_suffix, b_number) = b.get(at).unwrap_or(&NO_SUFFIX);
        let order = a_suffix
            .cmp(b_suffix)
            .then_with(|| digits::compare(a_number, b_number));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

impl<'a> Version<'a> {
    fn of(text: &'a str) -> Version<'a> {
        let mut version = Version::default();
        let (number, mut rest) = digits::split(text);
        if !number.is_empty() {
            version.numbers.push(number);
        }
        while let Some((number, after)) = rest.strip_prefix('.').map(digits::split) {
            if number.is_empty() || version.numbers.is_empty() {
                break;
            }
            version.numbers.push(number);
            rest = after;
        }
        if rest.starts_with(|c: char| c.is_ascii_lowercase()) {
            (version.letter, rest) = rest.split_at_checked(1).unwrap_or_default();
            (version.letter_number, rest) = digits::split(rest);
        }
        while let Some((word, after)) = rest.strip_prefix('_').map(word) {
            let Some(suffix) = SUFFIXES.iter().position(|suffix| *suffix == word) else {
                break;
            };
            let (number, after) = digits::split(after);
            version.suffixes.push((suffix, number));
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('~') {
            (version.hash, rest) = digits::split_while(after, |c| c.is_ascii_hexdigit());
        }
        if let Some((number, after)) = rest.strip_prefix("-r").map(digits::split) {
            version.revision = Some(number);
            rest = after;
        }
        version.rest = rest;
        version
    }

    /// What distinguishes malformed versions: what is wrong before the revision, or before a hyphen that begins none.
    fn misfit(&self) -> &str {
        let rest = self.rest.split('-').next().unwrap_or_default();
        if self.revision.is_some() { "" } else { rest }
    }
}

fn word(text: &str) -> (&str, &str) {
    digits::split_while(text, |c| c.is_ascii_lowercase())
}

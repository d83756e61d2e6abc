//! Python's order (PEP 440; PyPA specification "Version specifiers").

use std::cmp::Ordering;

use super::digits;

/// Where a release stands without a pre-, post- or development mark, among those with one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark<'a> {
    Lowest,
    Number(&'a str),
    Highest,
}

struct Version<'a> {
    epoch: &'a str,
    release: Vec<&'a str>,
    /// `a`, `b` or `c`, and its number.
    pre: Option<(char, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// What PEP 440 does not know is before all that it knows.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    match (Version::of(&a), Version::of(&b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => legacy(&a).cmp(&legacy(&b)),
        (a, _) => a.is_some().cmp(&true).then(Ordering::Greater),
    }
}

impl Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        digits::compare(self.epoch, other.epoch)
            .then_with(|| releases(&self.release, &other.release))
            .then_with(|| {
                let ((a, a_number), (b, b_number)) = (self.pre(), other.pre());
                a.cmp(&b).then_with(|| digits::compare(a_number, b_number))
            })
            .then_with(|| marks(self.post, other.post, Mark::Lowest))
            .then_with(|| marks(self.dev, other.dev, Mark::Highest))
            .then_with(|| match (self.local, other.local) {
                (Some(a), Some(b)) => locals(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            })
    }

    /// A development release of the release itself is before its pre-releases.
    fn pre(&self) -> (char, &str) {
        match self.pre {
            Some(pre) => pre,
            None if self.post.is_none() && self.dev.is_some() => ('\0', ""),
            None => ('~', ""),
        }
    }
}

impl<'a> Version<'a> {
    /// Reads a version in lower case, with all the spellings that PEP 440 normalizes.
    fn of(text: &'a str) -> Option<Version<'a>> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local)),
            None => (text, None),
        };
        let (epoch, mut rest) = public.split_once('!').unwrap_or(("0", public));
        let (first, after) = digits::split(rest);
        let mut release = vec![first];
        rest = after;
        while let Some((number, after)) = rest.strip_prefix('.').map(digits::split) {
            if number.is_empty() {
                break;
            }
            release.push(number);
            rest = after;
        }
        let pre = marked(
            rest,
            &[
                ("alpha", 'a'),
                ("beta", 'b'),
                ("preview", 'c'),
                ("pre", 'c'),
                ("rc", 'c'),
                ("a", 'a'),
                ("b", 'b'),
                ("c", 'c'),
            ],
        );
        let pre = pre.map(|(kind, number, after)| {
            rest = after;
            (kind, number)
        });
        // `1.0-1` is short for `1.0.post1`.
        let short = rest.strip_prefix('-').map(digits::split);
        let short = short.filter(|(number, _)| !number.is_empty());
        let post = short.map(|(number, after)| ('p', number, after));
        let post = post.or_else(|| marked(rest, &[("post", 'p'), ("rev", 'p'), ("r", 'p')]));
        let post = post.map(|(_, number, after)| {
            rest = after;
            number
        });
        let dev = marked(rest, &[("dev", 'd')]).map(|(_, number, after)| {
            rest = after;
            number
        });
        let whole = rest.is_empty()
            && !first.is_empty()
            && digits::all(epoch)
            && local.is_none_or(|local| local_parts(local).all(alphanumeric));
        whole.then_some(Version {
            epoch,
            release,
            pre,
            post,
            dev,
            local,
        })
    }
}

/// A separator, one of the words, a separator, a number: all but the word may be missing.
fn marked<'a>(text: &'a str, words: &[(&str, char)]) -> Option<(char, &'a str, &'a str)> {
    let separator = ['.', '-', '_'];
    let inner = text.strip_prefix(separator).unwrap_or(text);
    let found = words
        .iter()
        .find_map(|(word, kind)| Some((*kind, inner.strip_prefix(word)?)));
    let (kind, rest) = found?;
    let (number, after) = digits::split(rest.strip_prefix(separator).unwrap_or(rest));
    // A separator without a number belongs to what follows.
    Some(if number.is_empty() {
        (kind, "", rest)
    } else {
        (kind, number, after)
    })
}

/// Absent numbers are zero.
fn releases(a: &[&str], b: &[&str]) -> Ordering {
    let part = |release: &[&str], at: usize| release.get(at).map_or("", |part| *part).to_owned();
    (0..a.len().max(b.len()))
        .map(|at| digits::compare(&part(a, at), &part(b, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn marks(a: Option<&str>, b: Option<&str>, absent: Mark<'_>) -> Ordering {
    let rank = |mark: Mark<'_>| match mark {
        Mark::Lowest => 0,
        Mark::Number(_) => 1,
        Mark::Highest => 2,
    };
    let (a, b) = (
        a.map_or(absent, Mark::Number),
        b.map_or(absent, Mark::Number),
    );
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Mark::Number(a), Mark::Number(b)) => digits::compare(a, b),
        _ => Ordering::Equal,
    })
}

fn local_parts(local: &str) -> impl Iterator<Item = &str> {
    local.split(['.', '-', '_'])
}

fn alphanumeric(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Words before numbers, fewer parts before more.
fn locals(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (local_parts(a), local_parts(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (Some(a), Some(b)) => match (digits::all(a), digits::all(b)) {
                (true, true) => digits::compare(a, b),
                (false, false) => a.cmp(b),
                (a_number, b_number) => a_number.cmp(&b_number),
            },
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The key by which setuptools ordered what it could not read: numbers padded, words marked so that they come first.
fn legacy(version: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in legacy_parts(version) {
        if part.starts_with('*') {
            if part.as_str() < "*final" {
                pop_while(&mut parts, "*final-");
            }
            pop_while(&mut parts, "00000000");
        }
        parts.push(part);
    }
    parts
}

fn pop_while(parts: &mut Vec<String>, unwanted: &str) {
    while parts.last().is_some_and(|last| last == unwanted) {
        parts.pop();
    }
}

fn legacy_parts(version: &str) -> impl Iterator<Item = String> {
    let mut rest = version;
    let runs = std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let kind = |c: char| match c {
            '0'..='9' => 0,
            'a'..='z' => 1,
            '.' => 2,
            '-' => 3,
            _ => 4,
        };
        let single = matches!(first, '.' | '-');
        let (run, after) = match single {
            true => rest.split_at_checked(1)?,
            false => digits::split_while(rest, |c| kind(c) == kind(first)),
        };
        rest = after;
        Some(run)
    });
    let parts = runs.filter(|run| *run != ".").map(|run| match run {
        "pre" | "preview" | "rc" => "*c".to_owned(),
        "-" => "*final-".to_owned(),
        "dev" => "*@".to_owned(),
        number if digits::all(number) => format!("{number:0>8}"),
        word => format!("*{word}"),
    });
    parts.chain(["*final".to_owned()])
}

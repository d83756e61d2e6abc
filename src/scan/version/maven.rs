//! Maven's order (`ComparableVersion`; POM reference, "Version Order Specification").

use std::cmp::Ordering;

use super::digits;

/// Words with a place of their own; the empty one is the release. All others come after them.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE: usize = 5;

/// One part between dots.
#[derive(Debug)]
enum Part<'a> {
    Number(&'a str),
    Word(&'a str),
}

/// What may stand at a place of a list: a part, the list that begins at the next hyphen, or nothing.
enum Item<'a> {
    Part(&'a Part<'a>),
    List,
    Absent,
}

/// A hyphen, and each step from digits to letters or back, opens a list inside the last one; none is ever closed.
/// So a version is a row of lists, each the last item of the one before.
struct Version<'a>(Vec<Vec<Part<'a>>>);

pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (a, b) = (Version::of(&a), Version::of(&b));
    for depth in 0..a.0.len().max(b.0.len()) {
        for at in 0.. {
            let order = match (a.item(depth, at), b.item(depth, at)) {
                (Item::List, Item::List) => break,
                (Item::Absent, Item::Absent) => return Ordering::Equal,
                (a_item, Item::Absent) => a.against_nothing(&a_item, depth),
                (Item::Absent, b_item) => b.against_nothing(&b_item, depth).reverse(),
                (Item::Part(a), Item::Part(b)) => a.cmp(b),
                (Item::Part(Part::Number(_)), Item::List) => Ordering::Greater,
                (Item::Part(Part::Word(_)), Item::List) => Ordering::Less,
                (Item::List, Item::Part(Part::Number(_))) => Ordering::Less,
                (Item::List, Item::Part(Part::Word(_))) => Ordering::Greater,
            };
            if order.is_ne() {
                return order;
            }
        }
    }
    Ordering::Equal
}

impl<'a> Version<'a> {
    /// Reads a version in lower case.
    fn of(version: &'a str) -> Version<'a> {
        let mut lists: Vec<Vec<Part<'a>>> = Vec::new();
        let mut list = Vec::new();
        let mut rest = version;
        let mut part_expected = true;
        while let Some(first) = rest.chars().next() {
            if first == '.' || first == '-' {
                if part_expected {
                    list.push(Part::Number("0"));
                }
                if first == '-' {
                    lists.push(std::mem::take(&mut list));
                }
                part_expected = true;
                rest = rest.split_at_checked(1).unwrap_or_default().1;
                continue;
            }
            let digit = first.is_ascii_digit();
            let run = |c: char| c != '.' && c != '-' && c.is_ascii_digit() == digit;
            let (part, after) = digits::split_while(rest, run);
            let number_follows = after.starts_with(|c: char| c.is_ascii_digit());
            list.push(match digit {
                true => Part::Number(part),
                false => Part::Word(word(part, number_follows)),
            });
            part_expected = false;
            rest = after;
            if !rest.is_empty() && !rest.starts_with(['.', '-']) {
                lists.push(std::mem::take(&mut list));
            }
        }
        lists.push(list);
        Version(trimmed(lists))
    }

    fn item(&self, depth: usize, at: usize) -> Item<'_> {
        let list = self.0.get(depth).map(Vec::as_slice).unwrap_or_default();
        match list.get(at) {
            Some(part) => Item::Part(part),
            None if at == list.len() && depth + 1 < self.0.len() => Item::List,
            None => Item::Absent,
        }
    }

    fn against_nothing(&self, item: &Item<'_>, depth: usize) -> Ordering {
        match item {
            Item::Part(part) => part.against_nothing(),
            // The first part inside decides, however deep.
            Item::List => {
                let inside = self.0.iter().skip(depth + 1);
                let first = inside.filter_map(|list| list.first()).next();
                first.map_or(Ordering::Equal, Part::against_nothing)
            }
            Item::Absent => Ordering::Equal,
        }
    }
}

impl Part<'_> {
    fn cmp(&self, other: &Part<'_>) -> Ordering {
        match (self, other) {
            (Part::Number(a), Part::Number(b)) => digits::compare(a, b),
            (Part::Word(a), Part::Word(b)) => place(a).cmp(&place(b)),
            (Part::Number(_), Part::Word(_)) => Ordering::Greater,
            (Part::Word(_), Part::Number(_)) => Ordering::Less,
        }
    }

    fn against_nothing(&self) -> Ordering {
        match self {
            Part::Number(number) => digits::compare(number, "0"),
            Part::Word(word) => place(word).0.cmp(&RELEASE),
        }
    }
}

fn place(word: &str) -> (usize, &str) {
    let known = WORDS.iter().position(|known| *known == word);
    known.map_or((WORDS.len(), word), |at| (at, ""))
}

/// What a word is short for.
fn word(word: &str, number_follows: bool) -> &str {
    match word {
        "a" if number_follows => "alpha",
        "b" if number_follows => "beta",
        "m" if number_follows => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        word => word,
    }
}

/// Without what says nothing at the end of each list: `1.0-1` is `1-1`, `1.0` is `1`.
fn trimmed(mut lists: Vec<Vec<Part<'_>>>) -> Vec<Vec<Part<'_>>> {
    for list in &mut lists {
        while list
            .last()
            .is_some_and(|last| last.against_nothing().is_eq())
        {
            list.pop();
        }
    }
    // A list that says nothing is none: `1-ga-1` is `1-1`. The first one is where the version begins.
    let mut first = true;
    lists.retain(|list| std::mem::take(&mut first) || !list.is_empty());
    lists
}

//! The engine and what it is compared with, on a whole set.

use std::collections::{BTreeMap, HashSet};

use lazaret::names::{NameRules, Tier, judge};

use crate::sets::DataSet;

/// Most names that string distances compare with all of the list, evenly taken: it takes milliseconds for one.
const BRUTE_FORCE_NAMES: usize = 5_000;

/// Whether a name looks like a known one, by a rule that knows nothing but the two.
type Alike = fn(&str, &str) -> bool;

/// What is left of a name when what does not tell names apart is taken away.
type Form = fn(&str) -> String;

/// What the engine is compared with. All get the same list and let through what is on it.
const ALIKE: [(&str, Alike); 3] = [
    ("OSA ≤ 1", |a, b| within(a, b, 1)),
    ("OSA ≤ 2, guarded", guarded),
    ("Jaro-Winkler ≥ .90", alike_in_a_part),
];

/// Rules by which two names are the same when this is the same.
const SAME: [(&str, Form); 2] = [("npm's rule", npm), ("PyPI's rule", pypi)];

/// What all detectors say of a set.
pub(crate) struct Row {
    pub file: &'static str,
    pub set: &'static str,
    pub mistakes: bool,
    pub names: usize,
    pub block: usize,
    pub warn: usize,
    pub hint: usize,
    /// Of the blocked, names in a benign set that Docker Hub lets nobody have.
    pub impossible: usize,
    /// Of the flagged (blocked or warned), those whose first suggestion is what was meant, and those of which that is known.
    pub right: (usize, usize),
    /// Flagged by the others, of how many.
    pub others: BTreeMap<&'static str, (usize, usize)>,
}

pub(crate) fn row(set: &DataSet) -> Row {
    let rules = NameRules::default();
    let mut row = Row {
        file: set.file,
        set: set.what,
        mistakes: set.mistakes,
        names: set.names.len(),
        block: 0,
        warn: 0,
        hint: 0,
        impossible: 0,
        right: (0, 0),
        others: others(set),
    };
    for (name, meant) in set.names.iter().zip(&set.meant) {
        let judged = judge(name, &set.corpus, &rules);
        match judged.tier() {
            Some(Tier::Block) => row.block += 1,
            Some(Tier::Warn) => row.warn += 1,
            Some(Tier::Hint) => row.hint += 1,
            None => {}
        }
        let impossible = judged
            .suspicions
            .iter()
            .any(|found| found.rule == "impossible-namespace");
        row.impossible += usize::from(impossible && !set.mistakes);
        if let (Some(meant), Some(Tier::Block | Tier::Warn)) = (meant, judged.tier()) {
            let first = judged
                .suspicions
                .iter()
                .flat_map(|found| &found.suggestions)
                .next();
            let right = first.is_some_and(|first| first.repository() == meant.repository());
            row.right.0 += usize::from(right);
            row.right.1 += 1;
        }
    }
    row
}

fn others(set: &DataSet) -> BTreeMap<&'static str, (usize, usize)> {
    let known: Vec<&str> = set
        .corpus
        .images()
        .map(|(known, _)| known.as_str())
        .collect();
    let exact: HashSet<&str> = known.iter().copied().collect();
    let step = set.names.len().div_ceil(BRUTE_FORCE_NAMES).max(1);
    let asked: Vec<&str> = set
        .names
        .iter()
        .map(|name| name.repository().as_str())
        .collect();
    let unknown = |name: &&&str| !exact.contains(**name);
    let brute = ALIKE.iter().map(|(detector, alike)| {
        let sample: Vec<&str> = asked.iter().step_by(step).copied().collect();
        let like = |name: &&&str| known.iter().any(|known| alike(name, known));
        (
            *detector,
            (
                sample.iter().filter(unknown).filter(like).count(),
                sample.len(),
            ),
        )
    });
    let same = SAME.iter().map(|(detector, form)| {
        let forms: HashSet<String> = known.iter().map(|known| form(known)).collect();
        let like = |name: &&&str| forms.contains(&form(name));
        (
            *detector,
            (
                asked.iter().filter(unknown).filter(like).count(),
                asked.len(),
            ),
        )
    });
    brute.chain(same).collect()
}

fn within(a: &str, b: &str, most: usize) -> bool {
    a.len().abs_diff(b.len()) <= most && strsim::osa_distance(a, b) <= most
}

/// One edit from 4 letters of the path on, two from 9 on: short names are near everything.
fn guarded(a: &str, b: &str) -> bool {
    let path = |name: &str| name.split_once('/').map_or(0, |(_, path)| path.len());
    match path(a).min(path(b)) {
        0..4 => false,
        4..9 => within(a, b, 1),
        _ => within(a, b, 2),
    }
}

/// The same host and nearly the same path, or the other way round.
fn alike_in_a_part(a: &str, b: &str) -> bool {
    let (a, b) = (a.split_once('/').unwrap(), b.split_once('/').unwrap());
    let near = |a: &str, b: &str| strsim::jaro_winkler(a, b) >= 0.90;
    (a.0 == b.0 && near(a.1, b.1)) || (a.1 == b.1 && near(a.0, b.0))
}

/// npm refuses a new name that is an old one but for punctuation.
fn npm(name: &str) -> String {
    let (host, path) = name.split_once('/').unwrap_or((name, ""));
    format!("{host}/{}", path.replace(['-', '_', '.'], ""))
}

/// PyPI also takes l, i and 1, and o and 0, for the same.
fn pypi(name: &str) -> String {
    let (host, path) = name.split_once('/').unwrap_or((name, ""));
    format!(
        "{host}/{}",
        path.replace(['-', '_', '.'], "")
            .replace(['l', 'i'], "1")
            .replace('o', "0")
    )
}

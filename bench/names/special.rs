//! Questions that need a list of their own.

use std::collections::BTreeSet;

use lazaret::names::{Corpus, NameRules, Tier, judge};
use lazaret::oci::Reference;

use crate::sets::{ALIASES, HOSTS, IMAGES, filtered, rows};

/// How many of how many met which tier.
pub(crate) struct Special {
    pub what: &'static str,
    pub names: usize,
    pub block: usize,
    pub warn: usize,
    pub hint: usize,
}

pub(crate) fn measure() -> Vec<Special> {
    [hard_negatives(), pairs()].into_iter().flatten().collect()
}

fn count(special: &mut Special, name: &Reference, corpus: &Corpus) {
    special.names += 1;
    match judge(name, corpus, &NameRules::default()).tier() {
        Some(Tier::Block) => special.block += 1,
        Some(Tier::Warn) => special.warn += 1,
        Some(Tier::Hint) => special.hint += 1,
        None => {}
    }
}

/// Listed names that are close to another listed one, each judged by a list without it: honest, and not yet known.
fn hard_negatives() -> Option<Special> {
    let mut special = Special {
        what: "honest neighbours of well-known names, each left out of the list (should pass)",
        names: 0,
        block: 0,
        warn: 0,
        hint: 0,
    };
    let listed: BTreeSet<&str> = IMAGES
        .lines()
        .filter_map(|line| line.split(',').next())
        .collect();
    let rows = rows("hard_negatives.csv")?;
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| &row[..2]).collect();
    for name in names
        .into_iter()
        .filter(|name| listed.contains(name.as_str()))
    {
        let corpus = filtered(|line| line.split(',').next() != Some(name));
        count(&mut special, &name.parse().unwrap(), &corpus);
    }
    Some(special)
}

/// Squats of package registries, as if their targets were official images.
fn pairs() -> Option<Special> {
    let mut special = Special {
        what: "squats of npm, PyPI and others, their targets as official images (should be caught)",
        names: 0,
        block: 0,
        warn: 0,
        hint: 0,
    };
    let rows = rows("pairs_ecosystems.tsv")?;
    let official = |name: &str| -> Option<Reference> {
        let name = name
            .trim_start_matches('@')
            .to_lowercase()
            .replace('/', "-");
        format!("docker.io/library/{name}").parse().ok()
    };
    let targets: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| Some(official(row.get(1)?)?.repository().as_str().to_owned()))
        .collect();
    let table: String = targets
        .iter()
        .map(|name| format!("{name},3,target\n"))
        .collect();
    let corpus = Corpus::parse(&format!("image,tier,why\n{table}"), HOSTS, ALIASES).unwrap();
    for squat in rows.iter().filter_map(|row| official(&row[0])) {
        count(&mut special, &squat, &corpus);
    }
    Some(special)
}

//! The name engine against data of real mistakes and honest names. They lie beside the project and are read in place;
//! without them nothing is measured.

use std::path::Path;

use lazaret::names::{Corpus, NameRules, Tier, judge};
use lazaret::oci::Reference;

/// Share of real mistakes that are blocked or warned of, in percent.
const RECALL_FLOOR: usize = 94;
/// Share of names that are close to another well-known one and would be blocked were they not listed, in percent.
const NEAR_NAMES_CEILING: usize = 2;

fn data(file: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/names")
        .join(file);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("{file} is not here; nothing is measured");
        return Vec::new();
    };
    let fields = |line: &str| line.split([',', '\t']).map(str::to_owned).collect();
    text.lines()
        .filter(|line| line.contains('/'))
        .map(fields)
        .collect()
}

fn verdict(name: &str) -> Option<(Tier, &'static str, Vec<Reference>)> {
    let reference = name.parse().ok()?;
    let judged = judge(&reference, Corpus::embedded(), &NameRules::default());
    let worst = judged.suspicions.into_iter().next()?;
    Some((worst.tier, worst.rule, worst.suggestions))
}

#[test]
fn real_mistakes_are_caught_and_the_name_that_was_meant_is_first() {
    let rows = data("human_typos_wild.csv");
    let (mut caught, mut right) = (0, 0);
    for row in &rows {
        match verdict(&row[0]) {
            Some((tier, _, suggestions)) if tier >= Tier::Warn => {
                caught += 1;
                let meant = suggestions
                    .first()
                    .is_some_and(|first| first.repository().as_str() == row[1]);
                right += usize::from(meant);
                if !meant {
                    println!("{} meant {}, not {suggestions:?}", row[0], row[1]);
                }
            }
            other => println!("{} passes: {other:?}", row[0]),
        }
    }
    println!(
        "caught {caught} of {}, {right} with the right suggestion first",
        rows.len()
    );
    assert!(caught * 100 >= rows.len() * RECALL_FLOOR);
    assert!(right * 100 >= caught * RECALL_FLOOR);
}

#[test]
fn no_honest_name_is_blocked() {
    let rows = data("B1.tsv");
    let blocked: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((&row[0], verdict(&row[0])?)))
        // No such namespace can exist: who wrote it made a mistake.
        .filter(|(_, (tier, rule, _))| *tier == Tier::Block && *rule != "impossible-namespace")
        .collect();
    assert!(blocked.is_empty(), "{blocked:#?}");
}

#[test]
fn names_close_to_each_other_are_both_honest() {
    let rows = data("hard_negatives.csv");
    let stopped: Vec<_> = rows
        .iter()
        .flat_map(|row| &row[..2])
        .filter_map(|name| Some((name, verdict(name)?)))
        .filter(|(name, (tier, rule, _))| {
            *tier == Tier::Block && *rule != "impossible-namespace" && name.contains('/')
        })
        .collect();
    println!("blocked: {stopped:#?}");
    assert!(stopped.len() * 100 <= rows.len() * 2 * NEAR_NAMES_CEILING);
}

#[test]
fn known_malicious_names_are_told_apart_only_where_the_name_can() {
    let rows = data("known_malicious_images.csv");
    let mentioned = rows.iter().filter(|row| verdict(&row[0]).is_some()).count();
    println!(
        "of {} malicious names {mentioned} are mentioned",
        rows.len()
    );
    if let Some(row) = rows.iter().find(|row| row[1] == "registry-host-typo") {
        assert!(verdict(&row[0]).is_some_and(|(tier, ..)| tier == Tier::Block));
    }
    assert!(mentioned * 100 >= rows.len() * 40);
}

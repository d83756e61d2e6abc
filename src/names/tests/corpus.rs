//! The corpus itself, and the index over it.

use proptest::prelude::*;

use super::super::*;
use super::*;

#[test]
fn files_are_readable_and_mistakes_in_them_are_named() {
    let files = [
        include_str!("../data/images.csv"),
        include_str!("../data/hosts.csv"),
        include_str!("../data/aliases.csv"),
    ];
    let corpus = Corpus::parse(files[0], files[1], files[2]).unwrap();
    assert_eq!(corpus.version(), Corpus::embedded().version());
    let wrong = Corpus::parse("image,tier,why\nnginx,3,x\nnginx;3\n", "", "").unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "line 3 of the name corpus's images is malformed"
    );
}

#[test]
fn well_known_names_are_never_suspected() {
    for (repository, _) in Corpus::embedded().images() {
        assert_eq!(judged(repository.as_str()), [], "{repository}");
    }
}

#[test]
fn every_listed_docker_hub_namespace_can_exist_or_is_dockers_own() {
    for (repository, _) in Corpus::embedded().images() {
        let namespace = repository.path().split('/').next().unwrap();
        if repository.host() == "docker.io" && !["mcp", "ai"].contains(&namespace) {
            assert!((4..=30).contains(&namespace.len()), "{repository}");
            assert!(
                namespace.bytes().all(|b| b.is_ascii_alphanumeric()),
                "{repository}"
            );
        }
    }
}

/// An entry that is one edit from another owner's would shield a squat, unless the file says why it is there.
#[test]
fn listed_names_of_different_owners_are_not_neighbours() {
    let images: Vec<_> = Corpus::embedded()
        .images()
        .map(|(repository, _)| repository)
        .collect();
    for (at, a) in images.iter().enumerate() {
        for b in &images[at + 1..] {
            let owner = |name: &str| name.rsplit_once('/').unwrap().0.to_owned();
            let closed = ["registry.access.redhat.com", "registry.redhat.io"].contains(&a.host());
            let explained = |name: &str| {
                include_str!("../data/images.csv")
                    .lines()
                    .any(|line| line.starts_with(&format!("{name},")) && line.contains("near:"))
            };
            if a.host() == b.host() && !closed && owner(a.as_str()) != owner(b.as_str()) {
                let near = Edit::between(a.path(), b.path(), 1).is_some();
                assert!(
                    !near || explained(a.as_str()) || explained(b.as_str()),
                    "{a} and {b}"
                );
            }
        }
    }
}

#[test]
fn neighbours_are_those_that_brute_force_finds() {
    let words = [
        "bitnami",
        "grafana",
        "containrrr",
        "linuxserver",
        "prom",
        "redis",
        "rediss",
    ];
    let index = neighbours::Neighbours::new(8, words.into_iter());
    for asked in [
        "bitnmai",
        "bitname",
        "grafanaa",
        "containerr",
        "linuxsrvr",
        "rom",
        "redis",
        "redsi",
        "x",
        "linux-server",
        "containerrrr",
    ] {
        let found: Vec<_> = index
            .of(asked)
            .into_iter()
            .map(|(at, edit)| (words[at], edit))
            .collect();
        let within = |word: &str| {
            if word.len().min(asked.len() + 1) >= 8 {
                2
            } else {
                1
            }
        };
        let expected: Vec<_> = words
            .iter()
            .filter_map(|word| Some((*word, Edit::between(asked, word, within(word))?)))
            .collect();
        assert_eq!(found, expected, "{asked}");
    }
}

proptest! {
    #[test]
    fn any_reference_is_judged(
        host in "([a-z0-9]{1,9}(\\.[a-z0-9]{1,9}){1,2}(:[0-9]{1,4})?/)?",
        path in "[a-z0-9]{1,14}([._-][a-z0-9]{1,9}){0,2}(/[a-z0-9]{1,12}){0,3}",
        tag in "(:[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20})?",
    ) {
        if let Ok(reference) = format!("{host}{path}{tag}").parse::<Reference>() {
            let found = judge(&reference, Corpus::embedded(), &NameRules::default());
            let suggested: Vec<_> = found.suspicions.iter().flat_map(|found| &found.suggestions).collect();
            prop_assert!(suggested.len() <= 3);
            prop_assert!(!suggested.contains(&&reference));
            prop_assert!(found.suspicions.is_sorted_by(|a, b| a.tier >= b.tier));
        }
    }

    #[test]
    fn any_edit_of_a_well_known_name_is_judged(at in 0usize..1800, cut in 0usize..40, with in "[a-z0-9-]{0,2}") {
        let (repository, _) = Corpus::embedded().images().nth(at).unwrap();
        let mut name = repository.to_string();
        name.replace_range(cut % name.len()..=cut % name.len(), &with);
        if let Ok(reference) = name.parse::<Reference>() {
            judge(&reference, Corpus::embedded(), &NameRules::default());
        }
    }
}

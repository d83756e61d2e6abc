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

    #[test]
    fn one_edit_is_what_optimal_string_alignment_says(a in "[a-c]{0,7}", b in "[a-c]{0,7}") {
        prop_assert_eq!(Edit::between(&a, &b, 1).is_some(), strsim::osa_distance(&a, &b) == 1);
    }

    #[test]
    fn an_exception_only_removes_suspicions(at in 0usize..1800, cut in 0usize..40, with in "[a-z0-9]{0,2}", by in 0usize..3) {
        let (repository, _) = Corpus::embedded().images().nth(at).unwrap();
        let mut name = repository.to_string();
        name.replace_range(cut % name.len()..=cut % name.len(), &with);
        if let Ok(reference) = name.parse::<Reference>() {
            let asked = reference.repository();
            let (host, path) = (asked.host(), asked.path());
            let namespace = path.rsplit_once('/').map_or("", |(namespace, _)| namespace);
            let exception = [asked.as_str().to_owned(), format!("{host}/{namespace}/*"), path.to_owned()];
            let rules = NameRules { allow: vec![exception[by].clone()], ..NameRules::default() };
            let before = judge(&reference, Corpus::embedded(), &NameRules::default()).suspicions;
            for found in judge(&reference, Corpus::embedded(), &rules).suspicions {
                prop_assert!(before.contains(&found), "{found:?}");
            }
        }
    }

    #[test]
    fn the_order_of_the_list_changes_nothing(seed in any::<u64>(), at in 0usize..1800, cut in 0usize..40, with in "[a-z0-9-]{0,2}") {
        let shuffled = &SHUFFLED[(seed % 3) as usize];
        let (repository, _) = Corpus::embedded().images().nth(at).unwrap();
        let mut name = repository.to_string();
        name.replace_range(cut % name.len()..=cut % name.len(), &with);
        if let Ok(reference) = name.parse::<Reference>() {
            let one = judge(&reference, Corpus::embedded(), &NameRules::default()).suspicions;
            prop_assert_eq!(one, judge(&reference, shuffled, &NameRules::default()).suspicions, "{}", name);
        }
    }
}

/// The built-in list with its lines in other orders.
static SHUFFLED: std::sync::LazyLock<[Corpus; 3]> = std::sync::LazyLock::new(|| {
    let text = include_str!("../data/images.csv");
    let (heading, rows) = text.split_once('\n').unwrap();
    [1, 700, 1801].map(|turn| {
        let mut rows: Vec<&str> = rows.lines().collect();
        rows.reverse();
        rows.rotate_left(turn);
        let images = format!("{heading}\n{}\n", rows.join("\n"));
        Corpus::parse(
            &images,
            include_str!("../data/hosts.csv"),
            include_str!("../data/aliases.csv"),
        )
        .unwrap()
    })
});

#[test]
fn odd_spellings_are_no_names_or_the_same_name() {
    for odd in [
        "Nginx",
        "ngin%78",
        "nginx.",
        "nginx/",
        "nginх",
        "docker.io./library/nginx",
        "ghcr.io./a/b",
        "xn--nginx-.io/a b",
        &"n".repeat(300),
    ] {
        if let Ok(reference) = odd.parse::<Reference>() {
            let known = Corpus::embedded()
                .images()
                .any(|(known, _)| known == reference.repository());
            assert!(!known, "{odd} passes for {reference}");
        }
    }
    // A host that ends with the root's dot is another text for a well-known registry: never contacted.
    let dotted = "ghcr.io./acme/app".parse::<Reference>();
    assert!(
        dotted.is_err()
            || judge(&dotted.unwrap(), Corpus::embedded(), &NameRules::default()).tier()
                == Some(Tier::Block)
    );
    assert_eq!(judged("index.docker.io/library/nginx"), []);
}

use super::*;
use crate::oci::Reference;

fn judged(name: &str) -> Vec<Suspicion> {
    let reference: Reference = name.parse().unwrap();
    judge(&reference, Corpus::embedded(), &NameRules::default()).suspicions
}

#[test]
fn names_are_judged_as_a_person_would() {
    use Tier::{Block, Hint, Warn};
    type Expected = Option<(Tier, &'static str, &'static str)>;
    let table: &[(&str, Expected)] = &[
        ("nginx", None),
        ("docker.io/bitnami/redis", None),
        ("ghcr.io/some/thing", None),
        ("somebody/theirapp", None),
        (
            "ngnix:1.27",
            Some((Block, "name-typo", "docker.io/library/nginx:1.27")),
        ),
        (
            "postgress",
            Some((Block, "name-typo", "docker.io/library/postgres:latest")),
        ),
        (
            "mongodb:7",
            Some((Block, "closed-library-alias", "docker.io/library/mongo:7")),
        ),
        (
            "redis-alpine",
            Some((Warn, "closed-library-tag", "docker.io/library/redis:alpine")),
        ),
        (
            "tomcat9",
            Some((Warn, "closed-library-tag", "docker.io/library/tomcat:9")),
        ),
        (
            "libary/nginx",
            Some((Block, "namespace-typo", "docker.io/library/nginx:latest")),
        ),
        (
            "bitnmai/postgresql",
            Some((
                Block,
                "namespace-typo",
                "docker.io/bitnami/postgresql:latest",
            )),
        ),
        (
            "ghrc.io/org/app:1",
            Some((Block, "host-typo", "ghcr.io/org/app:1")),
        ),
        (
            "docker.io.evil.example/library/nginx",
            Some((Block, "host-typo", "docker.io/library/nginx:latest")),
        ),
        (
            "quay.com/org/app",
            Some((Block, "host-typo", "quay.io/org/app:latest")),
        ),
        (
            "netbox-community/netbox",
            Some((
                Block,
                "impossible-namespace",
                "docker.io/netboxcommunity/netbox:latest",
            )),
        ),
        (
            "vibersastra/ubuntu",
            Some((Hint, "borrowed-name", "docker.io/library/ubuntu:latest")),
        ),
    ];
    for (name, expected) in table {
        let found = judged(name);
        match expected {
            None => assert!(found.is_empty(), "{name}: {found:?}"),
            Some((tier, rule, suggestion)) => {
                let first = found.first().unwrap_or_else(|| panic!("{name} passes"));
                assert_eq!(
                    (first.tier, first.rule),
                    (*tier, *rule),
                    "{name}: {first:?}"
                );
                assert_eq!(first.suggestions[0].to_string(), *suggestion, "{name}");
            }
        }
    }
}

#[test]
fn the_sentence_is_the_one_people_read() {
    assert_eq!(
        judged("ngnix")[0].message,
        "\"ngnix\" is one transposition away from docker.io/library/nginx"
    );
}

#[test]
fn a_listed_registry_is_meant_when_it_is_named() {
    let reference: Reference = "ghrc.io/org/app".parse().unwrap();
    let rules = NameRules {
        registries: vec!["ghrc.io".into()],
        protect: Vec::new(),
    };
    assert!(
        judge(&reference, Corpus::embedded(), &rules)
            .suspicions
            .is_empty()
    );
}

#[test]
fn own_names_are_protected_like_the_popular_ones() {
    let reference: Reference = "docker.io/acmme/tool".parse().unwrap();
    let rules = NameRules {
        registries: Vec::new(),
        protect: vec!["docker.io/acme/tool".parse().unwrap()],
    };
    let found = judge(&reference, Corpus::embedded(), &rules).suspicions;
    assert_eq!(found[0].tier, Tier::Block);
}

/// Data of real human mistakes and of benign names, read where it lies beside the project; without it there is
/// nothing to measure.
#[test]
fn real_mistakes_are_caught_and_real_names_pass() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/names");
    let (Ok(wrong), Ok(benign)) = (
        std::fs::read_to_string(folder.join("human_typos_wild.csv")),
        std::fs::read_to_string(folder.join("B1.tsv")),
    ) else {
        println!("the name data is not here; nothing is measured");
        return;
    };
    let names: Vec<&str> = wrong
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    let caught = names.iter().filter(|name| {
        name.parse::<Reference>()
            .is_ok_and(|_| judged(name).iter().any(|s| s.tier >= Tier::Warn))
    });
    let (caught, all) = (caught.count(), names.len());
    // Impossible namespaces in the benign set are mistakes and placeholders of the people who wrote them.
    let blocked: Vec<_> = benign
        .lines()
        .filter_map(|line| line.split('\t').next())
        .filter(|name| {
            name.parse::<Reference>().is_ok()
                && judged(name)
                    .iter()
                    .any(|s| s.tier == Tier::Block && s.rule != "impossible-namespace")
        })
        .collect();
    println!(
        "caught {caught} of {all}; blocked of {} benign names: {blocked:?}",
        benign.lines().count()
    );
    assert!(caught * 100 >= all * 85, "caught only {caught} of {all}");
    assert!(blocked.is_empty(), "{blocked:?}");
}

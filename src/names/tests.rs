mod corpus;

use super::*;
use crate::oci::Reference;

fn judged_by(name: &str, rules: &NameRules) -> Vec<Suspicion> {
    let reference: Reference = name.parse().unwrap();
    judge(&reference, Corpus::embedded(), rules).suspicions
}

fn judged(name: &str) -> Vec<Suspicion> {
    judged_by(name, &NameRules::default())
}

/// What is asked, and of the first suspicion the tier, the rule and the first suggestion.
fn table(rows: &[(&str, Tier, &str, &str)]) {
    for (name, tier, rule, suggestion) in rows {
        let found = judged(name);
        let first = found.first().unwrap_or_else(|| panic!("{name} passes"));
        assert!(
            RULES.iter().any(|(known, _)| known == rule),
            "{rule} is not listed"
        );
        assert_eq!(
            (first.tier, first.rule),
            (*tier, *rule),
            "{name}: {first:?}"
        );
        let better = first
            .suggestions
            .first()
            .map(Reference::to_string)
            .unwrap_or_default();
        assert_eq!(better, *suggestion, "{name}: {first:?}");
    }
}

use Tier::{Block, Hint, Warn};

#[test]
fn honest_names_pass() {
    for name in [
        "nginx",
        "bitnami/redis",
        "bitnami/some-new-image",
        "ghcr.io/some/thing",
        "somebody/theirapp",
        "localhost:5000/ngnix",
        "10.0.0.1:5000/ngnix",
        "registry.example.com/team/app",
        "us.gcr.io/project/app",
        "mcp/time",
        "neo4j/neo4j",
        "registry.access.redhat.com/ubi7/skopeo",
        "quay.io/radarr/readarr",
    ] {
        assert_eq!(judged(name), [], "{name}");
    }
}

#[test]
fn hosts() {
    table(&[
        ("ghrc.io/org/app:1", Block, "host-typo", "ghcr.io/org/app:1"),
        (
            "grc.io/google_containers/etcd",
            Block,
            "host-typo",
            "gcr.io/google_containers/etcd:latest",
        ),
        (
            "k8s.grc.io/pause:3.9",
            Block,
            "host-typo",
            "registry.k8s.io/pause:3.9",
        ),
        (
            "quay.com/org/app",
            Block,
            "host-lookalike",
            "quay.io/org/app:latest",
        ),
        (
            "docker.io.evil.example/library/nginx",
            Block,
            "host-lookalike",
            "docker.io/library/nginx:latest",
        ),
        (
            "docker-io.com/library/nginx",
            Block,
            "host-lookalike",
            "docker.io/library/nginx:latest",
        ),
        (
            "d0cker.1o/library/nginx",
            Block,
            "host-typo",
            "docker.io/library/nginx:latest",
        ),
    ]);
    assert_eq!(judged("xn--dcker-jua.io/library/nginx")[0].tier, Block);
    assert_eq!(judged("docker.com/library/nginx")[0].tier, Block);
}

#[test]
fn the_closed_library() {
    table(&[
        (
            "docker.io/library/ngnix:1.27",
            Block,
            "name-typo",
            "docker.io/library/nginx:1.27",
        ),
        (
            "postgress",
            Block,
            "name-typo",
            "docker.io/library/postgres:latest",
        ),
        ("phyton:3", Block, "name-typo", "docker.io/library/python:3"),
        (
            "mongodb:7",
            Block,
            "closed-library-alias",
            "docker.io/library/mongo:7",
        ),
        (
            "grafana",
            Block,
            "closed-library-alias",
            "docker.io/grafana/grafana:latest",
        ),
        (
            "redis-alpine",
            Block,
            "closed-library-tag",
            "docker.io/library/redis:alpine",
        ),
        (
            "redis-alpine:7",
            Block,
            "closed-library-tag",
            "docker.io/library/redis:7-alpine",
        ),
        (
            "tomcat9:jdk17",
            Block,
            "closed-library-tag",
            "docker.io/library/tomcat:9-jdk17",
        ),
        (
            "library/redis/7",
            Block,
            "closed-library-tag",
            "docker.io/library/redis:7",
        ),
        ("unheard-of-name", Hint, "closed-library-unknown", ""),
    ]);
}

#[test]
fn namespaces() {
    table(&[
        (
            "libary/nginx",
            Block,
            "namespace-typo",
            "docker.io/library/nginx:latest",
        ),
        (
            "bitnmai/redis:7",
            Block,
            "namespace-typo",
            "docker.io/bitnami/redis:7",
        ),
        (
            "bit-nami/redis",
            Block,
            "namespace-typo",
            "docker.io/bitnami/redis:latest",
        ),
        (
            "gr4fan4/grafana",
            Block,
            "namespace-confusable",
            "docker.io/grafana/grafana:latest",
        ),
        (
            "bitnmai/unlisted",
            Warn,
            "namespace-typo",
            "docker.io/bitnami/unlisted:latest",
        ),
        (
            "bitnmai/rediss",
            Warn,
            "namespace-typo",
            "docker.io/bitnami/redis:latest",
        ),
        (
            "bitnamiofficial/redis",
            Block,
            "namespace-affix",
            "docker.io/bitnami/redis:latest",
        ),
        (
            "redisofficial/redis",
            Block,
            "namespace-affix",
            "docker.io/library/redis:latest",
        ),
        (
            "confluent/cp-kafka",
            Warn,
            "namespace-affix",
            "docker.io/confluentinc/cp-kafka:latest",
        ),
        (
            "dockerlibrary/redis",
            Block,
            "namespace-affix",
            "docker.io/library/redis:latest",
        ),
        (
            "bitnami/rediss",
            Hint,
            "repository-typo",
            "docker.io/bitnami/redis:latest",
        ),
    ]);
}

#[test]
fn structure() {
    table(&[
        (
            "eclipse-temurin/17-jdk",
            Block,
            "tag-after-slash",
            "docker.io/library/eclipse-temurin:17-jdk",
        ),
        (
            "prometheus/prometheus",
            Warn,
            "name-doubled",
            "docker.io/prom/prometheus:latest",
        ),
        (
            "kafka/wurstmeister",
            Warn,
            "swapped-path",
            "docker.io/wurstmeister/kafka:latest",
        ),
        (
            "prometheus-operator/prometheus-operator",
            Block,
            "impossible-namespace",
            "quay.io/prometheus-operator/prometheus-operator:latest",
        ),
        (
            "dani-garcia/vaultwarden",
            Block,
            "impossible-namespace",
            "ghcr.io/dani-garcia/vaultwarden:latest",
        ),
        (
            "somebody42/pyhton",
            Warn,
            "misspelt-official",
            "docker.io/library/python:latest",
        ),
        (
            "somebody42/mongos",
            Hint,
            "misspelt-official",
            "docker.io/library/mongo:latest",
        ),
        (
            "vibersastra/ubuntu",
            Hint,
            "borrowed-name",
            "docker.io/library/ubuntu:latest",
        ),
        (
            "somebody42/watchtower",
            Hint,
            "popular-name-elsewhere",
            "docker.io/containrrr/watchtower:latest",
        ),
    ]);
}

#[test]
fn sentences() {
    for (name, sentence) in [
        (
            "ngnix",
            "\"ngnix\" is one transposition away from docker.io/library/nginx",
        ),
        (
            "bitnmai/unlisted",
            "\"bitnmai\" is one transposition away from docker.io/bitnami",
        ),
        (
            "ghcr.com/a/b",
            "the registry \"ghcr.com\" has another ending than ghcr.io",
        ),
        (
            "nginxx",
            "\"nginxx\" is one doubled letter away from docker.io/library/nginx",
        ),
    ] {
        assert_eq!(judged(name)[0].message, sentence);
    }
}

#[test]
fn the_operator_has_the_first_word() {
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let rules = NameRules {
        registries: strings(&["ghrc.io", "registry.acme.example"]),
        allow: strings(&["docker.io/bitnmai/*", "ngnix/tools"]),
        internal: strings(&["acmecorp/**"]),
        protect: strings(&["docker.io/acmeoss/*", "docker.io/umbrella/tool"]),
    };
    let first = |name: &str| {
        judged_by(name, &rules)
            .first()
            .map(|found| (found.tier, found.rule))
    };
    for (name, expected) in [
        ("ghrc.io/org/app", None),
        ("bitnmai/redis", None),
        ("ngnix/tools", None),
        ("registy.acme.example/a/b", Some((Block, "host-typo"))),
        ("acmecorp/app", Some((Block, "internal-name"))),
        ("quay.io/acmecorp/a/b", Some((Block, "internal-name"))),
        ("acmcorp/app", Some((Block, "internal-near-miss"))),
        ("ghcr.io/acme-corp/app", Some((Block, "internal-near-miss"))),
        ("acmeoss/anything", None),
        ("acmeos/anything", Some((Block, "namespace-typo"))),
        ("umbrela/tool", Some((Block, "namespace-typo"))),
        ("umbrela/other", None),
    ] {
        assert_eq!(first(name), expected, "{name}");
    }
    let far = judged_by("registy.acme.example/a/b", &rules);
    assert_eq!(
        far[0].suggestions[0].to_string(),
        "registry.acme.example/a/b:latest"
    );
}

#[test]
fn an_exception_opens_no_lookalike_registry() {
    let rules = NameRules {
        allow: vec!["tools/**".into()],
        ..NameRules::default()
    };
    assert_eq!(judged_by("ghrc.io/tools/a", &rules)[0].rule, "host-typo");
}

#![allow(clippy::string_slice, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;

fn full(text: &str) -> Result<String, ReferenceError> {
    text.parse::<Reference>()
        .map(|reference| reference.to_string())
}

#[test]
fn makes_short_names_full() {
    let hex = "0".repeat(64);
    let digest = format!("@sha256:{hex}");
    for (text, expected) in [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("INDEX.Docker.io/nginx", "docker.io/library/nginx:latest"),
        ("registry-1.docker.io/a/b", "docker.io/a/b:latest"),
        ("ghcr.io/org/image", "ghcr.io/org/image:latest"),
        ("ghcr.io/image", "ghcr.io/image:latest"),
        ("localhost/x", "localhost/x:latest"),
        ("LOCALHOST/x", "localhost/x:latest"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        // A port without a path reads as a tag, as in distribution.
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("[::1]:5000/a/b:t", "[::1]:5000/a/b:t"),
        ("[2001:db8::1]/a", "[2001:db8::1]/a:latest"),
        ("127.0.0.1/a", "127.0.0.1/a:latest"),
        ("a.b/c", "a.b/c:latest"),
        ("a/b/c/d", "docker.io/a/b/c/d:latest"),
        ("a__b/c-----d.e_f", "docker.io/a__b/c-----d.e_f:latest"),
        ("x:_A.b-C", "docker.io/library/x:_A.b-C"),
    ] {
        assert_eq!(full(text).as_deref(), Ok(expected), "{text}");
    }
    let both = format!("nginx:1{digest}");
    assert_eq!(full(&both), Ok(format!("docker.io/library/{both}")));
    let both: Reference = both.parse().unwrap();
    assert_eq!(both.tag().unwrap().as_str(), "1");
    assert_eq!(both.target().to_string(), digest[1..]);
    let only: Reference = format!("nginx{digest}").parse().unwrap();
    assert_eq!(only.tag(), None, "no latest beside a digest");
}

#[test]
fn refuses_what_the_grammar_refuses() {
    use ReferenceError::{Host, Path, Tag, UpperCase};
    for (text, why) in [
        ("", Path),
        ("/", Path),
        ("/nginx", Path),
        ("nginx/", Path),
        ("a//b", Path),
        ("Nginx", UpperCase),
        ("Foo/bar", UpperCase),
        ("a/B", UpperCase),
        ("-a", Path),
        ("a-", Path),
        ("a___b", Path),
        ("a..b", Path),
        ("a._b", Path),
        (".a", Path),
        ("../a", Host),
        ("ä", Path),
        ("a b", Path),
        ("a\n", Path),
        ("a%2fb", Path),
        ("nginx:", Tag),
        ("nginx::1", Path),
        ("nginx:-1", Tag),
        ("nginx:.1", Tag),
        ("nginx:a+b", Tag),
        ("nginx:é", Tag),
        ("a:b:c", Path),
        ("https://a.b/c", Host),
        ("a.b:/c", Host),
        ("a.b:99999/c", Host),
        ("a.b:+80/c", Host),
        ("a.b:8o/c", Host),
        ("a.b:-1/c", Host),
        (".b/c", Host),
        ("a..b/c", Host),
        ("a.b./c", Host),
        ("-a.b/c", Host),
        ("a_b.c/d", Host),
        ("user:pass@host.io/x", Path),
        ("[::1/x", Host),
        ("[::1]x/x", Host),
        ("[::1]:/x", Host),
        ("[fe80::1%eth0]/x", Host),
        ("[evil.example]/x", Host),
        ("[]/x", Path),
    ] {
        let got = full(text).unwrap_err();
        // What stands behind @ is a digest first.
        let digest = matches!(got, ReferenceError::Digest(_)) && text.contains('@');
        let brackets = text == "[]/x" && got == Path;
        assert!(got == why || digest || brackets, "{text:?}: {got:?}");
    }
    for text in ["a@", "a@sha256:0", "a@b@c", "a@latest"] {
        assert!(
            matches!(full(text), Err(ReferenceError::Digest(_))),
            "{text}"
        );
    }
}

#[test]
fn bounds_names_and_tags() {
    let path = |bytes: usize| format!("docker.io/a/{}", "b".repeat(bytes - "docker.io/a/".len()));
    assert!(path(255).parse::<Repository>().is_ok());
    assert_eq!(
        path(256).parse::<Repository>(),
        Err(ReferenceError::TooLong)
    );
    let short = "b".repeat(255);
    assert_eq!(short.parse::<Repository>(), Err(ReferenceError::TooLong));
    assert!("t".repeat(128).parse::<Tag>().is_ok());
    assert!("t".repeat(129).parse::<Tag>().is_err());
    assert!(full(&"a/".repeat(1_000_000)).is_err());
}

#[test]
fn never_makes_a_repository_that_reads_as_another() {
    // `registry/x` would come back as docker.io/registry/x.
    for host in ["registry", "Foo", "", "a/b.c", "a.b/c"] {
        assert_eq!(
            Repository::new(host, "x"),
            Err(ReferenceError::Host),
            "{host}"
        );
    }
    let repository = Repository::new("index.docker.io", "nginx").unwrap();
    assert_eq!(
        (repository.host(), repository.path()),
        ("docker.io", "library/nginx")
    );
    assert!(Repository::new("docker.io:443", "nginx").is_ok_and(|r| r.host() != DOCKER_HUB));
}

#[test]
fn targets_are_told_by_the_colon() {
    let hex = "a".repeat(64);
    assert!(matches!(
        format!("sha256:{hex}").parse(),
        Ok(Target::Digest(_))
    ));
    assert!(matches!(
        format!("sha256-{hex}").parse(),
        Ok(Target::Tag(_))
    ));
    assert!(matches!(
        "sha256:1".parse::<Target>(),
        Err(ReferenceError::Digest(_))
    ));
}

/// Texts that fit distribution's grammar.
fn valid() -> impl Strategy<Value = String> {
    let host = "([a-z0-9]{1,5}\\.[a-z0-9]{1,5}(:[0-9]{1,4})?/|localhost(:[1-9][0-9]{0,3})?/|\\[::[0-9a-f]{1,4}\\](:[0-9]{1,4})?/)?";
    let part = "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,3}){0,2}";
    let more = proptest::collection::vec(part, 0..3).prop_map(|parts| {
        let slashed = parts.into_iter().map(|part| format!("/{part}"));
        slashed.collect::<String>()
    });
    let tag = "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,10})?";
    let digest = "(@sha256:[0-9a-f]{64})?";
    // Without a host the first segment has no dot, or it would be one.
    let first = "[a-z0-9]{1,4}((_|__|-{1,3})[a-z0-9]{1,3}){0,2}";
    (host, first, more, tag, digest).prop_map(|(host, first, more, tag, digest)| {
        [host, first, more, tag.clone(), digest].concat()
    })
}

proptest! {
    #[test]
    fn accepts_the_grammar_and_round_trips(text in valid()) {
        let reference: Reference = text.parse().unwrap();
        let again: Reference = reference.to_string().parse().unwrap();
        prop_assert_eq!(&again, &reference);
        let repository: Repository = reference.repository().as_str().parse().unwrap();
        prop_assert_eq!(&repository, reference.repository());
        let made = Repository::new(repository.host(), repository.path()).unwrap();
        prop_assert_eq!(made, repository);
    }

    #[test]
    fn anything_accepted_round_trips(text in "[a-zA-Z0-9.:/@_\\[\\]é-]{0,40}|\\PC{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
        }
        let _ = text.parse::<Target>();
    }

    #[test]
    fn made_repositories_round_trip(host in "[a-zA-Z0-9.:\\[\\]-]{0,20}", path in "[a-zA-Z0-9./_-]{0,20}") {
        if let Ok(repository) = Repository::new(&host, &path) {
            prop_assert_eq!(repository.to_string().parse(), Ok(repository.clone()));
            prop_assert_eq!(format!("{}/{}", repository.host(), repository.path()), repository.to_string());
        }
    }
}

#[test]
fn a_publisher_is_the_first_part_after_the_host() {
    for (name, publisher) in [
        ("nginx", "docker.io/library"),
        ("bitnami/redis", "docker.io/bitnami"),
        ("ghcr.io/org/group/image", "ghcr.io/org"),
        ("registry.k8s.io/pause", "registry.k8s.io"),
        ("localhost:5000/acme/app", "localhost:5000/acme"),
    ] {
        let repository: Repository = name.parse().unwrap();
        assert_eq!(repository.publisher(), publisher, "{name}");
    }
}

//! The rules by table, by property, and over the vectors of osv-scalibr where they lie beside the project.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

const RULES: [Rule; 11] = [
    Rule::Dpkg,
    Rule::Apk,
    Rule::Rpm,
    Rule::SemVer,
    Rule::Pep440,
    Rule::Maven,
    Rule::RubyGems,
    Rule::Packagist,
    Rule::NuGet,
    Rule::Pub,
    Rule::Numbers,
];

/// What of the vectors is ordered otherwise here, and why: `file: line # reason`.
const EXCEPTIONS: &str = include_str!("exceptions.txt");

#[test]
fn vectors_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/versions");
    if !folder.is_dir() {
        println!(
            "SKIPPED: no version vectors beside the project, at {}",
            folder.display()
        );
        return;
    }
    let files = [
        ("alpine", Rule::Apk),
        ("cran", Rule::Numbers),
        ("debian", Rule::Dpkg),
        ("hackage", Rule::Numbers),
        ("maven", Rule::Maven),
        ("nuget", Rule::NuGet),
        ("packagist", Rule::Packagist),
        ("pub", Rule::Pub),
        ("pypi", Rule::Pep440),
        ("redhat", Rule::Rpm),
        ("rubygems", Rule::RubyGems),
        ("semver", Rule::SemVer),
    ];
    let (mut held, mut failed, mut excepted) = (0, String::new(), 0);
    for (name, rule) in files {
        for file in [
            format!("{name}-versions"),
            format!("{name}-versions-generated"),
        ] {
            let Ok(text) = fs::read_to_string(folder.join(format!("{file}.txt"))) else {
                continue;
            };
            for line in text
                .lines()
                .filter(|line| !line.starts_with("# ") && !line.starts_with("//"))
            {
                let exception = EXCEPTIONS.lines().any(|row| {
                    row.split_once(" # ")
                        .is_some_and(|(row, _)| row == format!("{file}: {line}"))
                });
                match (holds(rule, line), exception) {
                    (true, false) => held += 1,
                    (false, true) => excepted += 1,
                    (true, true) => {
                        writeln!(failed, "{file}: {line}: no exception any more").unwrap()
                    }
                    (false, false) => writeln!(failed, "{file}: {line}").unwrap(),
                }
            }
        }
    }
    println!("{held} vectors hold, {excepted} are listed exceptions");
    assert!(
        failed.is_empty(),
        "{} fail:\n{failed}",
        failed.lines().count()
    );
    assert_eq!(
        excepted,
        EXCEPTIONS.lines().filter(|row| row.contains(" # ")).count()
    );
}

/// Whether a line such as `1 < 2` is true, both ways round.
fn holds(rule: Rule, line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [a, sign, b] = words[..] else {
        return line.trim().is_empty();
    };
    let order = match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        _ => Ordering::Greater,
    };
    compare(rule, a, b) == Ok(order) && compare(rule, b, a) == Ok(order.reverse())
}

#[test]
fn rules_order_their_own() {
    let rows = "
        Dpkg: 1.0~rc1 < 1.0 < 1.0-0ubuntu1 < 1.0-1~bpo1 < 1.0-1 < 1.0-1+b1 < 1.0a < 1.0+dfsg < 1:0.1
        Dpkg: 1.0 = 0:1.0 = 1.0-0
        Apk: 1.0_alpha < 1.0_beta2 < 1.0_rc1 < 1.0 < 1.0-r1 < 1.0-r10 < 1.0_git20240101 < 1.0_p1 < 1.0a < 1.0.0 < 1.05 < 1.1
        Apk: 3.1.4-r5 = 3.1.4-r05
        Rpm: 1.0~rc1 < 1.0 < 1.0-1 < 1.0-1.el9 < 1.0-1.el9_4 < 1.0-2 < 1.0^git1-1 < 1.0a-1 < 1.0.1-1 < 1:0.1
        Rpm: 1.0-1 = 0:1.0-1 = 1_0-1
        SemVer: 1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0 < 1.0.1 < 1.0.1.1 < 2
        SemVer: v0.0.0-20200101000000-aaaaaaaaaaaa < v0.0.0-20210101000000-000000000000 < v0.0.1
        SemVer: v1.2.3 = 1.2.3 = 1.2.3+build
        Pep440: 0.1-dodo < 0.1 < 1.0.dev1 < 1.0a1.dev1 < 1.0a1 < 1.0b1 < 1.0rc1 < 1.0 < 1.0+local < 1.0+1 < 1.0.post1 < 1.1 < 1!0
        Pep440: 1.0 = v1 = 1.0.0
        Pep440: 1.0rc1 = 1.0-preview_1 = 1.0.c.1
        Maven: 1-alpha < 1-beta < 1-milestone < 1-rc < 1-SNAPSHOT < 1 < 1-sp < 1-abc < 1-1 < 1.1
        Maven: 1 = 1.0 = 1-ga = 1.0.0.Final
        RubyGems: 1.0.a < 1.0.b1 < 1.0.rc1 < 1.0 < 1.0.1 < 1.1 < 10
        RubyGems: 1 = 1.0 = 1.0.0
        Packagist: dev-main < 1.0-dev < 1.0-alpha1 < 1.0-beta1 < 1.0-RC1 < 1.0 < 1.0-p1 < 1.0.1 < 1.1
        NuGet: 1.0-Alpha < 1.0-beta < 1.0 < 1.0.0.1 < 1.0.1
        NuGet: 1.0 = 1.0.0.0 = 1.0+build
        Pub: 1.0.0-pre < 1.0.0 < 1.0.0+1 < 1.0.0+2 < 1.0.1
        Numbers: 0.9 < 0.10 < 0.10-1 < 1
    ";
    for row in rows.lines().filter(|row| !row.trim().is_empty()) {
        let (rule, versions) = row.trim().split_once(": ").unwrap();
        let rule = *RULES
            .iter()
            .find(|known| format!("{known:?}") == rule)
            .unwrap();
        let equal = versions.contains(" = ");
        let versions: Vec<&str> = versions
            .split([' ', '<', '='])
            .filter(|v| !v.is_empty())
            .collect();
        for (at, a) in versions.iter().enumerate() {
            for (other, b) in versions.iter().enumerate() {
                let order = if equal {
                    Ordering::Equal
                } else {
                    at.cmp(&other)
                };
                assert_eq!(compare(rule, a, b), Ok(order), "{rule:?}: {a} and {b}");
            }
        }
    }
}

#[test]
fn what_is_no_version_is_not_ordered() {
    let long = "1".repeat(MAX_VERSION_BYTES + 1);
    for rule in RULES {
        assert_eq!(compare(rule, "", "1"), Err(Incomparable::Empty));
        assert_eq!(compare(rule, "1", &long), Err(Incomparable::TooLong));
    }
    let cases = [
        (Rule::SemVer, "main"),
        (Rule::NuGet, "$(Version)"),
        (Rule::Pub, "any"),
        (Rule::RubyGems, "master"),
        (Rule::Numbers, "1.0.x"),
        (Rule::Dpkg, "x:1"),
    ];
    for (rule, version) in cases {
        assert_eq!(
            compare(rule, version, "1"),
            Err(Incomparable::NotAVersion(rule))
        );
        assert_eq!(
            compare(rule, "1", version),
            Err(Incomparable::NotAVersion(rule))
        );
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(&RULES[..])
}

fn any_version() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,24}", version()]
}

/// Maven's order is none: `1rc` < `1` < `1.x` < `1rc`, in Maven too.
fn lawful_rule() -> impl Strategy<Value = Rule> {
    any_rule().prop_filter("no order", |rule| *rule != Rule::Maven)
}

/// Text of the parts that versions are made of, so that many parse and many are close to each other.
fn version() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "0", "1", "2", "10", "01", ".", ".", "-", "_", "+", "~", "^", ":", "!", "a", "b", "rc",
        "alpha", "pre", "dev", "post", "final", "_p", "-r1", "v",
    ]);
    let first = prop::sample::select(vec!["0", "1", "1.0", "1."]);
    let parts = prop::collection::vec(part, 0..6);
    (first, parts).prop_map(|(first, parts)| format!("{first}{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_compared_without_panic_and_both_ways_alike(rule in any_rule(), a in any_version(), b in any_version()) {
        let forth = compare(rule, &a, &b);
        prop_assert_eq!(forth.map(Ordering::reverse), compare(rule, &b, &a));
        if let Ok(order) = compare(rule, &a, &a) {
            prop_assert_eq!(order, Ordering::Equal);
        }
    }

    #[test]
    fn orders_are_orders(rule in lawful_rule(), a in version(), b in version(), c in version()) {
        let compare = |a, b| compare(rule, a, b);
        if let (Ok(ab), Ok(bc), Ok(ac)) = (compare(&a, &b), compare(&b, &c), compare(&a, &c)) {
            // Two steps the same way, or one and an equality, lead that way.
            if ab == bc || bc == Ordering::Equal {
                prop_assert_eq!(ac, ab, "{} {} {}", a, b, c);
            } else if ab == Ordering::Equal {
                prop_assert_eq!(ac, bc, "{} {} {}", a, b, c);
            }
        }
    }
}

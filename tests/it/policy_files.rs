//! Files with mistakes, and what a person is told: `tests/fixtures/diagnostics/<case>.{toml,txt}`. Names that begin with
//! `server-` are read as lazaret.toml, the others as policy.toml.

use lazaret::config::{SHIPPED_POLICY, parse_policy, parse_server};

use crate::support::fixtures::{entries, expect, read};

#[test]
fn every_mistake_is_shown_where_it_is_with_what_to_do() {
    let mut seen = 0;
    for file in entries("diagnostics") {
        if file.extension().is_none_or(|kind| kind != "toml") {
            continue;
        }
        let text = read(&file);
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let mistakes = if name.starts_with("server-") {
            parse_server(&text, "lazaret.toml").map(drop)
        } else {
            parse_policy(&text, "policy.toml", file.parent()).map(drop)
        };
        let mistakes = mistakes.expect_err(&name).to_string();
        // The folder of this checkout is not part of what is expected.
        let folder = file.parent().unwrap().display().to_string();
        expect(&file.with_extension("txt"), &mistakes.replace(&folder, "…"));
        seen += 1;
    }
    assert!(seen >= 20, "only {seen} cases");
}

#[test]
fn the_shipped_policy_has_no_mistakes() {
    let policy = parse_policy(SHIPPED_POLICY, "policy.toml", None);
    let policy = policy.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(policy.mode(), lazaret::policy::Mode::Enforce);
    assert!(
        policy
            .names()
            .registries
            .iter()
            .any(|host| host == "docker.io")
    );
}

/// Keys that stand in comments are examples that people uncomment.
#[test]
fn the_examples_in_the_shipped_policy_work() {
    let mut uncommented = String::new();
    for line in SHIPPED_POLICY.lines() {
        let example = line.strip_prefix("# ").filter(|line| {
            let key = line.split('=').next().unwrap_or_default().trim();
            line.starts_with("[[")
                || line.starts_with('[')
                || (line.contains(" = ") && !key.is_empty() && !key.contains(' '))
        });
        uncommented.push_str(example.unwrap_or(line));
        uncommented.push('\n');
    }
    assert_ne!(uncommented, SHIPPED_POLICY);
    let text = uncommented.replace("ghcr.io/your-org/*", "ghcr.io/acme/*");
    parse_policy(&text, "policy.toml", None).unwrap_or_else(|mistakes| panic!("{mistakes}"));
}

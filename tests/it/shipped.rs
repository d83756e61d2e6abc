//! The shipped policy with scanning switched on: pulls under it, and that one line does it.

use lazaret::config::{SHIPPED_POLICY, parse_policy};
use lazaret::policy::{Code, Level};
use lazaret::trial::Suite;

use crate::scans::{advisory, debian, image, know};
use crate::support::client::Client;
use crate::support::fake_registry::FakeRegistry;
use crate::support::fixtures::read;
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::tarball;

const NAME: &str = "docker.io/library/nginx";

/// As whoever runs it would: the one line, uncommented.
fn scanning() -> String {
    let off = "# default_scan = \"standard\"\n";
    assert_eq!(SHIPPED_POLICY.matches(off).count(), 1);
    SHIPPED_POLICY.replace(off, off.trim_start_matches("# "))
}

async fn scene() -> (FakeRegistry, Gate, Client) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&scanning()).start(&registry).await;
    let high = advisory("DSA-1", "3.0.12-1")
        .replace("CRITICAL", "HIGH")
        .replace("C:H/I:H/A:H", "C:H/I:N/A:N")
        .replace("CVE-2026-1", "CVE-2026-2");
    know(&gate, &[high, advisory("DSA-2", "3.0.11-1")]).await;
    let client = gate.at_gateway();
    (registry, gate, client)
}

#[tokio::test]
async fn official_images_pass_or_do_not_as_the_policy_says() {
    let (registry, gate, client) = scene().await;
    for (tag, layers) in [
        ("clean", vec![debian("3.0.13-1")]),
        ("high", vec![debian("3.0.11-1")]),
        ("critical", vec![debian("3.0.10-1")]),
        (
            "static",
            vec![tarball(&[(
                "bin/tool",
                b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0",
            )])],
        ),
    ] {
        registry.push_image("library/nginx", tag, &image(layers));
    }
    client.pull(NAME, "clean").await.pulled();
    client.pull(NAME, "high").await.pulled();
    let decision = gate.ledger.decisions(None, 1).await.unwrap().remove(0);
    let passing = decision
        .verdict
        .findings
        .iter()
        .find(|finding| finding.code == Code::Vulnerability)
        .unwrap();
    assert_eq!(
        (passing.level, passing.message.as_str()),
        (Level::Warn, "vulnerabilities that pass: 1 high")
    );
    client.pull(NAME, "static").await.pulled();
    client.pull(NAME, "critical").await.refused();
    let said = client.get(&format!("/v2/{NAME}/manifests/critical")).await;
    assert!(
        said.text()
            .contains("CVE-2026-1 (DSA-2), critical, in libssl3 3.0.10-1"),
        "{}",
        said.text()
    );
}

#[tokio::test]
async fn as_it_is_shipped_it_looks_into_nothing() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(SHIPPED_POLICY).start(&registry).await;
    registry.push_image("library/nginx", "1", &image(vec![debian("3.0.10-1")]));
    gate.at_gateway().pull(NAME, "1").await.pulled();
}

#[test]
fn a_rule_may_say_none_or_another_profile() {
    let text = |rule: &str, head: &str| {
        format!(
            "version = 1\n{head}\n[names]\nregistries = [\"docker.io\"]\n[scan.a]\n[scan.b]\n[default]\nunsigned = \"allow\"\n{rule}\n"
        )
    };
    let profile = |rule: &str, head: &str| {
        let policy = parse_policy(&text(rule, head), "policy.toml", None);
        let policy = policy.map_err(|wrong| wrong.to_string())?;
        let rule = policy.rule_for(&"docker.io/a/b".parse().unwrap()).clone();
        Ok::<_, String>(rule.scan.map(|scan| scan.name.clone()))
    };
    let all = "default_scan = \"a\"";
    for (rule, head, expected) in [
        ("", "", None),
        ("", all, Some("a")),
        ("scan = \"b\"", all, Some("b")),
        ("scan = \"none\"", all, None),
        ("scan = \"none\"", "", None),
    ] {
        assert_eq!(
            profile(rule, head).unwrap().as_deref(),
            expected,
            "{rule} {head}"
        );
    }
    let wrong = profile("", "default_scan = \"c\"").unwrap_err();
    assert!(wrong.contains("there is no [scan.c]"), "{wrong}");
    let passing = text("", "").replace("[scan.a]", "[scan.a]\npassing = \"deny\"");
    let wrong = parse_policy(&passing, "policy.toml", None)
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("what passes cannot be denied"), "{wrong}");
}

#[test]
fn the_examples_are_right_about_the_policy_that_scans() {
    let policy = parse_policy(&scanning(), "policy.toml", None).unwrap();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/deploy/cases/scanned/vulnerabilities.toml"
    );
    let suite = Suite::read(&read(file.as_ref()), "vulnerabilities.toml").unwrap();
    assert_eq!(suite.trials.len(), 10);
    for trial in suite.trials {
        let judged = trial.run(&policy).unwrap();
        assert!(
            judged.differences.is_empty(),
            "{} {:?}",
            trial.line,
            judged.differences
        );
    }
}

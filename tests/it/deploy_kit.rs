//! What people copy from `deploy/` and the pages is what the program takes, and holds.

use std::fs;
use std::path::{Path, PathBuf};

use lazaret::config::{SHIPPED_POLICY, parse_policy, parse_server};
use lazaret::telemetry::Metrics;
use lazaret::trial::Suite;

use crate::support::fixtures::read;
use crate::support::notary::Ca;
use crate::support::signing::Key;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All blocks of one language of a page, joined.
fn blocks(page: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    let found = page.split(&fence).skip(1);
    found
        .map(|rest| rest.split("```").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Without `server` containerd and Docker go on to the registry when the gateway refuses: the block would not hold.
#[test]
fn the_gateway_is_the_last_endpoint_of_hosts_toml() {
    let text = read(&project("deploy/hosts.toml"));
    let file: toml::Table = text.parse().unwrap();
    let server = file["server"].as_str().expect("a server");
    let hosts: Vec<&String> = file["host"].as_table().unwrap().keys().collect();
    assert_eq!(hosts, [server]);
    let page = blocks(&read(&project("docs/clients.md")), "toml");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(page.contains(line), "docs/clients.md lacks {line:?}");
    }
}

#[test]
fn server_files_have_no_mistakes() {
    for file in ["deploy/lazaret.toml", "deploy/container.toml"] {
        let server = parse_server(&read(&project(file)), "lazaret.toml")
            .unwrap_or_else(|mistakes| panic!("{file}: {mistakes}"));
        // An unspecified address is nothing that a person can open.
        assert!(server.external_url.is_some(), "{file}");
    }
}

#[test]
fn the_policy_page_is_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("redhat-release-3.pem"), Key::new().pem()).unwrap();
    let ca = Ca::new("Acme root");
    for name in ["acme-root.pem", "timestamp-root.pem"] {
        fs::write(folder.path().join(name), ca.certificate().to_pem()).unwrap();
    }
    fs::write(
        folder.path().join("acme-root.crl.pem"),
        ca.revocation_list_pem(&[]),
    )
    .unwrap();
    fs::write(folder.path().join("1.root.json"), "{}").unwrap();
    let page = blocks(&read(&project("docs/policy.md")), "toml");
    // Its root is a file of the reader's own.
    let (before, after) = page.split_once("[root.corp]\n").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let mut text = format!("{before}{after}");
    let key = read(&crate::support::fixtures::folder("openpgp").join("good.asc"));
    fs::write(folder.path().join("release.asc"), key).unwrap();
    if !cfg!(feature = "pgp") {
        let mistakes = parse_policy(&text, "policy.toml", Some(folder.path())).unwrap_err();
        assert!(
            mistakes.to_string().contains("--features pgp"),
            "{mistakes}"
        );
        let (before, after) = text.split_once("[signer.release]\n").unwrap();
        let (_, after) = after.split_once("lookaside").unwrap();
        text = format!("{before}{}", after.split_once('\n').unwrap().1);
    }
    parse_policy(&text, "policy.toml", Some(folder.path()))
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
}

#[test]
fn the_page_of_tests_has_cases_that_can_be_judged() {
    let page = blocks(&read(&project("docs/policy-tests.md")), "toml");
    let suite = Suite::read(&page, "policy-tests.md").unwrap();
    let policy = parse_policy(SHIPPED_POLICY, "policy.toml", None).unwrap();
    assert_eq!(suite.trials.len(), 2);
    for trial in suite.trials {
        trial.run(&policy).unwrap();
    }
}

/// Told by the ledger and the policy, not counted among the others.
const ELSEWHERE: [&str; 3] = [
    "lazaret_pulls_unrecorded_total",
    "lazaret_root_refreshed_timestamp_seconds",
    "lazaret_root_stale_timestamp_seconds",
];

#[test]
fn alerts_and_pages_name_metrics_that_exist() {
    let metrics = Metrics::new();
    metrics.set_upstreams(["docker.io"].into_iter());
    let known = metrics.render();
    let known =
        |name: &str| ELSEWHERE.contains(&name) || known.contains(&format!("# TYPE {name} "));
    let alerts = read(&project("deploy/prometheus-alerts.yaml"));
    let page = read(&project("docs/operations.md"));
    let mut seen = 0;
    for text in [&alerts, &page] {
        for rest in text.split("lazaret_").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
            let name = format!("lazaret_{}", &rest[..end.unwrap_or(rest.len())]);
            assert!(known(&name), "there is no metric {name}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen}");
}

/// A name that leads nowhere near Lazaret is a way round, and one that it does not answer for is a pull that fails.
#[test]
fn the_names_that_lead_here_are_those_that_are_answered_for() {
    let upstreams = lazaret::upstream::Upstreams::new(Default::default()).unwrap();
    let mut answered = lazaret::gateway::Dialled::of(&upstreams).hosts();
    answered.sort();
    for file in ["hosts", "dnsmasq.conf", "Corefile"] {
        let text = read(&project("deploy/dns").join(file));
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split([' ', '=', ',']));
        let named = |word: &&str| word.contains('.') && word.ends_with(char::is_alphabetic);
        let path = |word: &str| word.contains('/');
        let mut names: Vec<String> = words
            .filter(named)
            .filter(|word| !path(word))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names, answered, "{file}");
    }
}

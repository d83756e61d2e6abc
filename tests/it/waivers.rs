//! Exceptions that end: what they cover, whether they are of use, and what is doubtful about them.

use std::process::Command;
use std::sync::Arc;

use jiff::SignedDuration;
use lazaret::config::parse_policy;
use lazaret::policy::Code;
use serde_json::Value;

use crate::scans::{APP, POLICY, advisory, at, debian, gate, image, know, refused};
use crate::support::evidence::case;
use crate::support::gate::Gate;
use crate::support::tarball::tarball;

fn run(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("LAZARET_CONFIG")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

fn day(days: i64) -> String {
    let at = lazaret::telemetry::now() + SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

fn waiver(finding: &str, images: &str, until: &str, more: &str) -> String {
    format!(
        "[[waiver]]\nfinding = \"{finding}\"\nimages = [\"{images}\"]\nreason = \"x\"\nowner = \"a@b\"\nuntil = {until}\n{more}\n"
    )
}

fn replace(gate: &Gate, text: &str) {
    let parsed = parse_policy(text, "policy.toml", None).unwrap_or_else(|wrong| panic!("{wrong}"));
    gate.admission.replace_policy(Arc::new(parsed));
}

#[test]
fn doubtful_waivers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let head =
        "version = 1\n[names]\nregistries = [\"docker.io\"]\n[default]\nunsigned = \"allow\"\n";
    for (table, concern) in [
        (waiver("root-user", "docker.io/a/b", &day(-2), ""), format!("root-user ended on {} and excuses nothing", day(-2))),
        (waiver("root-user", "docker.io/a/b", &day(5), ""), format!("root-user ends on {}, in 5 days", day(5))),
        (waiver("root-user", "docker.io/a/b", &day(0), ""), format!("root-user ends on {}, within a day", day(0))),
        (waiver("root-user", "docker.io/a/b", &day(400), ""), format!("root-user lasts until {}, more than a year: choose an earlier day to look at it again", day(400))),
        (waiver("root-user", "docker.io/**", &day(60), ""), "root-user is for a whole registry (docker.io/**): name the images that it is about".to_owned()),
        (waiver("root-user", "docker.io/*/*", &day(60), ""), "root-user is for a whole registry (docker.io/*/*): name the images that it is about".to_owned()),
        (waiver("vulnerability", "docker.io/a/b", &day(60), ""), "vulnerability excuses every vulnerability, those too that nobody knows yet: name the advisory, or packages, paths or digests".to_owned()),
        (waiver("vulnerability", "docker.io/a/b", &day(60), "paths = [\"bin/x\"]"), String::new()),
        (waiver("CVE-2026-1", "docker.io/a/*", &day(60), ""), String::new()),
    ] {
        std::fs::write(folder.path().join("p.toml"), format!("{head}{table}")).unwrap();
        let (code, said, warned) = run(folder.path(), &["policy", "check", "p.toml"]);
        assert_eq!((code, said.as_str()), (0, "p.toml: no mistakes (0 rules, 1 waiver)\n"));
        let expected = match concern.as_str() {
            "" => String::new(),
            concern => format!("warning: p.toml:6 [[waiver]]: {concern}\n"),
        };
        assert_eq!(warned, expected);
        let (code, _, _) = run(folder.path(), &["policy", "check", "p.toml", "--strict"]);
        assert_eq!(code, i32::from(!concern.is_empty()), "{concern}");
    }
}

#[test]
fn a_check_speaks_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let head =
        "version = 1\n[names]\nregistries = [\"docker.io\"]\n[default]\nunsigned = \"allow\"\n";
    let table = waiver("root-user", "docker.io/a/b", &day(5), "ticket = \"SEC-1\"");
    std::fs::write(folder.path().join("p.toml"), format!("{head}{table}")).unwrap();
    let check = || {
        let (code, said, _) = run(folder.path(), &["policy", "check", "p.toml", "--json"]);
        (code, serde_json::from_str::<Value>(&said).unwrap())
    };
    let (code, told) = check();
    assert_eq!((code, &told["mistakes"]), (0, &serde_json::json!([])));
    let one = &told["waivers"][0];
    assert_eq!(
        (&one["line"], &one["ticket"], &one["used"]),
        (&6.into(), &"SEC-1".into(), &Value::Null)
    );
    assert_eq!(one["concerns"][0]["kind"], "ends-soon");
    std::fs::write(
        folder.path().join("p.toml"),
        format!("{head}{}", table.replace("root-user", "root-usr")),
    )
    .unwrap();
    let (code, told) = check();
    let mistake = &told["mistakes"][0];
    assert_eq!(code, 1);
    assert_eq!(
        (&mistake["line"], &mistake["help"][0]),
        (&7.into(), &"did you mean `root-user`?".into())
    );
}

#[tokio::test]
async fn the_ledger_knows_which_waivers_are_of_use() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    registry.push_image(APP, "bad", &image(vec![debian("3.0.11-1")]));
    let name = format!("docker.io/{APP}");
    let of_use = waiver("CVE-2026-1", &name, &day(60), "");
    let text = format!(
        "{POLICY}{of_use}{}",
        waiver("CVE-2026-9", &name, &day(60), "")
    );
    replace(&gate, &text);
    at(&gate).pull(APP, "bad").await.pulled();
    let used = gate.ledger.waivers_used().await.unwrap();
    assert_eq!(
        (used.len(), used.first_key_value().unwrap().1.decisions),
        (1, 1)
    );
    // It is the same one on another line, with another end and for another reason.
    let moved = text
        .replace("reason = \"x\"", "reason = \"still not reachable\"")
        .replace(&day(60), &day(61));
    replace(&gate, &format!("# moved\n{moved}"));
    at(&gate).pull(APP, "bad").await.pulled();
    let used = gate.ledger.waivers_used().await.unwrap();
    assert_eq!(
        (used.len(), used.first_key_value().unwrap().1.decisions),
        (1, 2)
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.toml"), &text).unwrap();
    let data = gate.data().display().to_string();
    let (code, said, warned) = run(
        folder.path(),
        &["policy", "check", "p.toml", "--data-dir", &data],
    );
    assert_eq!(code, 0);
    assert_eq!(
        warned,
        "warning: p.toml:18 [[waiver]]: CVE-2026-9 has excused nothing, as far as the ledger knows: is it still needed?\n"
    );
    assert!(
        said.starts_with("p.toml:11 [[waiver]]: CVE-2026-1 was of use in 2 decisions, last on 20"),
        "{said}"
    );
    let (code, _, wrong) = run(
        folder.path(),
        &["policy", "check", "p.toml", "--data-dir", "nowhere"],
    );
    assert!(code == 2 && wrong.contains("no ledger here"), "{wrong}");
}

#[tokio::test]
async fn a_waiver_may_be_for_one_image_alone() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-2", "3.0.13-1")]).await;
    registry.push_image(APP, "one", &image(vec![debian("3.0.11-1")]));
    registry.push_image(
        APP,
        "two",
        &image(vec![debian("3.0.11-1"), tarball(&[("x", b"")])]),
    );
    refused(&gate, "one").await;
    let decision = gate.ledger.decisions(None, 1).await.unwrap().remove(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, POLICY).unwrap();
    let (id, data) = (decision.id.to_string(), gate.data().display().to_string());
    let arguments = [
        "waive",
        &id,
        "--digest",
        "--reason",
        "not reachable",
        "--owner",
        "a@b",
        "--ticket",
        "SEC-7",
        "--append",
        "policy.toml",
        "--data-dir",
        &data,
    ];
    let (code, said, wrong) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{wrong}");
    let digest = decision.digest.unwrap();
    assert!(
        said.contains(&format!("digests = [\"{digest}\"]\n")),
        "{said}"
    );
    replace(&gate, &std::fs::read_to_string(&file).unwrap());
    at(&gate).pull(APP, "one").await.pulled();
    let newest = gate.ledger.decisions(None, 1).await.unwrap().remove(0);
    let text = lazaret::policy::explain(
        &newest.reference,
        &newest.verdict,
        None,
        lazaret::policy::Paint::Plain,
    );
    assert!(
        text.contains("by a@b: not reachable, SEC-7 (policy.toml:"),
        "{text}"
    );
    refused(&gate, "two").await;
    let text = std::fs::read_to_string(&file)
        .unwrap()
        .replace(&digest.to_string(), "sha256:1");
    let wrong = parse_policy(&text, "policy.toml", None)
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("\"sha256:1\" is no digest"), "{wrong}");
}

/// What could not be learnt is excused by its own name alone, whatever else a waiver says.
#[test]
fn what_is_unavailable_is_excused_by_its_own_name_alone() {
    let unavailable = [
        (Code::ScanUnavailable, "[scan]\nunavailable = \"late\"\n"),
        (
            Code::SignatureUnavailable,
            "[signature]\nunavailable = \"late\"\n",
        ),
        (
            Code::AttestationUnavailable,
            "[signature]\nunavailable = \"late\"\n",
        ),
        (
            Code::ConfigUnavailable,
            "[config]\nunavailable = \"late\"\n",
        ),
    ];
    let rules = "version = 1\n[names]\nregistries = [\"ghcr.io\"]\n[signer.ci]\nkind = \"keyless\"\nissuer = \"https://accounts.google.com\"\nsubject = \"a@b.example\"\n\
        [scan.s]\n[config.c]\n[default]\nsigned_by = [\"ci\"]\nscan = \"s\"\nconfig = \"c\"\nattestation = [{ type = \"spdx\", signed_by = [\"ci\"] }]\n";
    let judge = |waived: &str, lost: &str| {
        let policy = parse_policy(&format!("{rules}{waived}"), "policy.toml", None).unwrap();
        let case = case(&format!(
            "image = \"ghcr.io/a/b:1\"\nnow = \"2026-06-01T00:00:00Z\"\n{lost}"
        ));
        case.judge(&policy).unwrap()
    };
    let mut seen = 0;
    for (code, lost) in unavailable {
        let every = Code::ALL
            .iter()
            .filter(|one| **one != code && **one != Code::Revoked);
        let every = every.map(|one| waiver(one.as_str(), "ghcr.io/**", "2027-01-01", ""));
        let others: String = every
            .chain([waiver("CVE-2026-1", "ghcr.io/**", "2027-01-01", "")])
            .collect();
        for (waived, excused) in [
            (others.as_str(), false),
            (&waiver(code.as_str(), "ghcr.io/**", "2027-01-01", ""), true),
            // Bound to a package it is about something that was found.
            (
                &waiver(
                    code.as_str(),
                    "ghcr.io/**",
                    "2027-01-01",
                    "packages = [\"x\"]",
                ),
                false,
            ),
        ] {
            let verdict = judge(waived, lost);
            let found = verdict
                .findings
                .iter()
                .filter(|finding| finding.code == code);
            for finding in found {
                seen += 1;
                assert_eq!(finding.waived.is_some(), excused, "{code} {waived}");
            }
        }
    }
    assert!(seen >= 3 * unavailable.len(), "{seen}");
}

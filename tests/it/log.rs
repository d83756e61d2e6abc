//! `lazaret log` and `lazaret ledger`, as a person or a program runs them.

use std::path::Path;
use std::process::Output;

use lazaret::ledger::{Client, Ledger, Outcome, Pull, PullKind, SqliteLedger};
use lazaret::policy::{Code, Finding, Level};

use crate::ledger::decision;

fn lazaret(folder: &Path, arguments: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .arg("--data-dir")
        .arg(folder)
        .env_remove("LAZARET_CONFIG")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Three decisions, the second a denial, and a pull under the first.
async fn ledger() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
    let mut made = decision("one", 3);
    ledger.record_decision(made.clone()).await.unwrap();
    ledger.record_pull(Pull {
        at: made.at,
        decision: made.id,
        digest: made.digest,
        client: Client {
            user_agent: "=cmd, containerd".into(),
            ..made.client.clone()
        },
        kind: PullKind::Manifest,
        outcome: Outcome::Served,
        bytes: 0,
    });
    made = decision("two", 2);
    made.allowed = false;
    made.client.address = "10.0.0.8".parse().unwrap();
    made.verdict.findings.push(Finding {
        code: Code::NameSquat,
        level: Level::Deny,
        message: "it looks like one".to_owned(),
        help: None,
        origin: made.verdict.rule.clone(),
        platform: None,
        affected: None,
        respite: None,
        waived: None,
    });
    ledger.record_decision(made).await.unwrap();
    ledger.record_decision(decision("three", 1)).await.unwrap();
    ledger.flush().await.unwrap();
    folder
}

/// What is in a line of the log from a column on.
fn names(text: &str) -> Vec<&str> {
    let names = text
        .lines()
        .filter_map(|line| line.split("docker.io/acme/").nth(1));
    names.map(|rest| rest.split(':').next().unwrap()).collect()
}

#[tokio::test]
async fn decisions_are_shown_newest_last_by_what_they_have() {
    let folder = ledger().await;
    let cases: [(&[&str], &[&str]); 12] = [
        (&[], &["one", "two", "three"]),
        (&["--number", "2"], &["two", "three"]),
        (&["--denied"], &["two"]),
        (&["--allowed"], &["one", "three"]),
        (&["--code", "name-squat"], &["two"]),
        (&["--client", "10.0.0.8"], &["two"]),
        (&["--image", "acme/one"], &["one"]),
        (&["--image", "acme/one:2"], &[]),
        (&["--since", "36h"], &["three"]),
        (&["--since", "60h", "--until", "36h"], &["two"]),
        (&["--pulls"], &["one"]),
        (&["--pulls", "--denied"], &[]),
    ];
    for (arguments, wanted) in cases {
        let output = lazaret(folder.path(), &[&["log"], arguments].concat());
        assert_eq!(names(&said(&output)), wanted, "{arguments:?}");
        let code = if wanted.is_empty() { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
    let text = said(&lazaret(folder.path(), &["log", "--denied"]));
    assert!(
        text.contains("  denied   ")
            && text.ends_with("  10.0.0.8  docker.io/acme/two:1  name-squat\n"),
        "{text}"
    );
    let digest = decision("one", 0).digest.unwrap().to_string();
    let text = said(&lazaret(folder.path(), &["log", "--digest", &digest]));
    assert_eq!(names(&text), ["one"]);
}

#[tokio::test]
async fn programs_get_json_and_csv() {
    let folder = ledger().await;
    let text = said(&lazaret(folder.path(), &["log", "--json", "--denied"]));
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["reference"], "docker.io/acme/two:1");
    assert_eq!(told["verdict"]["findings"][0]["code"], "name-squat");
    let text = said(&lazaret(folder.path(), &["log", "--csv", "--pulls"]));
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("at,outcome,kind,reference,digest,decision,address")
    );
    // A client's words are no formula.
    let line = lines.next().unwrap();
    assert!(
        line.contains(",gateway,\"'=cmd, containerd\",1,0"),
        "{line}"
    );
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_the_remedy() {
    let folder = ledger().await;
    for (arguments, words) in [
        (
            ["log", "--code", "name-squatt"],
            "--code: \"name-squatt\" is no finding code; did you mean name-squat ?",
        ),
        (
            ["log", "--since", "yesterday"],
            "--since: \"yesterday\" is no time: write a time back, a day or a moment, as in 30d, 2026-05-10, 2026-05-10T12:00:00Z",
        ),
        (["log", "--digest", "sha256:12"], "--digest: "),
        (
            ["ledger", "verify", "--key=a+b+c"],
            "--key: a key that is not Ed25519",
        ),
    ] {
        let output = lazaret(folder.path(), &arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

#[tokio::test]
async fn a_ledger_is_proved_and_exported_at_the_command_line() {
    let folder = ledger().await;
    let output = lazaret(folder.path(), &["ledger", "verify"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("whole: 6 entries, "), "{text}");
    let key = said(&lazaret(folder.path(), &["ledger", "key"]));
    let kept = folder.path().join("kept.txt");
    std::fs::write(
        &kept,
        said(&lazaret(folder.path(), &["ledger", "checkpoint"])),
    )
    .unwrap();
    let kept = kept.to_str().unwrap();
    let output = lazaret(
        folder.path(),
        &[
            "ledger",
            "verify",
            "--json",
            "--key",
            key.trim(),
            "--checkpoint",
            kept,
        ],
    );
    let told: serde_json::Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(
        (told["size"].as_u64(), &told["broken"]),
        (Some(6), &serde_json::Value::Null)
    );

    // The hashes can be computed again from what is exported.
    let text = said(&lazaret(folder.path(), &["ledger", "export"]));
    let mut before = "0".repeat(64);
    for line in text.lines() {
        let one: serde_json::Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| one[name].as_str().unwrap();
        let row = line
            .split_once("\"row\":")
            .unwrap()
            .1
            .strip_suffix('}')
            .unwrap();
        let hash = |text: &str| lazaret::oci::Digest::of(text.as_bytes()).hex().to_owned();
        assert_eq!(hash(row), word("leaf"));
        let entry = format!(
            "{before} {} {} {} {} {}\n",
            one["number"],
            one["at"],
            word("kind"),
            word("subject"),
            word("leaf")
        );
        assert_eq!(hash(&entry), word("hash"));
        before = word("hash").to_owned();
    }
    assert_eq!(before, told["head"].as_str().unwrap());
    let text = said(&lazaret(
        folder.path(),
        &["ledger", "export", "--format", "csv", "--since", "60h"],
    ));
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(
        text.contains(",decision,") && text.contains(",deny[name-squat],"),
        "{text}"
    );

    let file = folder.path().join("ledger.db");
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch("UPDATE decision SET allowed = 1")
        .unwrap();
    let output = lazaret(folder.path(), &["ledger", "verify"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("broken: entry 4: decision ")
            && text.contains(" was changed after it was written\n"),
        "{text}"
    );
}

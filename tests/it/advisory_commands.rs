//! `lazaret db` and `lazaret debug`, as a person or a script calls them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::scans::{advisory, zip};
use crate::support::fake_registry::FakeRegistry;

fn lazaret(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("LAZARET_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read it is gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(text).unwrap(),
    )
}

const EXPORT: &str = r#"{"id":"DSA-1","modified":"2026-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"openssl"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0.13-1"}]}]}]}
"#;

#[test]
fn an_export_is_imported_shown_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("export.jsonl"), EXPORT).unwrap();
    let none = said(&lazaret(here, &["db", "status", "--data-dir", "data"], ""));
    assert!(
        none.0 == 0 && none.1.contains("no advisories yet"),
        "{none:?}"
    );
    let import = [
        "db",
        "import",
        "export.jsonl",
        "--ecosystem",
        "debian",
        "--data-dir",
        "data",
    ];
    let imported = said(&lazaret(here, &import, ""));
    assert_eq!(
        imported,
        (
            0,
            "Debian: 1 advisories about 1 packages, the newest of 2026-01-02 00:00 UTC\n"
                .to_owned()
        )
    );
    let status = lazaret(here, &["db", "status", "--json", "--data-dir", "data"], "");
    let status: Vec<serde_json::Value> = String::from_utf8(status.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(status[0]["ecosystem"], "Debian");
    assert_eq!(status[0]["watermark"], "2026-01-02T00:00:00Z");
    assert_eq!(status[0]["increments"], 0);
    let digest = status[0]["digest"].as_str().unwrap();
    let text = said(&lazaret(here, &["db", "status", "--data-dir", "data"], "")).1;
    let line = text.lines().next().unwrap();
    assert!(
        line.ends_with(&format!("newest 2026-01-02 00:00 UTC  {}", &digest[..19])),
        "{line}"
    );
    assert_eq!(status[1]["known_exploited"], serde_json::Value::Null);
    assert_eq!(status[1]["epss"], serde_json::Value::Null);
    let asked = concat!(
        r#"{"ecosystem":"Debian:12","name":"openssl","version":"3.0.11-1"}"#,
        "\n\n",
        r#"{"ecosystem":"Debian:12","name":"openssl","version":"3.0.13-1"}"#,
        "\n",
        r#"{"ecosystem":"Alpine:v3.20","name":"openssl","version":"3"}"#,
        "\n",
    );
    let matched = lazaret(here, &["debug", "match", "--data-dir", "data"], asked);
    let ids: Vec<serde_json::Value> = String::from_utf8(matched.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["ids"].clone())
        .collect();
    assert_eq!(
        serde_json::json!(ids),
        serde_json::json!([["DSA-1"], [], null])
    );
    // An older export does not take its place.
    let older = EXPORT.replace("2026-01-02", "2025-01-02");
    std::fs::write(here.join("export.jsonl"), older).unwrap();
    let refused = said(&lazaret(here, &import, ""));
    assert!(
        refused.0 == 2 && refused.1.contains("less than the 1 until"),
        "{refused:?}"
    );
}

#[test]
fn versions_are_compared_by_the_rule_of_their_ecosystem() {
    let folder = tempfile::tempdir().unwrap();
    let compare = |ecosystem: &str, input: &str| {
        said(&lazaret(
            folder.path(),
            &["debug", "compare", ecosystem],
            input,
        ))
    };
    assert_eq!(
        compare("debian", "1.0~rc1 1.0\n1:0 2\n1.0 1.0-0\n"),
        (0, "<\n>\n=\n".to_owned())
    );
    assert_eq!(compare("PyPI", "1.0.dev1 1.0a1\n"), (0, "<\n".to_owned()));
    assert_eq!(
        compare("Alpine:v3.20", "1.0_rc1 1.0\n"),
        (0, "<\n".to_owned())
    );
    let wrong = compare("Debian", "1.0\n");
    assert!(wrong.0 == 2 && wrong.1.contains("line 1"), "{wrong:?}");
    let unknown = compare("Slackware", "1 2\n");
    assert!(
        unknown.0 == 2 && unknown.1.contains("no ecosystem"),
        "{unknown:?}"
    );
}

#[test]
fn what_a_person_gets_wrong_is_told_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = said(&lazaret(
        folder.path(),
        &["db", "update", "--data-dir", "data"],
        "",
    ));
    assert!(
        nothing.0 == 2 && nothing.1.contains("lazaret db update Debian"),
        "{nothing:?}"
    );
    let unknown = said(&lazaret(
        folder.path(),
        &["db", "update", "debain", "--data-dir", "data"],
        "",
    ));
    assert!(
        unknown.0 == 2 && unknown.1.contains("known are AlmaLinux, Alpine"),
        "{unknown:?}"
    );
    let absent = said(&lazaret(
        folder.path(),
        &["db", "import", "gone.zip", "--data-dir", "data"],
        "",
    ));
    assert!(absent.0 == 2 && absent.1.contains("gone.zip"), "{absent:?}");
}

#[test]
fn advisories_are_carried_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let db = |arguments: &[&str], data: &str| {
        let all = [&["db"], arguments, &["--data-dir", data]].concat();
        said(&lazaret(here, &all, ""))
    };
    assert!(
        db(&["export", "none.tar"], "a")
            .1
            .contains("there are no advisories yet")
    );
    std::fs::write(here.join("export.jsonl"), EXPORT).unwrap();
    let catalogue = r#"{"vulnerabilities":[{"cveID":"CVE-2026-1"}]}"#;
    std::fs::write(here.join("kev.json"), catalogue).unwrap();
    db(&["import", "export.jsonl", "--kev", "kev.json"], "a");
    assert_eq!(
        db(&["export", "all.tar"], "a"),
        (0, "all.tar: Debian\n".to_owned())
    );
    let (code, text) = db(&["import", "all.tar"], "b");
    assert!(code == 0 && text.starts_with("Debian: of 20"), "{text}");
    assert!(
        text.contains("known exploited vulnerabilities: of 20"),
        "{text}"
    );
    assert_eq!(
        db(&["status"], "a").1.lines().next(),
        db(&["status"], "b").1.lines().next()
    );
    let (code, text) = db(&["import", "all.tar"], "b");
    assert!(
        code == 0 && text.matches("what is here is as new").count() == 2,
        "{text}"
    );
    let left = std::fs::read_dir(here.join("b/advisories"))
        .unwrap()
        .count();
    assert_eq!(
        left, 3,
        "an index, its time, the catalogue, and nothing half"
    );
    // A file that is none, and one with a damaged index: what is there stays.
    let mut damaged = std::fs::read(here.join("all.tar")).unwrap();
    let at = damaged
        .windows(6)
        .position(|window| window == b"openss")
        .map_or(2000, |at| at);
    damaged[at] ^= 0x55;
    std::fs::write(here.join("damaged.tar"), damaged).unwrap();
    std::fs::write(here.join("none.tar"), b"no tar").unwrap();
    for bad in ["none.tar", "damaged.tar"] {
        let (code, text) = db(&["import", bad], "c");
        assert!(code == 2 && text.starts_with("error: "), "{bad}: {text}");
        let left = std::fs::read_dir(here.join("c/advisories"))
            .unwrap()
            .count();
        assert_eq!(left, 0, "{bad}");
    }
}

/// What a person reads of an update, and that nothing of it is a bar where nobody looks.
#[tokio::test]
async fn an_update_says_what_was_fetched() {
    let registry = FakeRegistry::start().await;
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = format!(
        "data_dir = \"data\"\n[upstream]\nadvisories = \"{0}/osv\"\nknown_exploited = \"{0}/kev.json\"\nepss = \"{0}/epss.csv\"\n",
        registry.url()
    );
    std::fs::write(here.join("lazaret.toml"), config).unwrap();
    registry.file(
        "/kev.json",
        "\"k\"",
        &[],
        r#"{"vulnerabilities":[{"cveID":"CVE-2026-1"}]}"#,
    );
    registry.file(
        "/epss.csv",
        "\"e\"",
        &[],
        "cve,epss,percentile\nCVE-2026-1,0.25,0.5\n",
    );
    registry.file(
        "/osv/Debian/all.zip",
        "\"z\"",
        &[],
        zip(&[advisory("DSA-1", "3.0.13-1")]),
    );
    let update = async || {
        let here = here.to_owned();
        let ran = move || {
            said(&lazaret(
                &here,
                &["db", "update", "debian", "--config", "lazaret.toml"],
                "",
            ))
        };
        tokio::task::spawn_blocking(ran).await.unwrap()
    };
    let rest = "known exploited vulnerabilities: fetched\nprobabilities of exploitation: fetched\n";
    let whole = "Debian: 1 advisories about 1 packages, the newest of 2026-01-02 00:00 UTC\n";
    assert_eq!(update().await, (0, format!("{whole}{rest}")));
    let changed = advisory("DSA-2", "3.0.14-1").replace("2026-01-02", "2026-01-05");
    registry.file("/osv/Debian/DSA-2.json", "\"r\"", &[], changed);
    let list = "2026-01-05T00:00:00Z,DSA-2\n2026-01-01T00:00:00Z,DSA-1\n";
    registry.file("/osv/Debian/modified_id.csv", "\"c\"", &[], list);
    let changed = "Debian: 1 changed or new ones fetched\nDebian: 2 advisories about 1 packages, the newest of 2026-01-05 00:00 UTC\n";
    assert_eq!(update().await, (0, format!("{changed}{rest}")));
    let unchanged = "Debian: nothing changed since 2026-01-05 00:00 UTC\n";
    assert_eq!(update().await, (0, format!("{unchanged}{rest}")));
    registry.file(
        "/osv/Debian/modified_id.csv",
        "\"d\"",
        &[],
        "2026-01-01T00:00:00Z,DSA-1\n",
    );
    let (code, text) = update().await;
    assert!(code == 1 && text.contains("it is an old copy"), "{text}");
}

//! `lazaret policy test`: cases beside a policy, and what a person reads where one ends otherwise.

use std::path::Path;
use std::process::Command;

use lazaret::config::{SHIPPED_POLICY, parse_policy};
use lazaret::trial::Suite;

use crate::support::fixtures::{entries, read};

const POLICY: &str = r#"version = 1
[names]
registries = ["docker.io", "ghcr.io"]
[scan.standard]
[[rule]]
match = ["ghcr.io/acme/*"]
unsigned = "allow"
scan = "standard"
[[rule]]
match = ["docker.io/library/*"]
unsigned = "allow"
[default]
[[waiver]]
finding = "CVE-2026-1"
images = ["ghcr.io/acme/app"]
reason = "not reachable"
owner = "a@b"
until = 2026-12-31
"#;
const CASES: &str = r#"now = 2026-06-01

[[case]]
image = "docker.io/library/nginx"
verdict = "allow"

[[case]]
name = "a waiver ends"
image = "ghcr.io/acme/app:1"
now = "2027-01-01T00:00:00Z"
verdict = "deny"
findings = ["deny vulnerability"]
[[case.scan.found]]
ids = ["CVE-2026-1"]
severity = "critical"
packages = [["openssl", "3.0.1"]]
path = "var/lib/dpkg/status"
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new(cases: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tests")).unwrap();
        std::fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        std::fs::write(folder.path().join("tests/a.toml"), cases).unwrap();
        Place(folder)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(["policy", "test"])
            .args(arguments)
            .current_dir(self.0.path())
            .env_remove("LAZARET_POLICY")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (code, text(output.stdout), text(output.stderr))
    }
}

#[test]
fn cases_that_end_as_expected_are_counted() {
    let place = Place::new(CASES);
    let (code, said, noted) = place.run(&[]);
    assert_eq!(
        (code, said.as_str(), noted.as_str()),
        (0, "policy.toml: 2 of 2 cases as expected, 0 not\n", "")
    );
    let (code, said, _) = place.run(&["--verbose"]);
    assert!(
        code == 0 && said.starts_with("ok tests/a.toml:3 docker.io/library/nginx:latest\n"),
        "{said}"
    );
    // A rule that nothing is about is told.
    let one = CASES.split("[[case]]\nname").next().unwrap();
    let (code, _, noted) = Place::new(one).run(&[]);
    assert_eq!(
        (code, noted.as_str()),
        (0, "no case is about policy.toml:5 [[rule]]\n")
    );
}

#[test]
fn what_ends_otherwise_is_shown_with_what_was_expected() {
    let wrong = CASES.replace("2027-01-01", "2026-06-02")
        + "\n[[case]]\nimage = \"nginx\"\nfindings = [\"warn root-user\", \"name-squat\"]\nmentions = [\"no such words\"]\n";
    let place = Place::new(&wrong);
    let (code, said, _) = place.run(&["--junit", "report.xml"]);
    assert_eq!(code, 1);
    let expected = "FAILED tests/a.toml:7 a waiver ends
  - deny
  + allow
  - deny vulnerability
  + waived vulnerability: CVE-2026-1, critical, in openssl 3.0.1 of var/lib/dpkg/status
    allowed: ghcr.io/acme/app:1
      waived deny[vulnerability]: CVE-2026-1, critical, in openssl 3.0.1 of var/lib/dpkg/status (linux/amd64)
        policy.toml:4 [scan.standard]
        waived until 2026-12-31 by a@b: not reachable (policy.toml:13 [[waiver]])
FAILED tests/a.toml:19 docker.io/library/nginx:latest
  - mentions \"no such words\"
  - warn root-user
  - name-squat
    allowed: docker.io/library/nginx:latest
policy.toml: 1 of 3 cases as expected, 2 not
";
    assert_eq!(said, expected);
    let report = read(&place.0.path().join("report.xml"));
    assert!(report.contains("tests=\"3\" failures=\"2\""), "{report}");
    assert!(report.contains("<failure message=\"- deny\">"), "{report}");
    let (code, said, _) = place.run(&["--json"]);
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let passed: Vec<bool> = lines
        .iter()
        .map(|line| line["passed"].as_bool().unwrap())
        .collect();
    assert_eq!((code, passed), (1, vec![true, false, false]));
    assert_eq!(
        (&lines[1]["line"], &lines[1]["said"]),
        (&7.into(), &"allow".into())
    );
}

#[test]
fn what_cannot_be_read_says_where_and_what_to_do() {
    let case = |keys: &str| format!("[[case]]\nimage = \"nginx\"\n{keys}\n");
    for (cases, expected) in [
        (
            case("verdict = \"allow\""),
            "tests/a.toml:1: it does not say when: add now = 2026-06-01T12:00:00Z, to the case or to the file",
        ),
        (
            case("now = 2026-06-01"),
            "tests/a.toml:1: it expects nothing: add verdict = \"allow\" or \"deny\", or findings",
        ),
        (
            case("now = 2026-06-01\nfindings = [\"name-squatt\"]"),
            "\"name-squatt\" is no code of a finding; did you mean \"name-squat\"?",
        ),
        (
            case("now = 2026-06-01\nfindings = [\"deny: root-user\"]"),
            "\"deny: root-user\" begins with none of deny, warn, note, waived",
        ),
        (case("verdikt = \"allow\""), "unknown field `verdikt`"),
        (case("now = \"soon\""), "\"soon\" is no time"),
        (
            case("now = 2026-06-01\nverdict = \"allow\"\nplatforms = [\"linux\"]"),
            "\"linux\" is no platform",
        ),
        (
            case(
                "now = 2026-06-01\nverdict = \"allow\"\nscan.care.empty_passwords = [\"etc/passwd\"]",
            ),
            "\"etc/passwd\" is not written as path=what",
        ),
        (
            case(
                "now = 2026-06-01\nverdict = \"allow\"\nstatement = [{ signers = [], type = \"spdx\", predicate = \"{\" }]",
            ),
            "predicate: EOF",
        ),
        (
            "case = []".to_owned(),
            "there are no cases for policy.toml: write some into tests/*.toml beside it",
        ),
    ] {
        let (code, _, wrong) = Place::new(&cases).run(&[]);
        assert!(code == 2 && wrong.contains(expected), "{code} {wrong}");
    }
    let place = Place::new(CASES);
    std::fs::remove_dir_all(place.0.path().join("tests")).unwrap();
    let (code, _, wrong) = place.run(&[]);
    assert!(
        code == 2 && wrong.contains("tests: No such file"),
        "{wrong}"
    );
    std::fs::write(place.0.path().join("policy.toml"), "version = 2").unwrap();
    let (code, _, _) = place.run(&["--cases", "x.toml"]);
    assert_eq!(code, 1, "a policy with mistakes is refused");
}

/// The cases that are an example are right about the policy that is shipped.
#[test]
fn the_examples_are_right_about_the_shipped_policy() {
    let policy = parse_policy(SHIPPED_POLICY, "policy.toml", None).unwrap();
    let mut all = 0;
    for file in entries("../../deploy/cases") {
        if file.is_dir() {
            continue;
        }
        let name = Path::new(&file)
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        for trial in Suite::read(&read(&file), &name).unwrap().trials {
            let judged = trial.run(&policy).unwrap();
            assert!(
                judged.differences.is_empty(),
                "{name}:{} {:?}",
                trial.line,
                judged.differences
            );
            all += 1;
        }
    }
    assert!(all >= 9, "{all}");
}

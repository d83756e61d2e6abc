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

/// It would deny every image at its first pull, with words about the scanner.
#[test]
fn a_scanner_that_nobody_set_up_is_a_mistake_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let head = "version = 1\n[names]\nregistries = [\"docker.io\"]\n[default]\nunsigned = \"allow\"\nscan = \"a\"\n";
    let scan = "[scan.a]\nscanners = [\"trivy\"]\nconsult = [\"gripe\", \"grype\"]\nviruses = \"deny\"\nyara = \"deny\"\n";
    write("p.toml", &format!("{head}{scan}"));
    let server = "[scanner.grype]\nkind = \"exec\"\ncommand = [\"true\"]\n";
    write(
        "half.toml",
        &format!("{server}[mirror]\nlisten = \"127.0.0.1:0\"\n"),
    );
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
            .args(arguments)
            .args(["--data-dir", "data"])
            .current_dir(folder.path())
            .env_remove("LAZARET_CONFIG")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let first = "error: there is no [scanner.trivy] in lazaret.toml\n --> p.toml:8:13\n";
    let second = "error: there is no [scanner.gripe] in lazaret.toml\n --> p.toml:9:12\n";
    let viruses = "error: there is no [clamd] in lazaret.toml\n  --> p.toml:10:11\n";
    let yara = "error: there is no [yara] in lazaret.toml\n  --> p.toml:11:8\n";
    let served: &[&str] = &["serve", "--policy", "p.toml", "--config", "half.toml"];
    for arguments in [
        served,
        &["policy", "check", "p.toml", "--config", "half.toml"],
    ] {
        std::fs::create_dir_all(folder.path().join("data")).unwrap();
        let (code, said) = run(arguments);
        assert!(
            code != 0 && said.contains(first),
            "{arguments:?}: {code}\n{said}"
        );
        assert!(
            said.contains(second) && said.contains("did you mean `grype`?"),
            "{said}"
        );
        assert!(said.contains(viruses) && said.contains(yara), "{said}");
    }
    let unknown = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["policy", "check", "p.toml"])
        .current_dir(folder.path())
        .env_remove("LAZARET_CONFIG")
        .status()
        .unwrap();
    assert!(unknown.success(), "without the server's file nobody knows");
}

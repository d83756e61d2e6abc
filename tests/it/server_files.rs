//! The documented server file is one that the program takes.

use lazaret::config::parse_server;

#[test]
fn the_documented_file_is_good() {
    let page = include_str!("../../docs/configuration.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    let mut file = file.to_owned();
    if !cfg!(feature = "yara") {
        let mistakes = parse_server(&file, "lazaret.toml").unwrap_err();
        let said = mistakes.to_string();
        assert!(said.contains("--features yara"), "{said}");
        let (before, after) = file.split_once("[yara]").unwrap();
        let (_, after) = after.split_once("\n\n").unwrap();
        file = format!("{before}{after}");
    }
    if let Err(mistakes) = parse_server(&file, "lazaret.toml") {
        panic!("{mistakes}");
    }
}

#[test]
fn config_check_answers_by_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (text, code) in [("", 0), ("mirorr = 1", 1)] {
        let file = folder.path().join("lazaret.toml");
        std::fs::write(&file, text).unwrap();
        let run = |file: &std::path::Path| {
            std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
                .args(["config", "check"])
                .arg(file)
                .output()
                .unwrap()
        };
        let answer = run(&file);
        assert_eq!(answer.status.code(), Some(code), "{answer:?}");
        assert_eq!(run(&folder.path().join("none")).status.code(), Some(2));
    }
}

/// Found out at the first pull, wrong rules would be a riddle.
#[cfg(feature = "yara")]
#[test]
fn config_check_names_the_line_of_a_wrong_yara_rule() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lazaret.toml");
    let rules = folder.path().join("bad.yar");
    std::fs::write(&file, "[yara]\nrules = [\"bad.yar\"]\n").unwrap();
    std::fs::write(&rules, "rule A {\n  condition: $x\n}\n").unwrap();
    let answer = std::process::Command::new(env!("CARGO_BIN_EXE_lazaret"))
        .args(["config", "check"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert_eq!(answer.status.code(), Some(1), "{said}");
    let expected = format!("error: [yara]: {}:2:14: error: ", rules.display());
    assert!(said.starts_with(&expected), "{said}\n{expected}");
}

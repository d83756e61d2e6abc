//! The documented server file is one that the program takes.

use lazaret::config::parse_server;

#[test]
fn the_documented_file_is_good() {
    let page = include_str!("../../docs/configuration.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    if let Err(mistakes) = parse_server(file, "lazaret.toml") {
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

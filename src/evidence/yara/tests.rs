//! Rules that hold, that do not, and that are no rules.

use super::*;
use crate::evidence::looked::{Looked, Looking as _};
use crate::scan::Onlooker as _;

const RULES: &str = r#"
rule Miner : tool { strings: $a = "stratum+tcp://" condition: $a }
rule Named { condition: filename == "dropper.sh" and filepath startswith "opt/" and extension == "sh" }
rule Program { condition: uint32be(0) == 0x7f454c46 }
"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Yara, String> {
    Yara::read(&[folder(files).path().to_owned()])
}

fn show(yara: &Yara, files: &[(&str, &[u8])]) -> Result<Looked, String> {
    let mut onlooker = yara.onlooker();
    for (path, content) in files {
        onlooker.begin(path, content.len() as u64);
        content.chunks(5).for_each(|chunk| onlooker.bytes(chunk));
        onlooker.end();
    }
    Box::new(onlooker).finish()
}

fn pair(path: &str, words: &str) -> (String, String) {
    (path.to_owned(), words.to_owned())
}

#[test]
fn files_are_tried_and_told_by_rule_and_file() {
    let yara = read(&[("miners.yar", RULES)]).unwrap();
    let files: [(&str, &[u8]); 5] = [
        ("app/tool", b"\x7fELF .. stratum+tcp://pool.example:3333"),
        ("opt/dropper.sh", b"#!/bin/sh"),
        ("etc/dropper.sh", b"#!/bin/sh"),
        ("app/readme", b"nothing"),
        ("app/empty", b""),
    ];
    let looked = show(&yara, &files).unwrap();
    let expected = [
        pair("app/tool", "Miner (miners.yar)"),
        pair("app/tool", "Program (miners.yar)"),
        pair("opt/dropper.sh", "Named (miners.yar)"),
    ];
    assert_eq!(looked.found, expected);
    assert_eq!((looked.unscanned.len(), looked.passing), (0, false));
}

#[test]
fn what_exceeds_the_bounds_is_not_looked_into() {
    let many: String = (0..=MAX_RULES_TOLD)
        .map(|at| format!("rule R{at} {{ strings: $a = \"marker\" condition: $a }}\n"))
        .collect();
    let often = "rule Often { strings: $dot = \"..\" condition: #dot == 3 }";
    let yara = read(&[("many.yar", &many), ("often.yar", often)]).unwrap();
    let mut onlooker = yara.onlooker();
    onlooker.begin("big", MAX_FILE_BYTES + 1);
    onlooker.bytes(b"marker");
    onlooker.end();
    assert_eq!(
        Box::new(onlooker).finish().unwrap().unscanned,
        [pair("big", "larger than 64 MiB")]
    );
    let dots = vec![b'.'; 2 * MAX_PLACES as usize];
    let files: [(&str, &[u8]); 2] = [("marked", b"a marker"), ("dots", &dots)];
    let looked = show(&yara, &files).unwrap();
    assert_eq!(looked.found.len(), MAX_RULES_TOLD);
    let expected = [
        pair("marked", "more than 20 rules match"),
        pair("dots", "$dot of Often is in it over 10000 times"),
    ];
    assert_eq!(looked.unscanned, expected);
}

/// The engine says nothing when it stops to count these.
#[test]
fn expressions_without_fixed_bytes_are_bounded_with_a_word() {
    let rules = r#"
rule Hex { strings: $hex = /[a-f0-9]{3}/ condition: #hex > 20000 }
rule Wide { strings: $ = /[x-z]{2}/ nocase wide condition: any of them }
rule Fixed { strings: $a = "marker" condition: $a }
"#;
    let yara = read(&[("loose.yar", rules)]).unwrap();
    let often = vec![b'a'; 15_000];
    let wide = b"X\0".repeat(15_000);
    let files: [(&str, &[u8]); 4] = [
        ("few", b"a3f and x\0y\0 and a marker"),
        ("often", &often),
        ("wide", &wide),
        ("none", b"!!!!"),
    ];
    let looked = show(&yara, &files).unwrap();
    let found = ["few", "few", "wide"];
    let paths: Vec<&str> = looked.found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, found, "{:?}", looked.found);
    let expected = [
        pair("often", "$hex of Hex is in it over 10000 times"),
        pair("wide", "$ of Wide is in it over 10000 times"),
    ];
    assert_eq!(looked.unscanned, expected);
    let fixed = read(&[(
        "fixed.yar",
        "rule A { strings: $a = \"abcd\" condition: $a }",
    )]);
    assert!(fixed.unwrap().loose.is_none(), "nothing is asked twice");
}

#[test]
fn of_more_files_than_are_told_the_first_count() {
    let yara = read(&[("all.yar", "rule All { condition: true }")]).unwrap();
    let files = vec![("a", b"a".as_slice()); 1_001];
    let looked = show(&yara, &files).unwrap();
    assert_eq!((looked.found.len(), looked.passing), (1_000, true));
    let why = "more than 1000 files to tell of in a layer";
    assert_eq!(looked.unscanned, [pair("every further file", why)]);
}

#[test]
fn what_is_no_rule_is_named_with_its_file_and_line() {
    let cases = [
        (
            "rule A { condition: true }\nrule B {\n  condition: $x\n}\n",
            "bad.yar:3:14: error: ",
        ),
        ("rule A { condition: }", "bad.yar:1:21: error: "),
        (
            "include \"other.yar\"\n",
            "bad.yar:1:1: error: includes are not allowed",
        ),
        ("import \"cuckoo\"\n", "bad.yar:1:1: error: "),
    ];
    for (text, expected) in cases {
        let folder = folder(&[("bad.yar", text), ("good.yara", RULES)]);
        let why = Yara::read(&[folder.path().to_owned()]).unwrap_err();
        let expected = folder.path().join(expected).display().to_string();
        assert!(why.starts_with(&expected), "{why}\n{expected}");
        assert!(!why.contains('\n'), "{why}");
    }
}

#[test]
fn rules_that_are_not_there_are_no_rules() {
    let none = folder(&[("readme.txt", "no rules")]);
    let why = Yara::read(&[none.path().to_owned()]).unwrap_err();
    assert!(why.ends_with("no *.yar or *.yara in it"), "{why}");
    let empty = read(&[("empty.yar", "// to be written\n")]).unwrap_err();
    assert_eq!(empty, "there is no rule in the files of [yara]");
    let missing = Yara::read(&["/nonexistent/rules.yar".into()]).unwrap_err();
    assert!(missing.starts_with("/nonexistent/rules.yar: "), "{missing}");
}

#[test]
fn the_version_follows_the_rules_and_not_their_place() {
    let version = |files: &[(&str, &str)]| read(files).unwrap().version().to_owned();
    let one = version(&[("a.yar", RULES)]);
    assert_eq!(one, version(&[("a.yar", RULES)]), "another folder");
    assert_ne!(one, version(&[("b.yar", RULES)]), "it is told by its file");
    let more = format!("{RULES}rule More {{ condition: false }}");
    assert_ne!(one, version(&[("a.yar", &more)]));
    let name = Yara::name(&one);
    let shown = name.strip_prefix("YARA rules ").unwrap();
    assert!(
        shown.len() == SHOWN_DIGITS && one.starts_with(shown),
        "{name}"
    );
}

#[test]
fn files_of_a_collection_may_use_the_same_names() {
    let rule = "rule Same { condition: true }";
    let yara = read(&[("a.yar", rule), ("b.yar", rule)]).unwrap();
    let looked = show(&yara, &[("x", b"x")]).unwrap();
    assert_eq!(
        looked.found,
        [pair("x", "Same (a.yar)"), pair("x", "Same (b.yar)")]
    );
}

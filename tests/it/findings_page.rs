//! The page of findings and the code say the same.

use lazaret::policy::Code;

use crate::support::fixtures::{entries, folder, read};

#[test]
fn every_finding_is_on_the_page_in_order() {
    let text = read(&folder("../../docs/findings.md"));
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(headings, codes);
    for section in text.split("\n## ").skip(1) {
        assert!(section.contains("*What next:*"), "{section}");
    }
}

/// The examples are lines of verdicts that other tests compare with what the judge says.
#[test]
fn every_example_is_what_the_judge_says() {
    let text = read(&folder("../../docs/findings.md"));
    let said: Vec<String> = entries("verdicts")
        .iter()
        .map(|case| read(&case.join("verdict.txt")))
        .collect();
    for section in text.split("\n## ").skip(1) {
        let code = section.lines().next().unwrap();
        let Some(example) = section.split("```\n").nth(1) else {
            // No evidence can bring it about: a crash of the name engine.
            assert_eq!(code, Code::NameUnavailable.as_str(), "no example");
            continue;
        };
        let example = example.trim_end();
        assert!(example.contains(&format!("[{code}]: ")), "{example}");
        let told = |verdict: &String| verdict.lines().any(|line| line.trim() == example);
        assert!(said.iter().any(told), "nobody says {example:?}");
    }
}

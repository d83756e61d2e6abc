//! Policy and evidence in, the exact words out: `tests/fixtures/verdicts/<case>/{policy.toml,case.toml,verdict.txt}`.
//! A case without a policy of its own is judged by the shipped one.

use std::collections::BTreeSet;

use lazaret::config::{SHIPPED_POLICY, parse_policy};
use lazaret::policy::{Code, Paint, Verdict, explain};

use lazaret::trial::Case;

use crate::support::evidence::case;
use crate::support::fixtures::{entries, expect, read};

fn verdict(folder: &std::path::Path) -> (Case, Verdict) {
    let file = folder.join("policy.toml");
    let text = if file.exists() {
        read(&file)
    } else {
        SHIPPED_POLICY.to_owned()
    };
    let policy = parse_policy(&text, "policy.toml", None)
        .unwrap_or_else(|mistakes| panic!("{}\n{mistakes}", folder.display()));
    let case = case(&read(&folder.join("case.toml")));
    let verdict = case.judge(&policy);
    let verdict = verdict.unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    (case, verdict)
}

#[test]
fn every_case_says_what_it_said() {
    for folder in entries("verdicts") {
        let (case, verdict) = verdict(&folder);
        let mut said = explain(&case.image, &verdict, None, Paint::Plain);
        if let Some(until) = verdict.valid_until {
            said.push_str(&format!("\n  may change by itself at {until}"));
        }
        expect(&folder.join("verdict.txt"), &format!("{said}\n"));
    }
}

#[test]
fn every_finding_has_a_case() {
    let said: BTreeSet<Code> = entries("verdicts")
        .iter()
        .flat_map(|folder| verdict(folder).1.findings)
        .map(|finding| finding.code)
        .collect();
    // What no evidence can bring about: a crash of the name engine.
    let unreachable = [Code::NameUnavailable];
    let missing: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !said.contains(code) && !unreachable.contains(code))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

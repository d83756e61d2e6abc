//! The same image under the policy of today: what would be said, and what is different.

use std::fmt::Write as _;

use crate::ledger::Decision;
use crate::policy::{Finding, Verdict};

use super::html::Escaped;

/// Most differences that are listed.
const MAX_LISTED: usize = 20;

/// What would be said now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Today {
    /// This.
    Judged(Verdict),
    /// Nobody can say without asking a registry: why, a sentence each.
    Unknown(Vec<String>),
}

/// The section.
pub(super) fn section(body: &mut String, decision: &Decision, today: Option<&Today>) {
    let Some(today) = today else {
        return;
    };
    body.push_str(
        "<section aria-labelledby=\"today\">\n<h2 id=\"today\">Under today’s policy</h2>\n",
    );
    match today {
        Today::Judged(verdict) => judged(body, decision, verdict),
        Today::Unknown(why) => {
            body.push_str("<p>Nobody can say without asking the registry again:</p>\n<ul>\n");
            for why in why.iter().take(MAX_LISTED) {
                let _ = writeln!(body, "<li>{}</li>", Escaped(why));
            }
            body.push_str("</ul>\n");
        }
    }
    body.push_str("</section>\n");
}

fn judged(body: &mut String, decision: &Decision, verdict: &Verdict) {
    let then = &decision.verdict;
    let now = differences(&verdict.findings, &then.findings);
    let gone = differences(&then.findings, &verdict.findings);
    let (class, word) = match verdict.allows() {
        true => ("allowed", "allowed"),
        false => ("denied", "denied"),
    };
    let changed = verdict.allows() != then.allows();
    let (so, why) = match (changed, now.is_empty() && gone.is_empty()) {
        (true, _) => ("It would be", ", which is another answer."),
        (false, true) => ("It would still be", ", for the same reasons."),
        (false, false) => ("It would still be", ", but not for the same reasons."),
    };
    let _ = writeln!(
        body,
        "<p>{so} <strong class=\"{class}\">{word}</strong>{why} <span class=\"dim\">Judged again when this page was asked for, by what is kept of the image; nobody was asked and nothing recorded. Rule: <code>{}</code></span></p>",
        Escaped(&verdict.rule.to_string())
    );
    list(body, "New", &now);
    list(body, "Gone", &gone);
}

fn list(body: &mut String, name: &str, findings: &[&Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(body, "<h3>{name}</h3>\n<ul>");
    for finding in findings.iter().take(MAX_LISTED) {
        let level = finding.level.as_str();
        let waived = if finding.waived.is_some() {
            "waived "
        } else {
            ""
        };
        let _ = writeln!(
            body,
            "<li><strong class=\"badge {level}\">{waived}{level}</strong> <code>{}</code> {}</li>",
            finding.code,
            Escaped(&finding.message)
        );
    }
    let more = findings.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        let _ = writeln!(body, "<li>and {more} more</li>");
    }
    body.push_str("</ul>\n");
}

/// What is in `these` and not in `those`: another level or waiver is a difference, another line of the policy is none.
fn differences<'a>(these: &'a [Finding], those: &[Finding]) -> Vec<&'a Finding> {
    let same = |one: &Finding, other: &Finding| {
        one.code == other.code
            && one.level == other.level
            && one.message == other.message
            && one.platform == other.platform
            && one.waived.is_some() == other.waived.is_some()
    };
    let these = these.iter();
    let new = these.filter(|one| !those.iter().any(|other| same(one, other)));
    new.collect()
}

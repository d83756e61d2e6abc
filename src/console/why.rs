//! The page of one decision, for the person whose pull it answered and for whoever is asked about it.

use std::fmt::Write as _;

use crate::ledger::{Decision, Event, PullRow, who};
use crate::policy::{Excuse, Finding, Level, Mode, PROPOSED, is_excusable, last_day, proposal};

use super::html::{Escaped, page};
use super::timeline;
use super::today::{self, Today};

/// Most waivers that are proposed: beyond that the image is the problem.
const MAX_PROPOSED: usize = 3;
/// Most findings that are open at once; the others are folded.
const MAX_OPEN: usize = 20;

/// What the page is made from.
pub(super) struct Known<'a> {
    /// The decision.
    pub(super) decision: &'a Decision,
    /// Who asked under it.
    pub(super) pulls: &'a [PullRow],
    /// What people were to hear of it.
    pub(super) events: &'a [Event],
    /// An image of the same repository that was admitted.
    pub(super) instead: Option<&'a Decision>,
    /// What would be said now.
    pub(super) today: Option<&'a Today>,
}

/// The page.
pub(super) fn decision(known: &Known<'_>) -> String {
    let decision = known.decision;
    let mut body = String::new();
    verdict(&mut body, decision);
    findings(&mut body, &decision.verdict.findings);
    next(&mut body, known);
    today::section(&mut body, decision, known.today);
    timeline::section(&mut body, known);
    facts(&mut body, decision);
    pulled(&mut body, known.pulls);
    page(
        &format!("{}: {}", outcome(decision), decision.reference),
        &body,
    )
}

/// One word.
pub(super) fn outcome(decision: &Decision) -> &'static str {
    if decision.allowed {
        "allowed"
    } else {
        "denied"
    }
}

fn verdict(body: &mut String, decision: &Decision) {
    let (word, shown) = match decision.allowed {
        true => ("allowed", "✓ Allowed"),
        false => ("denied", "✕ Denied"),
    };
    let _ = writeln!(
        body,
        "<section class=\"verdict {word}\" aria-labelledby=\"image\">\n<p class=\"word\">{shown}</p>\n<h1 id=\"image\">{}</h1>",
        Escaped(&decision.reference.to_string())
    );
    let denying = decision.verdict.findings.iter().filter(|one| one.denies());
    let first = denying.clone().next();
    let more = denying.count().saturating_sub(1);
    let said = match first {
        Some(finding) if more > 0 => {
            format!("{}, and for {more} more {}", finding.message, reasons(more))
        }
        Some(finding) => finding.message.clone(),
        None if decision
            .verdict
            .findings
            .iter()
            .any(|one| one.waived.is_some()) =>
        {
            "A waiver excuses what was found.".to_owned()
        }
        None if decision.verdict.findings.is_empty() => "Nothing was found against it.".to_owned(),
        None => "Nothing that was found stops it.".to_owned(),
    };
    let _ = writeln!(body, "<p>{}</p>", Escaped(&said));
    if decision.mode == Mode::Audit && !decision.verdict.allows() {
        body.push_str(
            "<p>The policy is in audit mode: this pull would be denied, and went on.</p>\n",
        );
    }
    let at = decision.at.strftime("%Y-%m-%d %H:%M UTC");
    let _ = writeln!(
        body,
        "<p class=\"dim\">Decided {at} for {} · <code>{}</code></p>\n</section>",
        Escaped(&decision.client.who()),
        decision.id
    );
}

fn reasons(count: usize) -> &'static str {
    match count {
        1 => "reason",
        _ => "reasons",
    }
}

fn findings(body: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    body.push_str("<section aria-labelledby=\"why\">\n<h2 id=\"why\">Why</h2>\n");
    let (open, folded) = findings.split_at(findings.len().min(MAX_OPEN));
    list(body, open);
    if !folded.is_empty() {
        let _ = writeln!(body, "<details><summary>{} more</summary>", folded.len());
        list(body, folded);
        body.push_str("</details>\n");
    }
    body.push_str("</section>\n");
}

fn list(body: &mut String, findings: &[Finding]) {
    body.push_str("<ol class=\"findings\">\n");
    for finding in findings {
        item(body, finding);
    }
    body.push_str("</ol>\n");
}

fn item(body: &mut String, finding: &Finding) {
    let level = finding.level.as_str();
    let (class, word) = match finding.waived {
        Some(_) => ("note", format!("waived {level}")),
        None => (level, level.to_owned()),
    };
    let platform = finding.platform.as_ref().map(|one| format!(" ({one})"));
    let _ = writeln!(
        body,
        "<li><h3><strong class=\"badge {class}\">{word}</strong> <code>{}</code></h3>\n<p>{}<span class=\"dim\">{}</span></p>",
        finding.code,
        Escaped(&finding.message),
        Escaped(&platform.unwrap_or_default())
    );
    if let Some(help) = &finding.help {
        let _ = writeln!(
            body,
            "<p class=\"remedy\"><strong>What to do:</strong> {}</p>",
            Escaped(help)
        );
    }
    if let Some(waived) = &finding.waived {
        let until = last_day(waived.until);
        let _ = writeln!(
            body,
            "<p>Waived until {until} by {}: {} <span class=\"dim\">{}</span></p>",
            Escaped(&waived.owner),
            Escaped(&waived.reason),
            Escaped(&waived.origin.to_string())
        );
    }
    let _ = writeln!(
        body,
        "<p class=\"dim\">Rule: <code>{}</code></p></li>",
        Escaped(&finding.origin.to_string())
    );
}

fn next(body: &mut String, known: &Known<'_>) {
    let decision = known.decision;
    if decision.allowed {
        return;
    }
    body.push_str("<section aria-labelledby=\"next\">\n<h2 id=\"next\">What next</h2>\n<ol class=\"steps\">\n");
    let mut helps: Vec<&str> = Vec::new();
    let denying = decision.verdict.findings.iter().filter(|one| one.denies());
    let named = denying
        .clone()
        .any(|one| one.code.as_str().starts_with("name-"));
    let question = match named {
        true => "Is another name meant?",
        false => "Can it be mended?",
    };
    for help in denying.filter_map(|finding| finding.help.as_deref()) {
        if !helps.contains(&help) && helps.len() < MAX_PROPOSED {
            helps.push(help);
        }
    }
    if !helps.is_empty() {
        let _ = writeln!(
            body,
            "<li><strong>{question}</strong> {}</li>",
            Escaped(&helps.join("; "))
        );
    }
    if let Some(other) = known.instead {
        let _ = writeln!(
            body,
            "<li><strong>Take one that was admitted:</strong> <a href=\"/why/{}\"><code>{}</code></a>, on {}.</li>",
            other.id,
            Escaped(&other.reference.to_string()),
            other.at.strftime("%Y-%m-%d")
        );
    }
    let _ = writeln!(
        body,
        "<li><strong>Something changed?</strong> Judge it again: <code>lazaret check {}</code></li>",
        Escaped(&decision.reference.to_string())
    );
    waiver(body, decision);
    let _ = writeln!(
        body,
        "<li><strong>Is the rule wrong?</strong> Send this page to whoever keeps <code>{}</code>: each reason names its line.</li>\n</ol>\n</section>",
        Escaped(&decision.policy_file)
    );
}

/// How to ask for a waiver, where few enough findings deny that the image may still be a good one.
fn waiver(body: &mut String, decision: &Decision) {
    let findings = decision.verdict.findings.iter();
    let denying = findings.filter(|finding| finding.denies());
    if !denying.clone().all(is_excusable) {
        return;
    }
    let until = decision.at.checked_add(PROPOSED).unwrap_or(decision.at);
    let repository = decision.reference.repository().as_str();
    let blocks: Vec<String> = denying
        .filter_map(|finding| proposal(repository, finding, &Excuse::default(), until))
        .collect();
    if blocks.is_empty() || blocks.len() > MAX_PROPOSED {
        return;
    }
    let _ = writeln!(
        body,
        "<li><strong>Must it pass nevertheless?</strong> Ask for a waiver: a reviewed table with a reason, an owner and an end. Fill in the reason and the owner, and propose this for <code>{}</code>:\n<pre tabindex=\"0\" aria-label=\"The waiver to propose\">{}</pre>\nWhoever keeps the policy can write it there: <code>lazaret waive {} --append {}</code></li>",
        Escaped(&decision.policy_file),
        Escaped(blocks.join("\n").trim_end()),
        decision.id,
        Escaped(&decision.policy_file)
    );
}

fn facts(body: &mut String, decision: &Decision) {
    body.push_str(
        "<section aria-labelledby=\"decision\">\n<h2 id=\"decision\">The decision</h2>\n<dl>\n",
    );
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(
            body,
            "<dt>{name}</dt><dd><code>{}</code></dd>",
            Escaped(value)
        );
    };
    fact("Identity", &decision.id.to_string());
    if let Some(digest) = &decision.digest {
        fact("Digest", &digest.to_string());
    }
    fact("Rule", &decision.verdict.rule.to_string());
    for vouched in &decision.verdict.vouched {
        fact("Vouched for", &vouched.sentence());
    }
    fact(
        "Policy",
        &format!("{} ({:016x})", decision.policy_file, decision.policy_epoch),
    );
    fact(
        "First asked by",
        &format!(
            "{} through the {}",
            decision.client.who(),
            decision.client.listener
        ),
    );
    fact("Judged in", &format!("{} ms", decision.gathered_ms));
    body.push_str("</dl>\n</section>\n");
}

fn pulled(body: &mut String, pulls: &[PullRow]) {
    if pulls.is_empty() {
        return;
    }
    body.push_str("<section aria-labelledby=\"who\">\n<h2 id=\"who\">Who asked</h2>\n<div class=\"wide\" role=\"region\" aria-labelledby=\"who\" tabindex=\"0\">\n<table>\n<thead><tr><th scope=\"col\">Time (UTC)</th><th scope=\"col\">From</th><th scope=\"col\">With</th><th scope=\"col\">What</th></tr></thead>\n<tbody>\n");
    for pull in pulls {
        let times = if pull.count > 1 {
            format!(" × {}", pull.count)
        } else {
            String::new()
        };
        let _ = writeln!(
            body,
            "<tr><td class=\"time\">{}</td><td><code>{}</code></td><td>{}</td><td>{} <span class=\"{}\">{}</span>{times}</td></tr>",
            pull.at.strftime("%Y-%m-%d %H:%M:%S"),
            Escaped(&client(pull)),
            Escaped(pull.user_agent.split(' ').next().unwrap_or_default()),
            Escaped(&pull.kind),
            if pull.outcome == "denied" {
                "denied"
            } else {
                "allowed"
            },
            Escaped(&pull.outcome)
        );
    }
    body.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

/// Who asked, as far as is known.
pub(super) fn client(pull: &PullRow) -> String {
    who(&pull.address, pull.identity.as_ref())
}

/// The code that a list shows of a decision.
pub(super) fn worst(decision: &Decision) -> &'static str {
    let first = decision.verdict.findings.first();
    let first = first.filter(|finding| finding.level > Level::Note);
    first
        .map(|finding| finding.code.as_str())
        .unwrap_or_default()
}

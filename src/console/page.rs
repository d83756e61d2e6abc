//! The pages.

use std::fmt::Write as _;

use crate::ledger::{Decision, PullRow, who};
use crate::policy::{Excuse, Finding, Level, Mode, PROPOSED, is_excusable, proposal};

use super::html::{Escaped, page};

/// Most waivers that are proposed: beyond that the image is the problem.
const MAX_PROPOSED: usize = 3;

/// One decision, for the person whose pull it answered.
pub(super) fn decision(decision: &Decision, pulls: &[PullRow]) -> String {
    let reference = decision.reference.to_string();
    let word = outcome(decision);
    let mut body = String::new();
    let _ = writeln!(
        body,
        "<h1><span class=\"{word}\">{word}</span> {}</h1>",
        Escaped(&reference)
    );
    if decision.mode == Mode::Audit && !decision.verdict.allows() {
        body.push_str(
            "<p>The policy is in audit mode: this pull would be denied, and went on.</p>\n",
        );
    }
    findings(&mut body, &decision.verdict.findings);
    next(&mut body, decision);
    facts(&mut body, decision);
    pulled(&mut body, pulls);
    page(&format!("{word}: {reference}"), &body)
}

fn outcome(decision: &Decision) -> &'static str {
    if decision.allowed {
        "allowed"
    } else {
        "denied"
    }
}

fn findings(body: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        body.push_str("<p>Nothing was found against it.</p>\n");
        return;
    }
    body.push_str("<h2>Why</h2>\n<ol class=\"findings\">\n");
    for finding in findings {
        let level = finding.level.as_str();
        let waived = if finding.waived.is_some() {
            "waived "
        } else {
            ""
        };
        let _ = write!(
            body,
            "<li><p><strong class=\"{level}\">{waived}{level}</strong> <code>{}</code></p>",
            finding.code
        );
        let _ = write!(body, "<p>{}", Escaped(&finding.message));
        if let Some(platform) = &finding.platform {
            let _ = write!(
                body,
                " <span class=\"dim\">({})</span>",
                Escaped(&platform.to_string())
            );
        }
        body.push_str("</p>");
        if let Some(help) = &finding.help {
            let _ = write!(body, "<p class=\"help\">{}</p>", Escaped(help));
        }
        if let Some(waived) = &finding.waived {
            let until = waived.until.strftime("%Y-%m-%d");
            let (owner, reason) = (Escaped(&waived.owner), Escaped(&waived.reason));
            let _ = write!(
                body,
                "<p class=\"dim\">waived until {until} by {owner}: {reason}</p>"
            );
        }
        let _ = writeln!(
            body,
            "<p class=\"dim\"><code>{}</code></p></li>",
            Escaped(&finding.origin.to_string())
        );
    }
    body.push_str("</ol>\n");
}

fn next(body: &mut String, decision: &Decision) {
    if decision.allowed {
        return;
    }
    body.push_str("<h2>What next</h2>\n<ul>\n");
    if decision
        .verdict
        .findings
        .iter()
        .any(|finding| finding.help.is_some())
    {
        body.push_str(
            "<li>Follow the advice above: most blocked pulls are a slip in the name.</li>\n",
        );
    }
    propose(body, decision);
    let _ = writeln!(
        body,
        "<li>Is the image right and the rule wrong? Send this page to whoever keeps <code>{}</code>; each reason names its line.</li>\n<li>Judge it again: <code>lazaret check {}</code></li>\n</ul>",
        Escaped(&decision.policy_file),
        Escaped(&decision.reference.to_string())
    );
}

/// The waiver to ask for, where few enough findings deny that the image may still be a good one.
fn propose(body: &mut String, decision: &Decision) {
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
        "<li>Must it pass nevertheless? An exception is a reviewed line with a reason, an owner and an end. Propose this for <code>{}</code>, or use <code>lazaret waive {}</code>:<pre>{}</pre></li>",
        Escaped(&decision.policy_file),
        decision.id,
        Escaped(blocks.join("\n").trim_end())
    );
}

fn facts(body: &mut String, decision: &Decision) {
    body.push_str("<h2>The decision</h2>\n<dl>\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(
            body,
            "<dt>{name}</dt><dd><code>{}</code></dd>",
            Escaped(value)
        );
    };
    fact("Identity", &decision.id.to_string());
    fact(
        "Time",
        &decision.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
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
    body.push_str("</dl>\n");
}

fn pulled(body: &mut String, pulls: &[PullRow]) {
    if pulls.is_empty() {
        return;
    }
    body.push_str("<h2>Who asked</h2>\n<table>\n<tr><th scope=\"col\">Time</th><th scope=\"col\">From</th><th scope=\"col\">With</th><th scope=\"col\">What</th></tr>\n");
    for pull in pulls {
        let times = if pull.count > 1 {
            format!(" × {}", pull.count)
        } else {
            String::new()
        };
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{} {}{times}</td></tr>",
            pull.at.strftime("%Y-%m-%d %H:%M:%S"),
            Escaped(&who(&pull.address, pull.identity.as_ref())),
            Escaped(pull.user_agent.split(' ').next().unwrap_or_default()),
            Escaped(&pull.kind),
            Escaped(&pull.outcome)
        );
    }
    body.push_str("</table>\n");
}

/// The newest decisions.
pub(super) fn index(decisions: &[Decision]) -> String {
    let mut body = String::from("<h1>Decisions</h1>\n");
    if decisions.is_empty() {
        body.push_str("<p>None yet. Pull an image through the mirror, and it stands here.</p>\n");
        return page("Decisions", &body);
    }
    body.push_str("<table>\n<tr><th scope=\"col\">Time</th><th scope=\"col\">Image</th><th scope=\"col\">Verdict</th></tr>\n");
    for decision in decisions {
        let word = outcome(decision);
        let worst = decision
            .verdict
            .findings
            .first()
            .filter(|finding| finding.level > Level::Note);
        let code = worst
            .map(|finding| finding.code.as_str())
            .unwrap_or_default();
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td><a href=\"/why/{}\">{}</a></td><td><span class=\"{word}\">{word}</span> <span class=\"dim\">{code}</span></td></tr>",
            decision.at.strftime("%Y-%m-%d %H:%M:%S"),
            decision.id,
            Escaped(&decision.reference.to_string())
        );
    }
    body.push_str("</table>\n");
    page("Decisions", &body)
}

/// Who asked for the canary by a nonce: `seen` in `known`, as the gateway tells it.
pub(super) fn canary(known: &serde_json::Value) -> String {
    let mut body = String::from(
        "<h1>The canary</h1>\n<p>This is no image: <code>lazaret doctor</code> pulls it to see that pulls come here and that a refusal holds. The refusal that led here did.</p>\n",
    );
    let seen = known.get("seen").and_then(|seen| seen.as_array());
    let seen = seen.map_or(&[][..], Vec::as_slice);
    if seen.is_empty() {
        body.push_str("<p>Nobody asked for it by that name in the last quarter of an hour.</p>\n");
    } else {
        body.push_str(
            "<table><tr><th>when</th><th>what</th><th>at</th><th>from</th><th>answer</th></tr>\n",
        );
    }
    for one in seen {
        let text = |key: &str| {
            one.get(key)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let word = if one.get("served").is_some_and(|served| *served == true) {
            "served"
        } else {
            "denied"
        };
        let _ = writeln!(
            body,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{} {}</td><td>{word}</td></tr>",
            Escaped(&text("at")),
            Escaped(&text("repository")),
            Escaped(&text("listener")),
            Escaped(&text("address")),
            Escaped(&text("user_agent"))
        );
    }
    if !seen.is_empty() {
        body.push_str("</table>\n");
    }
    page("The canary", &body)
}

/// For a path that leads nowhere.
pub(super) fn missing(what: &str) -> String {
    let body = format!(
        "<h1>Not here</h1>\n<p>{}</p>\n<p><a href=\"/\">The newest decisions</a></p>\n",
        Escaped(what)
    );
    page("Not here", &body)
}

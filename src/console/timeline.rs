//! What happened when, as far as it is known: from the signature to what is to come.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::html::Escaped;
use super::why::{Known, client};

/// Whether it happened, is the decision, or is to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Before,
    Now,
    Later,
}

struct Step {
    at: Timestamp,
    when: When,
    what: String,
}

/// The list.
pub(super) fn section(body: &mut String, known: &Known<'_>) {
    body.push_str("<section aria-labelledby=\"timeline\">\n<h2 id=\"timeline\">Timeline</h2>\n<ol class=\"timeline\">\n");
    for step in steps(known) {
        let class = match step.when {
            When::Before => "before",
            When::Now => "now",
            When::Later => "later",
        };
        let _ = writeln!(
            body,
            "<li class=\"{class}\"><time datetime=\"{}\">{}</time>{}</li>",
            step.at,
            step.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            Escaped(&step.what)
        );
    }
    body.push_str("</ol>\n</section>\n");
}

fn steps(known: &Known<'_>) -> Vec<Step> {
    let decision = known.decision;
    let mut steps = Vec::new();
    let mut step = |at, when, what: String| steps.push(Step { at, when, what });
    for vouched in &decision.verdict.vouched {
        if let Some(at) = vouched.at {
            step(
                at,
                When::Before,
                format!("{} by {}", vouched.what, vouched.signer),
            );
        }
    }
    let asked = decision.at - SignedDuration::from_millis(decision.gathered_ms.into());
    let who = decision.client.who();
    step(
        asked,
        When::Before,
        format!(
            "{who} asked for it through the {}",
            decision.client.listener
        ),
    );
    let found = decision.verdict.findings.len();
    let answer = match (decision.allowed, decision.verdict.allows()) {
        (true, true) => "allowed",
        (true, false) => "allowed, though it would be denied: audit mode",
        (false, _) => "denied",
    };
    let what = format!(
        "{answer}, {} ms later, with {found} {}",
        decision.gathered_ms,
        if found == 1 { "finding" } else { "findings" }
    );
    step(decision.at, When::Now, what);
    for event in known.events {
        let times = match event.count {
            1 => String::new(),
            count => format!(", {count} times within an hour"),
        };
        step(
            event.at,
            When::Now,
            format!("noted for notifications: {}{times}", event.kind.as_str()),
        );
    }
    asked_again(known, &mut step);
    to_come(known, &mut step);
    steps.sort_by_key(|step| (step.at, step.when));
    steps
}

/// The newest and the oldest of what was asked under it.
fn asked_again(known: &Known<'_>, step: &mut impl FnMut(Timestamp, When, String)) {
    let clients: BTreeSet<String> = known.pulls.iter().map(client).collect();
    let requests: u64 = known.pulls.iter().map(|pull| pull.count).sum();
    let last = known.pulls.iter().map(|pull| pull.at).max();
    if let Some(last) = last.filter(|_| requests > 1) {
        let by = match clients.len() {
            1 => "one client".to_owned(),
            many => format!("{many} clients"),
        };
        step(
            last,
            When::Now,
            format!("last of {requests} requests by {by}"),
        );
    }
}

fn to_come(known: &Known<'_>, step: &mut impl FnMut(Timestamp, When, String)) {
    let verdict = &known.decision.verdict;
    let mut ends = BTreeSet::new();
    for waived in verdict
        .findings
        .iter()
        .filter_map(|one| one.waived.as_ref())
    {
        if ends.insert((waived.until, waived.origin.line)) {
            step(
                waived.until,
                When::Later,
                format!("the waiver ends ({})", waived.origin),
            );
        }
    }
    for respite in verdict
        .findings
        .iter()
        .filter_map(|one| one.respite.as_ref())
    {
        if ends.insert((respite.until, 0)) {
            step(
                respite.until,
                When::Later,
                "what is only warned of now denies".to_owned(),
            );
        }
    }
    if let Some(until) = verdict.valid_until
        && !ends.iter().any(|(at, _)| *at == until)
    {
        step(
            until,
            When::Later,
            "time alone may change the verdict".to_owned(),
        );
    }
}

//! Plain text: for mail, alerts, and whoever reads without colours.

use std::fmt::Write as _;

use crate::notify::Message;

/// How far what is said is from the left.
const INDENT: &str = "       ";

/// All of it but the title.
pub fn text(message: &Message) -> String {
    if let Some(own) = message.own_text() {
        return own.to_owned();
    }
    let mut text = String::new();
    let mut part = |name: &str, lines: &[String]| {
        for (at, line) in lines.iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            let _ = writeln!(text, "{name:<6} {line}");
        }
    };
    part("Who", message.who().as_slice());
    let digest = message.event.digest.map(|digest| digest.to_string());
    let what = std::iter::once(message.event.reference.clone()).chain(digest);
    part("What", &what.collect::<Vec<_>>());
    let mut why = Vec::new();
    for reason in &message.reasons {
        why.push(reason.said.clone());
        why.extend(reason.origin.iter().map(|origin| format!("  {origin}")));
    }
    part("Why", &why);
    part("Rule", message.rule.as_slice());
    let mut next = message.next.clone();
    next.extend(message.why.iter().cloned());
    part("Next", &next);
    if let Some(waiver) = &message.waiver {
        let _ = writeln!(
            text,
            "\nAn exception, for whoever keeps the policy (reason and owner are theirs to give):\n"
        );
        for line in waiver.lines() {
            let _ = writeln!(text, "{INDENT}{line}");
        }
    }
    text
}

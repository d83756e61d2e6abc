//! A message for Slack's incoming webhooks (Block Kit).

use serde_json::{Value, json};

use crate::notify::Message;
use crate::notify::message::cut;

/// Most characters of a text: Slack refuses a section of more than 3,000, and escapes make it longer.
const MAX_TEXT: usize = 2_400;
/// Most characters of a title.
const MAX_TITLE: usize = 300;

/// Title, reasons, who and what, what next, and the waiver.
pub fn slack(message: &Message) -> Value {
    let title = cut(&message.title(), MAX_TITLE);
    let mut blocks = vec![section(format!("*{}*", escaped(&title)))];
    match message.own_text() {
        Some(own) => blocks.push(section(shown(own))),
        None => blocks.extend(ours(message)),
    }
    json!({ "text": escaped(&title), "blocks": blocks })
}

fn ours(message: &Message) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !message.reasons.is_empty() {
        let mut lines = Vec::new();
        for reason in &message.reasons {
            lines.push(reason.said.clone());
            lines.extend(reason.origin.iter().map(|origin| format!("  {origin}")));
        }
        blocks.push(section(format!("```{}```", shown(&lines.join("\n")))));
    }
    if !message.next.is_empty() {
        let lines: Vec<String> = message
            .next
            .iter()
            .map(|line| format!("• {line}"))
            .collect();
        blocks.push(section(format!("*Next*\n{}", shown(&lines.join("\n")))));
    }
    let mut context: Vec<String> = message.who().map(|who| escaped(&who)).into_iter().collect();
    context.extend(message.event.digest.map(|digest| format!("`{digest}`")));
    context.extend(message.rule.iter().map(|rule| escaped(rule)));
    if let Some(why) = &message.why {
        context.push(format!("<{why}|why, and what to do>"));
    }
    if !context.is_empty() {
        let text = context.join(" · ");
        blocks.push(json!({ "type": "context", "elements": [marked(text)] }));
    }
    if let Some(waiver) = &message.waiver {
        blocks.push(section(format!(
            "To propose an exception:\n```{}```",
            shown(waiver)
        )));
    }
    blocks
}

fn section(text: String) -> Value {
    json!({ "type": "section", "text": marked(text) })
}

/// Verbatim: what a package or a client calls itself, such as `@here`, calls nobody.
fn marked(text: String) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// Cut, and without what would end the block that it stands in.
fn shown(text: &str) -> String {
    escaped(&cut(&text.replace("```", "'''"), MAX_TEXT))
}

/// Slack's three characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

//! An adaptive card for a workflow of Microsoft Teams (Adaptive Cards 1.4).

use serde_json::{Value, json};

use crate::notify::Message;
use crate::notify::message::cut;

/// Most characters of one block: a card may have 28 KB.
const MAX_TEXT: usize = 4_000;

/// The card, in the envelope that workflows expect.
pub fn teams(message: &Message) -> Value {
    let mut body = vec![json!({
        "type": "TextBlock", "text": plain(&message.title()), "wrap": true, "weight": "Bolder", "size": "Medium",
    })];
    match message.own_text() {
        Some(own) => body.push(block(own)),
        None => body.extend(ours(message)),
    }
    let actions = message
        .why
        .iter()
        .map(|why| json!({ "type": "Action.OpenUrl", "title": "Why, and what to do", "url": why }));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": actions.collect::<Vec<_>>(),
            },
        }],
    })
}

fn ours(message: &Message) -> Vec<Value> {
    let mut body = Vec::new();
    for reason in &message.reasons {
        body.push(block(&reason.said));
        body.extend(reason.origin.as_deref().map(subtle));
    }
    let digest = message.event.digest.map(|digest| digest.to_string());
    let facts = [
        ("Who", message.who()),
        ("Digest", digest),
        ("Rule", message.rule.clone()),
    ];
    let facts = facts.into_iter().filter_map(|(title, value)| {
        let value = plain(&value?);
        Some(json!({ "title": title, "value": value }))
    });
    let facts: Vec<Value> = facts.collect();
    if !facts.is_empty() {
        body.push(json!({ "type": "FactSet", "facts": facts }));
    }
    body.extend(
        message
            .next
            .iter()
            .map(|line| block(&format!("Next: {line}"))),
    );
    if let Some(waiver) = &message.waiver {
        body.push(block("To propose an exception:"));
        let mut text = block(&waiver.trim_end().replace('\n', "\n\n"));
        if let Some(text) = text.as_object_mut() {
            text.insert("fontType".to_owned(), "Monospace".into());
        }
        body.push(text);
    }
    body
}

fn block(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": plain(text), "wrap": true })
}

fn subtle(text: &str) -> Value {
    json!({ "type": "TextBlock", "text": plain(text), "wrap": true, "isSubtle": true, "spacing": "None" })
}

/// Cards read a part of Markdown: what is said must stay what it is.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in cut(text, MAX_TEXT).chars() {
        if matches!(c, '*' | '_' | '[' | ']' | '\\' | '`') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

//! Alerts as Opsgenie's API v2 takes them; Jira Service Management has the same under another address.

use serde_json::{Value, json};

use super::text;
use crate::notify::Message;
use crate::notify::message::cut;
use crate::policy::Urgency;

/// Most characters of a message, by that API.
const MAX_MESSAGE: usize = 129;
/// Most characters of a description, by that API.
const MAX_DESCRIPTION: usize = 14_999;

/// Names the alert that this is about: the same for equal events, and for the end of a trouble.
pub fn alias(message: &Message) -> String {
    message.event.key()
}

/// The body that opens an alert.
pub fn opsgenie(message: &Message, source: &str) -> Value {
    let event = &message.event;
    let priority = match message.urgency() {
        Urgency::Critical => "P1",
        Urgency::Error => "P2",
        Urgency::Warning => "P3",
        Urgency::Info => "P5",
    };
    let tags = std::iter::once(event.kind.as_str());
    let tags = tags.chain(event.codes.iter().map(|code| code.as_str()));
    json!({
        "message": cut(&message.title(), MAX_MESSAGE),
        "alias": alias(message),
        "description": cut(&text(message), MAX_DESCRIPTION),
        "entity": event.reference,
        "source": source,
        "priority": priority,
        "tags": tags.collect::<Vec<_>>(),
        "details": {
            "event": event.id.to_string(),
            "digest": event.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            "team": message.team.as_deref().unwrap_or_default(),
            "why": message.why.as_deref().unwrap_or_default(),
            "count": event.count.to_string(),
        },
    })
}

/// The body that closes it.
pub fn opsgenie_end(message: &Message, source: &str) -> Value {
    json!({ "source": source, "note": message.title() })
}

//! PagerDuty, Events API v2.

use serde_json::{Value, json};

use crate::notify::Message;
use crate::notify::message::cut;

/// Most characters of a summary, by that API.
const MAX_SUMMARY: usize = 1_023;

/// A trigger, or the resolution of one: the end of a trouble has the key of its beginning.
pub fn pagerduty(message: &Message, routing_key: &str, source: &str) -> Value {
    let event = &message.event;
    let action = match event.kind.ends() {
        Some(_) => "resolve",
        None => "trigger",
    };
    let details = match message.own_text() {
        Some(own) => json!({ "text": own }),
        None => details(message),
    };
    let links = message.why.iter();
    json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": event.key(),
        "client": "Lazaret",
        "client_url": message.why,
        "links": links.map(|why| json!({ "href": why, "text": "Why, and what to do" })).collect::<Vec<_>>(),
        "payload": {
            "summary": cut(&message.title(), MAX_SUMMARY),
            "source": source,
            "severity": message.urgency(),
            "timestamp": event.at.to_string(),
            "component": event.reference,
            "group": message.team,
            "class": event.kind.as_str(),
            "custom_details": details,
        },
    })
}

fn details(message: &Message) -> Value {
    let reasons = message.reasons.iter().map(|reason| match &reason.origin {
        Some(origin) => format!("{} ({origin})", reason.said),
        None => reason.said.clone(),
    });
    json!({
        "who": message.who(),
        "digest": message.event.digest,
        "findings": reasons.collect::<Vec<_>>(),
        "rule": message.rule,
        "next": message.next,
        "waiver": message.waiver,
        "count": message.event.count,
        "event": message.event.id,
    })
}

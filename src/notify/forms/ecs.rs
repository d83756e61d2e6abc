//! One line in the fields of the Elastic Common Schema (8).

use serde_json::{Value, json};

use crate::notify::Message;
use crate::policy::{EventKind, Urgency};

/// The document.
pub fn ecs(message: &Message) -> Value {
    let event = &message.event;
    let image = event.image().map(|image| {
        let tag = image.tag().map(|tag| tag.as_str().to_owned());
        json!({
            "name": image.repository().as_str(),
            "tag": tag.as_slice(),
            "hash": { "all": event.digest.iter().map(ToString::to_string).collect::<Vec<_>>() },
        })
    });
    let outcome = match event.kind {
        EventKind::Blocked | EventKind::VerdictChanged | EventKind::Revoked => "denied",
        EventKind::Waived | EventKind::WouldBlock => "allowed",
        _ => "info",
    };
    let reasons: Vec<&str> = message
        .reasons
        .iter()
        .map(|one| one.said.as_str())
        .collect();
    let origins = message
        .reasons
        .iter()
        .filter_map(|one| one.origin.as_deref());
    json!({
        "@timestamp": event.at.to_string(),
        "ecs": { "version": "8.11" },
        "message": message.title(),
        "event": {
            "id": event.id,
            "kind": "alert",
            "category": ["package"],
            "type": [outcome],
            "action": event.kind.as_str(),
            "module": "lazaret",
            "severity": severity(message.urgency()),
            "reason": reasons.join("\n"),
            "reference": message.why,
        },
        "rule": {
            "category": event.codes,
            "name": message.rule,
            "reference": origins.collect::<Vec<_>>(),
        },
        "source": { "ip": event.address },
        "user": { "name": event.identity, "full_name": message.client },
        "organization": { "name": message.team },
        "container": { "image": image },
        "lazaret": { "about": event.reference, "next": message.next, "waiver": message.waiver, "count": event.count, "key": event.key() },
    })
}

/// As a number that grows with it: ECS leaves the scale to the source.
fn severity(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Info => 1,
        Urgency::Warning => 2,
        Urgency::Error => 3,
        Urgency::Critical => 4,
    }
}

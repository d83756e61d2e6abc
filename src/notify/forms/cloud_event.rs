//! CloudEvents 1.0, structured mode (cloudevents/spec, "JSON Event Format").

use serde_json::{Value, json};

use crate::notify::Message;

/// The event, of `source`.
pub fn cloud_event(message: &Message, source: &str) -> Value {
    let event = &message.event;
    let reasons = message.reasons.iter();
    json!({
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": format!("lazaret.{}", event.kind.as_str()),
        "time": event.at.to_string(),
        "subject": event.reference,
        "datacontenttype": "application/json",
        "data": {
            "title": message.title(),
            "urgency": message.urgency(),
            "reference": event.reference,
            "digest": event.digest,
            "decision": event.decision,
            "client": event.address,
            "identity": event.identity,
            "asked_by": message.client,
            "team": message.team,
            "contact": message.contact,
            "codes": event.codes,
            "findings": reasons.clone().map(|one| one.said.as_str()).collect::<Vec<_>>(),
            "origins": reasons.map(|one| one.origin.as_deref()).collect::<Vec<_>>(),
            "rule": message.rule,
            "next": message.next,
            "count": event.count,
            "before": event.before,
            "key": event.key(),
            "why": message.why,
            "waiver": message.waiver,
        },
    })
}

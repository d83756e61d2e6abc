//! One line as a Detection Finding of the Open Cybersecurity Schema Framework (1.3, class 2004).

use serde_json::{Value, json};

use crate::notify::Message;
use crate::policy::{EventKind, Urgency};

/// The version of the schema.
const VERSION: &str = "1.3.0";
/// Findings (category), Detection Finding (class).
const CATEGORY: u64 = 2;
const CLASS: u64 = 2004;

/// The finding. The end of a trouble closes the finding of its beginning: they have the same `finding_info.uid`.
pub fn ocsf(message: &Message) -> Value {
    let event = &message.event;
    // Activity: Create, Close.
    let (activity, status) = match event.kind.ends() {
        None => ((1, "Create"), (1, "New")),
        Some(_) => ((3, "Close"), (4, "Resolved")),
    };
    // Security control profile: Action and Disposition.
    let (action, disposition) = match event.kind {
        EventKind::Blocked | EventKind::VerdictChanged | EventKind::Revoked => {
            ((2, "Denied"), (2, "Blocked"))
        }
        EventKind::Waived => ((1, "Allowed"), (1, "Allowed")),
        EventKind::WouldBlock => ((1, "Allowed"), (17, "Logged")),
        _ => ((99, "Other"), (99, "Other")),
    };
    let (severity_id, severity) = match message.urgency() {
        Urgency::Info => (1, "Informational"),
        Urgency::Warning => (3, "Medium"),
        Urgency::Error => (4, "High"),
        Urgency::Critical => (5, "Critical"),
    };
    let reasons: Vec<&str> = message
        .reasons
        .iter()
        .map(|one| one.said.as_str())
        .collect();
    let remedy = message.next.iter().chain(&message.waiver);
    let remedy: Vec<&str> = remedy.map(String::as_str).collect();
    json!({
        "metadata": {
            "version": VERSION,
            "profiles": ["security_control"],
            "uid": event.id,
            "product": { "name": "Lazaret", "vendor_name": "Lazaret", "version": env!("CARGO_PKG_VERSION") },
        },
        "category_uid": CATEGORY, "category_name": "Findings",
        "class_uid": CLASS, "class_name": "Detection Finding",
        "activity_id": activity.0, "activity_name": activity.1,
        "type_uid": CLASS * 100 + activity.0,
        "time": event.at.as_millisecond(),
        "severity_id": severity_id, "severity": severity,
        "status_id": status.0, "status": status.1,
        "action_id": action.0, "action": action.1,
        "disposition_id": disposition.0, "disposition": disposition.1,
        "message": message.title(),
        "count": event.count,
        "finding_info": {
            "uid": event.key(),
            "title": message.title(),
            "desc": reasons.join("\n"),
            "types": event.codes,
            "created_time": event.at.as_millisecond(),
            "src_url": message.why,
        },
        "resources": [{
            "type": if event.image().is_some() { "Container Image" } else { "Other" },
            "name": event.reference,
            "uid": event.digest,
            "group": message.team.iter().map(|name| json!({ "name": name })).next(),
        }],
        "policy": message.rule.iter().map(|rule| json!({ "name": rule })).next(),
        "evidences": [{ "src_endpoint": { "ip": event.address, "name": message.client } }],
        "remediation": { "desc": if remedy.is_empty() { "none known".to_owned() } else { remedy.join("\n") } },
    })
}

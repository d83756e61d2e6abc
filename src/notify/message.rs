//! What people read: who, what, why, and what to do next. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ledger::{Decision, Event, who};
use crate::policy::{EventKind, Excuse, PROPOSED, is_excusable, proposal};

/// Most characters of a text in chat: Slack cuts a section at 3,000.
const MAX_TEXT: usize = 2_800;

/// An event with all that a message says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What happened.
    pub event: Event,
    /// Where to read on.
    pub why: Option<String>,
    /// The waiver to propose, where one would help.
    pub waiver: Option<String>,
}

impl Message {
    /// One line.
    pub fn title(&self) -> String {
        let Event {
            reference, before, ..
        } = &self.event;
        let again = match before {
            0 => String::new(),
            more => format!(" (and {more} times more before)"),
        };
        format!("{}: {reference}{again}", lead(self.event.kind))
    }

    fn who(&self) -> Option<String> {
        let by = who(&self.event.address?, self.event.identity.as_ref());
        Some(format!("asked for by {by}"))
    }
}

/// What a title begins with.
fn lead(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Blocked => "Pull blocked",
        EventKind::WouldBlock => "Pull would be blocked",
        EventKind::Waived => "Pull allowed by a waiver",
        EventKind::VerdictChanged => "Admitted image refused from now on",
        EventKind::NewFinding => "Something new in an admitted image",
        EventKind::Revoked => "Revoked",
        EventKind::FirstSeen => "Pulled for the first time",
        EventKind::TagMoved => "Tag moved",
        EventKind::SignerChanged => "Signer changed",
        EventKind::Guessing => "One refused name after another",
        EventKind::SuspectedBypass => "The gate may be bypassed",
        EventKind::WaiverExpiring => "Waiver ends soon",
        EventKind::WaiverExpired => "Waiver has ended",
        EventKind::DataStale => "Verdicts rest on old data",
        EventKind::DataFresh => "Data is fresh again",
        EventKind::UpstreamDown => "Registry does not answer",
        EventKind::UpstreamBack => "Registry answers again",
        EventKind::StorageTrouble => "Storage is in trouble",
        EventKind::StorageWell => "Storage is well again",
        EventKind::Digest => "In short",
    }
}

/// The waiver that would let the pull pass, for a person to finish: a reason and an owner are theirs to give.
pub fn waiver(decision: &Decision, now: Timestamp) -> Option<String> {
    let findings = decision.verdict.findings.iter();
    let denying: Vec<_> = findings.filter(|finding| finding.denies()).collect();
    // One waiver is one finding: where there are many the image is the problem.
    let [finding] = denying.as_slice() else {
        return None;
    };
    if !is_excusable(finding) {
        return None;
    }
    let until = now.checked_add(PROPOSED).unwrap_or(now);
    let repository = decision.reference.repository().as_str();
    proposal(repository, finding, &Excuse::default(), until)
}

/// CloudEvents 1.0, structured mode.
pub fn cloud_event(message: &Message, source: &str) -> Value {
    let event = &message.event;
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
            "reference": event.reference,
            "digest": event.digest,
            "decision": event.decision,
            "client": event.address,
            "identity": event.identity,
            "findings": event.detail.lines().collect::<Vec<_>>(),
            "count": event.count,
            "before": event.before,
            "why": message.why,
            "waiver": message.waiver,
        },
    })
}

/// A message for Slack's incoming webhooks.
pub fn slack(message: &Message) -> Value {
    let section =
        |text: String| json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    let mut blocks = vec![section(format!("*{}*", escaped(&message.title())))];
    if !message.event.detail.is_empty() {
        blocks.push(section(format!(
            "```{}```",
            escaped(&cut(&message.event.detail))
        )));
    }
    let mut context: Vec<String> = message.who().into_iter().collect();
    if let Some(digest) = &message.event.digest {
        context.push(format!("`{digest}`"));
    }
    if let Some(why) = &message.why {
        context.push(format!("<{why}|why, and what to do>"));
    }
    if !context.is_empty() {
        let text = context.join(" · ");
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] }));
    }
    if let Some(waiver) = &message.waiver {
        blocks.push(section(format!(
            "To propose an exception:\n```{}```",
            escaped(waiver)
        )));
    }
    json!({ "text": message.title(), "blocks": blocks })
}

/// Slack's three characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn cut(text: &str) -> String {
    match text.chars().count() > MAX_TEXT {
        true => text.chars().take(MAX_TEXT).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// An adaptive card for a workflow of Microsoft Teams.
pub fn teams(message: &Message) -> Value {
    let block = |text: String| json!({ "type": "TextBlock", "text": text, "wrap": true });
    let mut body = vec![json!({
        "type": "TextBlock", "text": message.title(), "wrap": true, "weight": "Bolder", "size": "Medium",
    })];
    body.extend(
        message
            .event
            .detail
            .lines()
            .map(|line| block(line.to_owned())),
    );
    body.extend(message.who().map(block));
    body.extend(message.event.digest.map(|digest| block(digest.to_string())));
    if let Some(waiver) = &message.waiver {
        let mut text = block(waiver.replace('\n', "\n\n"));
        if let Some(text) = text.as_object_mut() {
            text.insert("fontType".to_owned(), "Monospace".into());
        }
        body.push(text);
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

/// One line in the fields of the Elastic Common Schema (8).
pub fn ecs(message: &Message) -> Value {
    let event = &message.event;
    let (name, tag) = event
        .reference
        .rsplit_once(':')
        .unwrap_or((&event.reference, ""));
    let denied = matches!(
        event.kind,
        EventKind::Blocked | EventKind::VerdictChanged | EventKind::Revoked
    );
    let of_image = denied || matches!(event.kind, EventKind::Waived | EventKind::WouldBlock);
    json!({
        "@timestamp": event.at.to_string(),
        "ecs": { "version": "8.11" },
        "message": message.title(),
        "event": {
            "id": event.id,
            "kind": "alert",
            "category": ["package"],
            "type": [match (of_image, denied) {
                (true, true) => "denied",
                (true, false) => "allowed",
                (false, _) => "info",
            }],
            "action": event.kind.as_str(),
            "module": "lazaret",
            "reason": event.detail,
            "reference": message.why,
        },
        "source": { "ip": event.address },
        "user": { "name": event.identity },
        "container": { "image": {
            "name": name,
            "tag": [tag],
            "hash": { "all": event.digest.iter().map(ToString::to_string).collect::<Vec<_>>() },
        }},
    })
}

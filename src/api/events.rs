//! What there was to hear of, who has not heard of it, and that it is tried again.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::Asked;
use super::problem::Problem;
use super::read::limit;
use super::status::target;
use crate::ledger::{Event, Owed};
use crate::telemetry;

/// Most events that are told of those which were given up.
const MOST_GIVEN_UP: u32 = 1_000;

/// What there was to hear of, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Events {
    /// The events.
    events: Vec<EventView>,
}

#[derive(Serialize, JsonSchema)]
struct EventView {
    /// Its identity: whoever hears of it twice knows it by this.
    id: String,
    /// When it first happened, in RFC 3339.
    at: String,
    /// `blocked`, `verdict-changed` and so on.
    kind: String,
    /// `info`, `warning`, `error` or `critical`.
    urgency: String,
    /// To which image, or to what else.
    reference: String,
    /// Of what was judged.
    digest: Option<String>,
    /// The decision behind it.
    decision: Option<String>,
    /// From where was asked first.
    address: Option<String>,
    /// As whom that client is known.
    identity: Option<String>,
    /// Why, in lines.
    detail: String,
    /// Codes of what was found.
    codes: Vec<String>,
    /// How often within the hour.
    count: u64,
    /// How often before, without a message of its own.
    before: u64,
}

impl From<Event> for EventView {
    fn from(event: Event) -> EventView {
        let urgency = event.kind.urgency(&event.codes);
        EventView {
            id: event.id.to_string(),
            at: event.at.to_string(),
            kind: event.kind.as_str().to_owned(),
            urgency: urgency.as_str().to_owned(),
            reference: event.reference,
            digest: event.digest.map(|digest| digest.to_string()),
            decision: event.decision.map(|decision| decision.to_string()),
            address: event.address.map(|address| address.to_string()),
            identity: event.identity.map(|identity| identity.to_string()),
            detail: event.detail,
            codes: event.codes.iter().map(ToString::to_string).collect(),
            count: event.count,
            before: event.before,
        }
    }
}

pub(super) async fn events(asked: Asked<'_>) -> Result<Value, Problem> {
    let outbox = asked.api.admission.ledger().outbox();
    let events = outbox.events(limit(&asked.parameters)?).await?;
    Ok(json!(Events {
        events: events.into_iter().map(EventView::from).collect(),
    }))
}

/// What a target was not told, and will not be unless somebody says so.
#[derive(Serialize, JsonSchema)]
pub(super) struct GivenUp {
    /// The target.
    target: String,
    /// Oldest first.
    given_up: Vec<Lost>,
}

#[derive(Serialize, JsonSchema)]
struct Lost {
    /// What it was.
    event: EventView,
    /// How often it was tried.
    tries: u32,
    /// The last reason.
    why: String,
}

impl From<Owed> for Lost {
    fn from(owed: Owed) -> Lost {
        Lost {
            event: owed.event.into(),
            tries: owed.tries,
            why: owed.why,
        }
    }
}

/// The target that the path names.
fn named(asked: &Asked<'_>) -> Result<String, Problem> {
    let known = &asked.api.targets;
    let found = known.iter().find(|name| *name == asked.id);
    found.cloned().ok_or_else(|| {
        Problem::missing(format!(
            "no [notify.NAME] of that name; there are {}",
            known.join(", ")
        ))
    })
}

pub(super) async fn given_up(asked: Asked<'_>) -> Result<Value, Problem> {
    let target = named(&asked)?;
    let outbox = asked.api.admission.ledger().outbox();
    let found = outbox.given_up(target.clone(), MOST_GIVEN_UP).await?;
    Ok(json!(GivenUp {
        target,
        given_up: found.into_iter().map(Lost::from).collect(),
    }))
}

pub(super) async fn retry(asked: Asked<'_>) -> Result<Value, Problem> {
    let name = named(&asked)?;
    let outbox = asked.api.admission.ledger().outbox();
    outbox.retry(name.clone(), telemetry::now()).await?;
    tracing::info!(
        target = name,
        by = asked.by,
        "what was given up is tried again"
    );
    Ok(json!(target(outbox, &name).await?))
}

//! From the outbox to a target, until it has heard.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::message::{self, Message, cloud_event, ecs, slack, teams};
use super::sign::{Secret, signature};
use crate::ledger::{Event, Ledger, Owed};
use crate::oci::Reference;
use crate::policy::{EventKind, Pattern};
use crate::telemetry;
use crate::upstream::Upstream;

/// Between two looks into the outbox.
const LOOK: Duration = Duration::from_millis(500);
/// Events that are read at once.
const BATCH: u32 = 32;
/// How long the second try waits; each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Most tries: a day and a half with these pauses.
const MAX_TRIES: u32 = 48;

/// How a target is reached.
#[derive(Debug)]
pub enum Way {
    /// CloudEvents by HTTP to a path of a server, signed where there is a secret.
    Webhook {
        /// The server.
        upstream: Arc<Upstream>,
        /// The path there, with its query.
        path: String,
        /// The secret.
        secret: Option<Box<Secret>>,
    },
    /// Slack.
    Slack(Arc<Upstream>, String),
    /// Microsoft Teams.
    Teams(Arc<Upstream>, String),
    /// A file that grows.
    File(PathBuf),
}

/// Somebody to be told.
#[derive(Debug)]
pub struct Target {
    /// What it is called.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// What it wants to hear of.
    pub events: Vec<EventKind>,
    /// Of which images; none: of all.
    pub images: Vec<Pattern>,
    /// What messages say that they come from: where explain pages are.
    pub source: String,
}

impl Target {
    fn wants(&self, event: &Event) -> bool {
        let named = || {
            let reference = event.reference.parse::<Reference>().ok();
            // What is no image, such as a revoked signer, is everybody's.
            reference.is_none_or(|reference| {
                self.images
                    .iter()
                    .any(|pattern| pattern.matches(reference.repository()))
            })
        };
        self.events.contains(&event.kind) && (self.images.is_empty() || named())
    }
}

/// Tells a target what it is owed, for as long as the server runs.
pub async fn deliver(target: Target, ledger: Arc<dyn Ledger>) {
    let outbox = ledger.outbox();
    let name = || target.name.clone();
    let mut failed = outbox.begin(name()).await.is_err();
    loop {
        tokio::time::sleep(LOOK).await;
        let due = match outbox.due(name(), telemetry::now(), BATCH).await {
            Ok(due) => due,
            Err(error) if !failed => {
                tracing::error!(%error, target = target.name, "nobody is told");
                failed = true;
                continue;
            }
            Err(_) => continue,
        };
        failed = false;
        for owed in due {
            if !told(&target, &ledger, owed).await {
                // It is down: what else it is owed is not tried in a row.
                tokio::time::sleep(FIRST_PAUSE).await;
                break;
            }
        }
    }
}

/// Whether the target was reached, or did not want to be.
async fn told(target: &Target, ledger: &Arc<dyn Ledger>, owed: Owed) -> bool {
    let (outbox, name) = (ledger.outbox(), target.name.clone());
    let sent = match target.wants(&owed.event) {
        true => send(target, &message(ledger, target, owed.event).await).await,
        false => Ok(()),
    };
    let kept = match &sent {
        Ok(()) => outbox.heard(name, owed.sequence).await,
        Err(why) => {
            let next = (owed.tries + 1 < MAX_TRIES).then(|| telemetry::now() + pause(owed.tries));
            tracing::warn!(
                target = target.name,
                why,
                given_up = next.is_none(),
                "not told"
            );
            outbox.missed(name, owed.sequence, next, why.clone()).await
        }
    };
    if let Err(error) = kept {
        tracing::error!(%error, target = target.name, "whether it was told is not recorded: it may be told twice");
    }
    sent.is_ok()
}

fn pause(tries: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries));
    doubled.min(LONGEST_PAUSE)
}

async fn message(ledger: &Arc<dyn Ledger>, target: &Target, event: Event) -> Message {
    let decision = match event.decision {
        Some(id) => ledger.decision(id).await.ok().flatten(),
        None => None,
    };
    Message {
        why: event
            .decision
            .map(|id| format!("{}/why/{id}", target.source)),
        waiver: decision.and_then(|decision| message::waiver(&decision, telemetry::now())),
        event,
    }
}

/// Sends one message, once.
///
/// # Errors
/// Why the target may not have heard of it.
pub async fn send(target: &Target, message: &Message) -> Result<(), String> {
    const JSON: &str = "application/json";
    match &target.way {
        Way::Slack(upstream, path) => {
            post(upstream, path, JSON, HeaderMap::new(), &slack(message)).await
        }
        Way::Teams(upstream, path) => {
            post(upstream, path, JSON, HeaderMap::new(), &teams(message)).await
        }
        Way::Webhook {
            upstream,
            path,
            secret,
        } => {
            let body = cloud_event(message, &target.source);
            let headers = signed(secret.as_deref(), message, &body)?;
            post(
                upstream,
                path,
                "application/cloudevents+json",
                headers,
                &body,
            )
            .await
        }
        Way::File(path) => {
            let (path, line) = (path.clone(), format!("{}\n", ecs(message)));
            let written = tokio::task::spawn_blocking(move || append(&path, &line)).await;
            written.unwrap_or_else(|error| Err(error.to_string()))
        }
    }
}

/// Signed anew for each try: the time is part of it.
fn signed(secret: Option<&Secret>, message: &Message, body: &Value) -> Result<HeaderMap, String> {
    let (id, now) = (message.event.id.to_string(), telemetry::now().as_second());
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| {
        let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, String>(())
    };
    put("webhook-id", id.clone())?;
    put("webhook-timestamp", now.to_string())?;
    if let Some(secret) = secret {
        let body = body.to_string();
        put(
            "webhook-signature",
            signature(secret, &id, now, body.as_bytes()),
        )?;
    }
    Ok(headers)
}

async fn post(
    upstream: &Upstream,
    path: &str,
    content_type: &'static str,
    headers: HeaderMap,
    body: &Value,
) -> Result<(), String> {
    let body = Bytes::from(body.to_string());
    let sent = upstream.post(path, content_type, headers, body).await;
    sent.map_err(|error| error.to_string())
}

fn append(path: &std::path::Path, line: &str) -> Result<(), String> {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    let written = opened.and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

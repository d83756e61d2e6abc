//! One message, once.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::sign::{Secret, signature};
use super::{
    Fields, Message, Place, Target, Way, alias, cloud_event, ecs, letter, ocsf, opsgenie,
    opsgenie_end, pagerduty, slack, teams,
};
use crate::telemetry;

const JSON: &str = "application/json";

/// Sends one message, once.
///
/// # Errors
/// Why the target may not have heard of it.
pub async fn send(target: &Target, message: &Message) -> Result<(), String> {
    match &target.way {
        Way::Slack(place) => post(place, JSON, HeaderMap::new(), &slack(message)).await,
        Way::Teams(place) => post(place, JSON, HeaderMap::new(), &teams(message)).await,
        Way::PagerDuty(place, key) => {
            let body = pagerduty(message, key.reveal(), &host(&target.source));
            post(place, JSON, HeaderMap::new(), &body).await
        }
        Way::Opsgenie(place, key) => alert(place, key.reveal(), message, target).await,
        Way::Webhook(place, secret) => {
            let body = cloud_event(message, &target.source);
            let headers = signed(secret.as_deref(), message, &body)?;
            post(place, "application/cloudevents+json", headers, &body).await
        }
        Way::Mail(mailer) => {
            let letter = letter(message, &mailer.from, &mailer.to)?;
            mailer.send(&letter, &host(&target.source)).await
        }
        Way::Syslog(server) => server.send(message, &host(&target.source)).await,
        Way::File(path, fields) => {
            let line = match fields {
                Fields::Ecs => ecs(message),
                Fields::Ocsf => ocsf(message),
            };
            let (path, line) = (path.clone(), format!("{line}\n"));
            let written = tokio::task::spawn_blocking(move || append(&path, &line)).await;
            written.unwrap_or_else(|error| Err(error.to_string()))
        }
        Way::Program(program) => {
            let event = cloud_event(message, &target.source).to_string();
            program.run(event.as_bytes()).await
        }
    }
}

/// Opens an alert, or closes the one that this is the end of.
async fn alert(place: &Place, key: &str, message: &Message, target: &Target) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    let mut known = HeaderValue::from_str(&format!("GenieKey {key}"))
        .map_err(|_| "the key cannot stand in a header".to_owned())?;
    known.set_sensitive(true);
    headers.insert(AUTHORIZATION, known);
    let source = host(&target.source);
    if message.event.kind.ends().is_none() {
        return post(place, JSON, headers, &opsgenie(message, &source)).await;
    }
    let path = place.path.trim_end_matches('/');
    let close = Place {
        upstream: place.upstream.clone(),
        path: format!("{path}/{}/close?identifierType=alias", alias(message)),
    };
    post(&close, JSON, headers, &opsgenie_end(message, &source)).await
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
    place: &Place,
    content_type: &'static str,
    headers: HeaderMap,
    body: &Value,
) -> Result<(), String> {
    let body = Bytes::from(body.to_string());
    let sent = place
        .upstream
        .post(&place.path, content_type, headers, body)
        .await;
    sent.map_err(|error| error.to_string())
}

/// The host that explain pages are at: what this gateway is called by others.
fn host(source: &str) -> String {
    let url = Url::parse(source).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or("localhost").to_owned()
}

fn append(path: &Path, line: &str) -> Result<(), String> {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    let written = opened.and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

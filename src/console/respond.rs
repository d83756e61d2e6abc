//! From a path to a page.

use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode};
use sha2::Digest as _;

use crate::ledger::{Decision, Ledger, LedgerError, PullRow};
use crate::oci::{Digest, Reference};
use crate::telemetry;

use super::index::{Filters, index, missing};
use super::today::Today;
use super::view::decision_json;
use super::why::{Known, decision};
use super::{canary, html};

/// Most pulls and events on an explain page, and most decisions in which another image is looked for.
const MOST: u32 = 50;

/// Where links in the canary's refusals lead, before the nonce.
const CANARY: &str = "/canary/";

/// Makes a bill of materials of `(image, format, platform)`, or says why there is none.
pub type Sbom = Box<
    dyn Fn(
            String,
            String,
            Option<String>,
        ) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>>
        + Send
        + Sync,
>;

/// Says what would be said of an image now; none of a digest: of a name.
pub type Judge = Box<
    dyn Fn(Reference, Option<Digest>) -> Pin<Box<dyn Future<Output = Today> + Send>> + Send + Sync,
>;

/// What the pages are made from.
pub struct Console {
    /// Where decisions are.
    pub ledger: Arc<dyn Ledger>,
    /// The text for `/metrics`.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// For `/api/v1/sbom`.
    pub sbom: Sbom,
    /// For explain pages.
    pub today: Judge,
    /// What is known of the canary's pulls with a nonce, as JSON.
    pub canary: Box<dyn Fn(&str) -> serde_json::Value + Send + Sync>,
}

/// Answers one request.
pub async fn respond(
    console: &Console,
    method: &Method,
    path: &str,
    query: &str,
    accept: &str,
) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return answer(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "this page is only read\n".to_owned(),
        );
    }
    let json = accept.contains("application/json");
    match path {
        "/" => list(console, query).await,
        "/livez" => answer(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => match console.ledger.flush().await {
            Ok(()) => answer(StatusCode::OK, TEXT, "ready\n".to_owned()),
            Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{error}\n")),
        },
        "/metrics" => answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            (console.metrics)(),
        ),
        "/api/v1/sbom" => sbom(console, query).await,
        _ if path.starts_with(CANARY) => {
            let known = (console.canary)(path.strip_prefix(CANARY).unwrap_or_default());
            match json {
                true => answer(StatusCode::OK, JSON, known.to_string()),
                false => answer(StatusCode::OK, HTML, canary::canary(&known)),
            }
        }
        _ => why(console, path, query, json).await,
    }
}

/// The newest decisions, or those that fit the query.
async fn list(console: &Console, query: &str) -> Response<Full<Bytes>> {
    let mut filters = Filters::parse(query);
    let search = filters.search(telemetry::now());
    match console.ledger.search(search).await {
        Ok(found) => {
            let decisions: Vec<Decision> = found.into_iter().map(|one| one.row).collect();
            let works = telemetry::works().all();
            let waits: Vec<String> = works.iter().map(ToString::to_string).collect();
            answer(StatusCode::OK, HTML, index(&filters, &decisions, &waits))
        }
        Err(error) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            format!("{error}\n"),
        ),
    }
}

/// `?image=REFERENCE&format=cyclonedx|spdx&platform=os/architecture`: of an image that is kept.
async fn sbom(console: &Console, query: &str) -> Response<Full<Bytes>> {
    let asked = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned())
    };
    let format = asked("format").unwrap_or_else(|| "cyclonedx".to_owned());
    let made = match asked("image") {
        Some(image) => (console.sbom)(image, format, asked("platform")).await,
        None => Err("which image? /api/v1/sbom?image=docker.io/library/nginx@sha256:…".to_owned()),
    };
    match made {
        Ok(document) => answer(StatusCode::OK, JSON, document),
        Err(why) => answer(
            StatusCode::NOT_FOUND,
            JSON,
            serde_json::json!({ "error": why }).to_string(),
        ),
    }
}

async fn why(console: &Console, path: &str, query: &str, json: bool) -> Response<Full<Bytes>> {
    let image = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "image")
        .map(|(_, value)| value);
    let found = match (path.strip_prefix("/why/"), image) {
        (Some(id), _) => match id.parse() {
            Ok(id) => console.ledger.decision(id).await,
            Err(()) => Ok(None),
        },
        (None, Some(image)) if path == "/why" => latest(console.ledger.as_ref(), &image).await,
        _ => {
            return answer(
                StatusCode::NOT_FOUND,
                HTML,
                missing("There is no such page."),
            );
        }
    };
    match found {
        Ok(Some(found)) => {
            let pulls = console
                .ledger
                .pulls_of(found.id, MOST)
                .await
                .unwrap_or_default();
            if json {
                return answer(StatusCode::OK, "application/json", as_json(&found, &pulls));
            }
            answer(
                StatusCode::OK,
                HTML,
                explained(console, &found, &pulls).await,
            )
        }
        Ok(None) => {
            let why =
                "No decision of that name is kept. It may be older than the ledger's retention.";
            answer(StatusCode::NOT_FOUND, HTML, missing(why))
        }
        Err(error) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            format!("{error}\n"),
        ),
    }
}

/// The page of a decision, with what else is known of the image.
async fn explained(console: &Console, found: &Decision, pulls: &[PullRow]) -> String {
    let ledger = &console.ledger;
    let events = ledger.outbox().events_of(found.id, MOST).await;
    let others = match found.digest {
        Some(_) => {
            let repository = found.reference.repository().clone();
            let others = ledger.decisions(Some(repository), MOST).await;
            others.unwrap_or_default()
        }
        None => Vec::new(),
    };
    let instead = others.iter().find(|other| {
        let tagged = other.reference.digest().is_none() && other.reference != found.reference;
        tagged && other.verdict.allows() && other.digest != found.digest
    });
    let today = (console.today)(found.reference.clone(), found.digest).await;
    decision(&Known {
        decision: found,
        pulls,
        events: &events.unwrap_or_default(),
        instead,
        today: Some(&today),
    })
}

/// The newest decision about an image: about the very reference where there is one, else about its repository.
///
/// # Errors
/// As the ledger says.
pub async fn latest(ledger: &dyn Ledger, image: &str) -> Result<Option<Decision>, LedgerError> {
    let Ok(reference) = image.parse::<Reference>() else {
        return Ok(None);
    };
    let mut decisions = ledger
        .decisions(Some(reference.repository().clone()), MOST)
        .await?;
    let exact = decisions
        .iter()
        .position(|decision| decision.reference == reference)
        .unwrap_or(0);
    Ok((!decisions.is_empty()).then(|| decisions.swap_remove(exact)))
}

/// A decision for programs: the same on the explain page and from `lazaret why --json`.
pub fn as_json(decision: &Decision, pulls: &[PullRow]) -> String {
    let mut told = decision_json(decision);
    if let Some(told) = told.as_object_mut() {
        told.insert("pulls".to_owned(), serde_json::json!(pulls));
    }
    told.to_string()
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    let style = base64::engine::general_purpose::STANDARD
        .encode(sha2::Sha256::digest(html::STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    headers.extend(
        HeaderValue::from_str(&policy)
            .ok()
            .map(|policy| (header::CONTENT_SECURITY_POLICY, policy)),
    );
    response
}

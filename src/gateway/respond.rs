//! From answers to HTTP: the only place that knows statuses and headers.

use std::fmt::Write as _;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::admission::{Ruling, ServedManifest};
use crate::canary;
use crate::oci::{Descriptor, Digest, ErrorCode, Reference, error_body, media_type};
use crate::policy::{Paint, Permit, explain, summary};

use super::body::Body;
use super::part::Part;
use super::pull::Side;
use super::refuse::{Shape, docker_tombstone, oci_tombstone, reason_phrase};
use super::request::{Ask, BadRequest};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a person is told when a pull is refused.
pub(super) struct Refusal {
    /// All of it, in lines.
    text: String,
    /// The same on one line, for places that hold no more.
    line: String,
    /// For machines: the decision's id.
    detail: Option<String>,
}

impl Refusal {
    pub(super) fn of_ruling(reference: &Reference, ruling: &Ruling, explain_base: &str) -> Refusal {
        let link = format!("{explain_base}/why/{}", ruling.decision);
        Refusal {
            text: explain(
                reference,
                &ruling.verdict,
                Some(&format!("{link} · lazaret why {}", ruling.decision)),
                Paint::Plain,
            ),
            line: format!(
                "Blocked by policy: {} (see {link})",
                summary(&ruling.verdict)
            ),
            detail: Some(format!("decision={}", ruling.decision)),
        }
    }

    pub(super) fn of_error(reference: &Reference, why: &str) -> Refusal {
        Refusal {
            text: format!("denied: {reference}\n  {why}"),
            line: format!("Blocked: {reference} could not be judged: {why}"),
            detail: None,
        }
    }

    /// The canary is no image: nothing was decided, and the link leads to who asked.
    pub(super) fn of_canary(reference: &Reference, nonce: &str, explain_base: &str) -> Refusal {
        let (proof, link) = (
            canary::proof(nonce),
            format!("{explain_base}/canary/{nonce}"),
        );
        Refusal {
            text: format!(
                "denied: {reference}\n  this is Lazaret's canary, which is always denied: the block holds (proof {proof})\n  why: {link}"
            ),
            line: format!(
                "Blocked by policy: Lazaret's canary is always denied (proof {proof}, see {link})"
            ),
            detail: Some(format!("canary={proof}")),
        }
    }

    pub(super) fn still_working(reference: &Reference) -> Refusal {
        Refusal::of_error(
            reference,
            "the image is still being judged; pull again in 60 s",
        )
    }
}

/// The answer to `/v2/`.
pub(super) fn pong() -> Response<Body> {
    finish(StatusCode::OK, Some(JSON), Body::full(&b"{}"[..]))
}

/// A manifest with the permit to serve it.
pub(super) fn manifest(
    _permit: &Permit,
    manifest: &ServedManifest,
    head: bool,
    warnings: &[String],
) -> Response<Body> {
    let body = if head {
        Body::Empty
    } else {
        Body::full(manifest.bytes.clone())
    };
    let mut response = finish(
        StatusCode::OK,
        Some(HeaderValue::from_static(manifest.media_type)),
        body,
    );
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(manifest.bytes.len()),
    );
    content_digest(headers, &manifest.digest);
    for text in warnings {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.append(header::WARNING, value);
        }
    }
    response
}

/// A blob or part of one.
pub(super) fn blob(digest: &Digest, part: Part, body: Body) -> Response<Body> {
    let status = if part.partial {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut response = finish(
        status,
        Some(HeaderValue::from_static("application/octet-stream")),
        body,
    );
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(part.end - part.start),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    content_digest(headers, digest);
    if part.partial {
        let range = format!(
            "bytes {}-{}/{}",
            part.start,
            part.end.saturating_sub(1),
            part.size
        );
        headers.extend(
            HeaderValue::from_str(&range)
                .ok()
                .map(|range| (header::CONTENT_RANGE, range)),
        );
    }
    response
}

/// A range that the blob does not have.
pub(super) fn unsatisfiable(size: u64) -> Response<Body> {
    let mut response = finish(StatusCode::RANGE_NOT_SATISFIABLE, None, Body::Empty);
    let range = HeaderValue::from_str(&format!("bytes */{size}")).ok();
    response
        .headers_mut()
        .extend(range.map(|range| (header::CONTENT_RANGE, range)));
    response
}

/// Sends a waiting client round to the same place.
pub(super) fn come_back(location: &str) -> Response<Body> {
    let mut response = finish(StatusCode::TEMPORARY_REDIRECT, None, Body::Empty);
    response.headers_mut().extend(
        HeaderValue::from_str(location)
            .ok()
            .map(|to| (header::LOCATION, to)),
    );
    response
}

/// An ordinary error of the distribution-spec.
pub(super) fn error(code: ErrorCode, message: &str, head: bool) -> Response<Body> {
    let status = match code {
        ErrorCode::BlobUnknown | ErrorCode::ManifestUnknown | ErrorCode::NameUnknown => {
            StatusCode::NOT_FOUND
        }
        ErrorCode::DigestInvalid | ErrorCode::ManifestInvalid | ErrorCode::NameInvalid => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::Denied => StatusCode::FORBIDDEN,
        ErrorCode::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    json(status, error_body(code, message, None), head)
}

/// The same, as the last on its connection.
pub(super) fn closing(mut response: Response<Body>) -> Response<Body> {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// A request for another host than the connection is for (RFC 9110, 15.5.20).
pub(crate) fn misdirected(head: bool) -> Response<Body> {
    let why = "this connection is for another host";
    let body = error_body(ErrorCode::NameUnknown, why, None);
    let response = json(StatusCode::MISDIRECTED_REQUEST, body, head);
    closing(with_phrase(response, why))
}

/// A request that was not read. The connection ends: what follows on it may be anything.
pub(super) fn bad_request(bad: BadRequest, head: bool) -> Response<Body> {
    let mut response = error(bad.code, &bad.why, head);
    if bad.code == ErrorCode::Unsupported {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        response = closing(response);
    }
    response
}

/// A refusal in the shape that holds against this client.
pub(super) fn refusal(side: Side, ask: &Ask, refusal: &Refusal) -> Response<Body> {
    match Shape::choose(side, &ask.client.user_agent) {
        Shape::Denied => denied(refusal, ask.head),
        Shape::BareHead if ask.head => finish(StatusCode::OK, None, Body::Empty),
        Shape::BareHead => denied(refusal, false),
        Shape::Tombstone => {
            let body = docker_tombstone(&refusal.line);
            tombstone(
                StatusCode::MULTIPLE_CHOICES,
                media_type::DOCKER_MANIFEST,
                body,
                refusal,
                ask.head,
            )
        }
        Shape::QuietTombstone => tombstone(
            StatusCode::OK,
            media_type::DOCKER_MANIFEST,
            docker_tombstone(&refusal.line),
            refusal,
            ask.head,
        ),
        Shape::OciTombstone => tombstone(
            StatusCode::OK,
            media_type::OCI_MANIFEST,
            oci_tombstone(&refusal.line),
            refusal,
            ask.head,
        ),
    }
}

/// `403 DENIED` with the reason wherever a client may look.
pub(super) fn denied(refusal: &Refusal, head: bool) -> Response<Body> {
    let body = error_body(ErrorCode::Denied, &refusal.text, refusal.detail.as_deref());
    with_phrase(json(StatusCode::FORBIDDEN, body, head), &refusal.line)
}

fn tombstone(
    status: StatusCode,
    media_type: &'static str,
    body: Vec<u8>,
    why: &Refusal,
    head: bool,
) -> Response<Body> {
    let (digest, length) = (Digest::of(&body), body.len());
    let body = if head { Body::Empty } else { Body::full(body) };
    let mut response = finish(status, Some(HeaderValue::from_static(media_type)), body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    content_digest(response.headers_mut(), &digest);
    with_phrase(response, &why.line)
}

/// A page of tags; `Link` leads to the next one at this gateway.
pub(super) fn tags(ask: &Ask, tags: &[String], more: bool) -> Response<Body> {
    let name = ask
        .path
        .strip_prefix("/v2/")
        .and_then(|path| path.strip_suffix("/tags/list"))
        .unwrap_or_default();
    let body = serde_json::json!({ "name": name, "tags": tags })
        .to_string()
        .into_bytes();
    let mut response = json(StatusCode::OK, body, ask.head);
    if let (true, Some(last)) = (more, tags.last()) {
        let mut link = format!("<{}?last={last}", ask.path);
        if let Some(n) = ask.query.n {
            let _ = write!(link, "&n={n}");
        }
        if let Some(ns) = &ask.query.ns {
            let _ = write!(link, "&ns={ns}");
        }
        link.push_str(">; rel=\"next\"");
        response.headers_mut().extend(
            HeaderValue::from_str(&link)
                .ok()
                .map(|link| (header::LINK, link)),
        );
    }
    response
}

/// A referrers list (distribution-spec "Listing Referrers"): an index, empty where there are none.
pub(super) fn referrers(listed: &[&Descriptor], filtered: bool, head: bool) -> Response<Body> {
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": listed });
    let mut response = json(StatusCode::OK, index.to_string().into_bytes(), head);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type::OCI_INDEX),
    );
    if filtered {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    response
}

pub(super) fn json(status: StatusCode, body: Vec<u8>, head: bool) -> Response<Body> {
    let length = body.len();
    let body = if head { Body::Empty } else { Body::full(body) };
    let mut response = finish(status, Some(JSON), body);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn finish(status: StatusCode, content_type: Option<HeaderValue>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.extend(content_type.map(|value| (header::CONTENT_TYPE, value)));
    response
}

fn with_phrase(mut response: Response<Body>, line: &str) -> Response<Body> {
    if let Ok(phrase) = hyper::ext::ReasonPhrase::try_from(reason_phrase(line)) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// The digest that an answer names: of a refusal, its tombstone's.
pub(super) fn digest_of(response: &Response<Body>) -> Option<Digest> {
    let value = response.headers().get(CONTENT_DIGEST)?;
    value.to_str().ok()?.parse().ok()
}

fn content_digest(headers: &mut HeaderMap, digest: &Digest) {
    headers.extend(
        HeaderValue::from_str(&digest.to_string())
            .ok()
            .map(|value| (CONTENT_DIGEST, value)),
    );
}

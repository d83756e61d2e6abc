//! What a proxy says for itself. Every client prints the phrase of a status line, and none the body.

use hyper::ext::ReasonPhrase;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};

use crate::gateway::Body;

/// A tunnel is open.
pub(super) fn established() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    if let Ok(phrase) = ReasonPhrase::try_from(b"Connection established".as_slice()) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// A host that nobody may reach.
pub(super) fn refused(why: &str) -> Response<Body> {
    let plain: String = why
        .chars()
        .filter(|c| c.is_ascii() && !c.is_ascii_control())
        .collect();
    let phrase = format!("Blocked by policy: {plain}");
    answer(StatusCode::FORBIDDEN, &phrase)
}

/// Somebody who has not logged in (RFC 9110, 15.5.8 and 11.7).
pub(super) fn login(why: &str) -> Response<Body> {
    let mut response = answer(StatusCode::PROXY_AUTHENTICATION_REQUIRED, why);
    let challenge = HeaderValue::from_static("Basic realm=\"lazaret\", charset=\"UTF-8\"");
    response
        .headers_mut()
        .insert(header::PROXY_AUTHENTICATE, challenge);
    response
}

/// A request for another host than the connection is for (RFC 9110, 15.5.20).
pub(super) fn misdirected() -> Response<Body> {
    answer(
        StatusCode::MISDIRECTED_REQUEST,
        "this connection is for another host",
    )
}

fn answer(status: StatusCode, phrase: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(format!("{phrase}\n")));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    // What follows on the connection may be anything.
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    if let Ok(phrase) = ReasonPhrase::try_from(phrase.as_bytes().to_vec()) {
        response.extensions_mut().insert(phrase);
    }
    response
}

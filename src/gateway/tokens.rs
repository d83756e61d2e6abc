//! Token services, answered for clients that believe to talk to a registry.
//!
//! No client is ever sent there, for none is challenged; but programs that know a registry's habits ask for a token
//! first. They get one that is worth nothing: what they send along is neither looked at nor passed on.

use hyper::{Method, Response, StatusCode};
use jiff::Timestamp;

use super::body::Body;
use super::respond;
use crate::oci::ErrorCode;

/// The paths of the token services that registries have at their own host: Docker Hub's and ghcr.io's, quay.io's,
/// gcr.io's, ECR's, GitLab's, Azure's, NVIDIA's.
const PATHS: [&str; 8] = [
    "/token",
    "/token/",
    "/v2/auth",
    "/v2/token",
    "/jwt/auth",
    "/oauth2/token",
    "/oauth2/exchange",
    "/proxy_auth",
];
/// How long the token is good, in seconds, as at Docker Hub.
const GOOD_FOR: u32 = 300;

/// Whether a token is asked for (Docker's token specification; OAuth 2.0 asks by POST, RFC 6749).
pub(super) fn asked(method: &Method, path: &str) -> bool {
    let asks = [Method::GET, Method::HEAD, Method::POST].contains(method);
    asks && PATHS.contains(&path)
}

/// A token for anybody, in the fields of both kinds of service.
pub(super) fn token(now: Timestamp, head: bool) -> Response<Body> {
    let body = serde_json::json!({
        "token": "anonymous",
        "access_token": "anonymous",
        "token_type": "Bearer",
        "scope": "",
        "expires_in": GOOD_FOR,
        "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    });
    // Whatever follows on the connection may be a body that was not read.
    respond::closing(respond::json(
        StatusCode::OK,
        body.to_string().into_bytes(),
        head,
    ))
}

/// Anything else at a host that only hands out tokens.
pub(super) fn nothing_else(head: bool) -> Response<Body> {
    let why = "this host only hands out tokens";
    respond::closing(respond::error(ErrorCode::NameUnknown, why, head))
}

//! The admin listener: the console, and nothing of the pull path.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::ACCEPT;
use hyper::{Request, Response};

use super::{Console, respond};

/// Answers one request of the admin listener.
pub async fn admin<B>(console: Arc<Console>, request: Request<B>) -> Response<Full<Bytes>> {
    let (parts, _) = request.into_parts();
    let accept = parts
        .headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    respond(
        &console,
        &parts.method,
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
        accept,
    )
    .await
}

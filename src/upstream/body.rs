//! Bodies, read with a bound in bytes and a bound in time between pieces.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::{Kind, Upstream, UpstreamError};

/// The next piece of a body; trailers are passed over.
pub(super) async fn next(
    upstream: &Upstream,
    body: &mut Incoming,
    patience: Duration,
) -> Option<Result<Bytes, UpstreamError>> {
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return Some(Err(upstream.error(Kind::Timeout, "the body stalled"))),
            Ok(None) => return None,
            Ok(Some(Err(e))) => {
                return Some(Err(
                    upstream.error(Kind::Unreachable, format!("the body broke off: {e}"))
                ));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        if let Ok(data) = frame.into_data() {
            upstream.stats().bytes.fetch_add(data.len() as u64, Relaxed);
            return Some(Ok(data));
        }
    }
}

/// A whole body of at most `max` bytes, declared or not.
pub(super) async fn collect(
    upstream: &Upstream,
    mut body: Incoming,
    max: u64,
) -> Result<Bytes, UpstreamError> {
    let too_large = || upstream.error(Kind::TooLarge, format!("more than {max} bytes"));
    if body.size_hint().lower() > max {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = next(upstream, &mut body, upstream.timeouts().read).await {
        let piece = piece?;
        if (whole.len() + piece.len()) as u64 > max {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

//! When to try again.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::header::{HeaderMap, RETRY_AFTER};
use jiff::Timestamp;

/// Attempts of one operation, the first included.
pub(super) const MAX_ATTEMPTS: u32 = 4;
/// Pause after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest `Retry-After` that is believed: beyond a day it is a mistake or malice.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Most bytes of a refusal's body that are read to keep the connection.
const MAX_DRAIN_BYTES: usize = 64 * 1024;

/// The pause after attempt number `attempt` (from 0): half fixed, half by `jitter` (0 to 1),
/// so that many instances do not come back at once.
pub(super) fn pause(attempt: u32, jitter: f64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX));
    whole / 2 + (whole / 2).mul_f64(jitter.clamp(0.0, 1.0))
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .ok()?;
            Duration::from_secs(u64::try_from(at.as_second() - now.as_second()).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// Reads a small rest of a body that nobody wants, so that its connection can be used again.
pub(super) async fn drain(mut body: hyper::body::Incoming, patience: Duration) {
    let reading = async {
        let mut seen = 0usize;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, bytes::Bytes::len);
            if seen > MAX_DRAIN_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(patience, reading).await;
}

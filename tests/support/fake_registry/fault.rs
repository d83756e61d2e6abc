//! The ways in which a registry can fail.

use std::sync::Arc;

use tokio::sync::Notify;

/// How often a fault strikes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Times {
    Once,
    N(usize),
    Always,
}

impl Times {
    /// Uses one up; false when none is left.
    pub(super) fn take(&mut self) -> bool {
        match *self {
            Times::Always => true,
            Times::Once => {
                *self = Times::N(0);
                true
            }
            Times::N(left) => {
                *self = Times::N(left.saturating_sub(1));
                left > 0
            }
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status with these headers and this body.
    Status(u16, Vec<(String, String)>, Vec<u8>),
    /// The right length is promised and the connection ends after so many bytes.
    CutAfter(usize),
    /// More bytes than the content has, with a `Content-Length` that counts them.
    Excess(Vec<u8>),
    /// One byte of the content is another.
    WrongByte(usize),
    /// The connection is reset instead of an answer.
    Reset,
    /// No length, and an empty chunk after the content.
    EmptyTrailingChunk,
    /// A body that never ends.
    Endless,
    /// A login page with status 200.
    Html200,
    /// The answer waits for this.
    DelayUntil(Arc<Notify>),
    /// 307 to this URL.
    Redirect(String),
    /// 429 with this `Retry-After` in seconds.
    RateLimit { retry_after: u32 },
    /// Another `Content-Type`.
    WrongContentType(&'static str),
    /// A `Docker-Content-Digest` of other content.
    WrongDigestHeader,
    /// No `Docker-Content-Digest` at all.
    NoDigestHeader,
    /// 405 for HEAD; GET is as ever.
    NoHeadSupport,
    /// 401 that sends credentials to this realm.
    HostileRealm(String),
}

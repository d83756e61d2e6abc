//! What can go wrong when a registry is asked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Longest detail in characters: parts of it are the registry's words.
const MAX_DETAIL: usize = 300;

/// Why a registry gave no usable answer. Cheap to clone: all who wait for one answer share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    kind: Kind,
    host: Arc<str>,
    detail: Arc<str>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The registry says there is no such thing.
    NotFound,
    /// The registry refuses it to us (403).
    Denied,
    /// The registry wants credentials that we lack, or refuses ours (401).
    Unauthorized,
    /// Too many requests (429).
    RateLimited {
        /// How long the registry asks us to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// No connection, a broken one, or a 5xx answer.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// An answer that is not what was asked for.
    Malformed,
    /// An answer beyond our bounds.
    TooLarge,
    /// Content that does not hash to its digest.
    DigestMismatch,
    /// An address, a redirect or a token service that the configuration does not allow.
    NotAllowed,
    /// The registry failed so often that it is left alone for a while.
    CircuitOpen,
}

/// Who has to act on a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Whoever asked: the name, the tag or the digest is wrong.
    Client,
    /// The registry or the network before it.
    Upstream,
    /// Us: credentials or configuration.
    Us,
}

impl UpstreamError {
    pub(super) fn new(kind: Kind, host: &str, detail: impl Into<String>) -> UpstreamError {
        UpstreamError {
            kind,
            host: host.into(),
            detail: detail
                .into()
                .chars()
                .take(MAX_DETAIL)
                .collect::<String>()
                .into(),
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Who has to act.
    pub fn side(&self) -> Side {
        match self.kind {
            Kind::NotFound => Side::Client,
            Kind::Unauthorized | Kind::NotAllowed => Side::Us,
            _ => Side::Upstream,
        }
    }

    /// Whether the same request may succeed later, with nothing changed by anyone.
    pub fn temporary(&self) -> bool {
        self.retryable() || self.kind == Kind::CircuitOpen
    }

    /// Whether to try again at once (after a pause).
    pub(super) fn retryable(&self) -> bool {
        matches!(
            self.kind,
            Kind::RateLimited { .. } | Kind::Unreachable | Kind::Timeout
        )
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::NotFound => "has no such content",
            Kind::Denied => "refuses access",
            Kind::Unauthorized => "wants other credentials",
            Kind::RateLimited { .. } => "limits our requests",
            Kind::Unreachable => "cannot be reached",
            Kind::Timeout => "did not answer in time",
            Kind::Malformed => "gave an unusable answer",
            Kind::TooLarge => "gave an answer beyond our bounds",
            Kind::DigestMismatch => "served content that does not match its digest",
            Kind::NotAllowed => "leads where the configuration does not allow",
            Kind::CircuitOpen => "failed repeatedly and is left alone for a while",
        };
        write!(f, "{} {what}", self.host)?;
        if let Kind::RateLimited {
            retry_after: Some(wait),
        } = self.kind
        {
            write!(f, " (retry in {} s)", wait.as_secs())?;
        }
        if self.detail.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.detail)
    }
}

impl std::error::Error for UpstreamError {}

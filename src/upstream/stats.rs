//! Counters of one upstream.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Kind;

/// Running totals since start; read with `load`.
#[derive(Debug, Default)]
pub struct UpstreamStats {
    /// Requests sent, retries, redirects and token requests included.
    pub requests: AtomicU64,
    /// Bytes of bodies received.
    pub bytes: AtomicU64,
    /// Operations that ended in 429.
    pub rate_limited: AtomicU64,
    /// Operations that ended unreachable or with 5xx.
    pub unreachable: AtomicU64,
    /// Operations that ended late.
    pub timeouts: AtomicU64,
    /// Operations refused by the open circuit.
    pub circuit_open: AtomicU64,
    /// Operations that ended at an address, redirect or realm that is not allowed.
    pub not_allowed: AtomicU64,
    /// Operations that ended in content of a wrong digest.
    pub digest_mismatches: AtomicU64,
    /// Operations that ended in a malformed or too large answer.
    pub malformed: AtomicU64,
    /// Operations that ended in 401 or 403.
    pub denied: AtomicU64,
    /// Operations that ended in 404.
    pub not_found: AtomicU64,
}

impl UpstreamStats {
    pub(super) fn count_error(&self, kind: Kind) {
        let counter = match kind {
            Kind::NotFound => &self.not_found,
            Kind::Denied | Kind::Unauthorized => &self.denied,
            Kind::RateLimited { .. } => &self.rate_limited,
            Kind::Unreachable => &self.unreachable,
            Kind::Timeout => &self.timeouts,
            Kind::Malformed | Kind::TooLarge => &self.malformed,
            Kind::DigestMismatch => &self.digest_mismatches,
            Kind::NotAllowed => &self.not_allowed,
            Kind::CircuitOpen => &self.circuit_open,
        };
        counter.fetch_add(1, Relaxed);
    }
}

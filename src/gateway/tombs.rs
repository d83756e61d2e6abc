//! What was said in tombstones.
//!
//! Classic Docker takes the digest of a `HEAD` answer and asks for that instead of the tag. The digest of a
//! tombstone is in no registry: without memory the second answer would be "not found", and the reason lost.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use crate::oci::Digest;

use super::respond::Refusal;

/// Clients come back within seconds; ten thousand refusals in that time are more than people cause.
const MOST: u64 = 10_000;
const KEPT: Duration = Duration::from_secs(300);

/// Refusals by the digest of the tombstone that said them.
pub(super) struct Tombs(Cache<Digest, Arc<Refusal>>);

impl Tombs {
    pub(super) fn new() -> Tombs {
        Tombs(
            Cache::builder()
                .max_capacity(MOST)
                .time_to_live(KEPT)
                .build(),
        )
    }

    pub(super) fn remember(&self, digest: Digest, refusal: Refusal) {
        self.0.insert(digest, Arc::new(refusal));
    }

    /// What the tombstone with this digest said. It opens nothing: the answer is the same refusal.
    pub(super) fn said(&self, digest: &Digest) -> Option<Arc<Refusal>> {
        self.0.get(digest)
    }
}

//! The socket for attestation evidence.

use crate::policy::{AttestationEvidence, Gathered};

/// Unavailable until an attestation collector is built in, so a rule that asks for it denies.
pub(super) async fn collect() -> Gathered<AttestationEvidence> {
    Gathered::unavailable("attestations are not verified by this version")
}

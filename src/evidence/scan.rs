//! The socket for scan evidence.

use crate::policy::{Gathered, ScanEvidence};

/// Unavailable until a scan collector is built in, so a rule that asks for it denies.
pub(super) async fn collect() -> Gathered<ScanEvidence> {
    Gathered::unavailable("layers are not scanned by this version")
}

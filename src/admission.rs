//! From a reference to a ruling: gather, judge, settle, remember.
//!
//! Rulings are remembered per digest and repository and die with what they rest on;
//! approvals say which other digests a ruling opened. All long work runs in detached
//! flights, one per digest, so that a client that leaves or is sent round takes nothing with it.

mod admit;
mod approvals;
mod attachment;
mod blob;
mod flight;
mod grace;
mod guessing;
mod holdings;
mod judge;
mod memory;
mod predecessor;
mod pullers;
mod rejudging;
mod replaying;
mod revoke;
mod revoking;
mod ruling;
mod signed_tags;
mod tags;
mod through;

pub use admit::{Admission, Answer, Parts};
pub use blob::ApprovedBlob;
pub use rejudging::Rejudged;
pub use replaying::Replayed;
pub use revoke::{RevokeError, ToRevoke, revoke, take_back};
pub use revoking::Minder;
pub use ruling::{AdmissionError, Epoch, Ruling, ServedManifest};

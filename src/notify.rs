//! People are told: from the ledger's outbox to chat services, webhooks and files.
//!
//! What is owed stands in the ledger, so nothing is lost with the process; a target may hear of something twice, under
//! the same id.

mod deliver;
mod message;
mod sign;

pub use deliver::{Target, Way, deliver, send};
pub use message::{Message, cloud_event, ecs, slack, teams, waiver};
pub use sign::{Secret, SecretError, signature};

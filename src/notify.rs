//! People are told: from the ledger's outbox to chat services, pagers, mail, logs, webhooks, files and programs.
//!
//! What is owed stands in the ledger, so nothing is lost with the process; a target may hear of something twice, under
//! the same id.

mod courier;
mod desk;
mod digest;
mod forms;
mod guard;
mod mailer;
mod message;
mod pace;
mod program;
mod send;
mod sign;
mod syslog;
mod target;
mod troubles;
pub mod watchlist;

pub use courier::{Alarm, Courier, deliver};
pub use desk::Desk;
pub use digest::digest;
pub use forms::{
    alias, cloud_event, ecs, letter, ocsf, opsgenie, opsgenie_end, pagerduty, slack, syslog, teams,
    text,
};
pub use guard::Guard;
pub use mailer::{Login, Mailer, Security};
pub use message::{Around, Message, Reason, waiver};
pub use program::Program;
pub use send::send;
pub use sign::{Secret, SecretError, signature};
pub use syslog::{Framing, SyslogServer};
pub use target::{Fields, Place, Target, Way};
pub use troubles::{Trouble, settle};

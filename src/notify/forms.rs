//! A message in the shape of each channel. Pure.

mod cloud_event;
mod ecs;
mod mail;
mod ocsf;
mod opsgenie;
mod pagerduty;
mod slack;
mod syslog;
mod teams;
mod text;

pub use cloud_event::cloud_event;
pub use ecs::ecs;
pub use mail::letter;
pub use ocsf::ocsf;
pub use opsgenie::{alias, opsgenie, opsgenie_end};
pub use pagerduty::pagerduty;
pub use slack::slack;
pub use syslog::syslog;
pub use teams::teams;
pub use text::text;

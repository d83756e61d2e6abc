//! Cases that try a policy: an image, what is known of it, and what the judge should say. From a few lines of TOML, in which
//! what is not written is as a harmless image would have it.
//!
//! ```toml
//! [[case]]
//! name = "a typo is stopped"
//! image = "docker.io/library/ngnix:1.27"
//! now = 2026-06-01T12:00:00Z
//! verdict = "deny"
//! findings = ["deny name-squat"]
//! ```

mod case;
mod evidence;
mod expect;
mod scan;
mod suite;

pub use case::Case;
pub use expect::{Expected, Judged, Outcome};
pub use suite::{Suite, Trial};

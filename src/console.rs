//! What the admin listener answers: explain pages, the newest decisions, metrics, health.

mod admin;
mod html;
mod page;
mod respond;

pub use admin::admin;
pub use respond::{Console, Sbom, as_json, decision_json, latest, respond};

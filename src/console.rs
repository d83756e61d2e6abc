//! What the admin listener answers: explain pages, the newest decisions, metrics, health.

mod admin;
mod html;
mod page;
mod respond;
mod view;

pub use admin::admin;
pub use respond::{Console, Sbom, as_json, latest, respond};
pub use view::{DecisionView, decision_json};

//! What the admin listener answers: explain pages, the newest decisions, metrics, health.

mod admin;
mod canary;
mod html;
mod index;
mod respond;
mod timeline;
mod today;
mod view;
mod why;

pub use admin::admin;
pub use respond::{Console, Judge, Sbom, as_json, latest, respond};
pub use today::Today;
pub use view::{DecisionView, decision_json};

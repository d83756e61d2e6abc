//! The JSON API of the admin listener: what the ledger knows, revocations, waivers proposed.
//!
//! One table says which endpoints there are (`endpoint.rs`). Requests are routed by it, tokens are held to the roles in
//! it, and the OpenAPI document is written from it, so none of these can say another thing than the others.

mod act;
mod answer;
mod endpoint;
mod events;
mod openapi;
mod parameters;
mod problem;
mod read;
mod status;
mod view;
mod waivers;

pub use answer::{Api, BASE};
pub use openapi::openapi;

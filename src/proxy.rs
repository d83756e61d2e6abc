//! The HTTPS proxy: registries are answered by the gate itself, under their own names; other hosts by the operator's list.
//!
//! ```text
//! CONNECT ghcr.io:443 -> 200 -> TLS as ghcr.io, by our authority -> GET /v2/... -> THE path of a pull
//! CONNECT elsewhere   -> 403 with the reason, or a tunnel that nobody looks into
//! ```

mod connect;
mod hello;
mod login;
mod tunnel;
mod words;

pub use connect::{Proxy, serve};

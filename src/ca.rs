//! A certificate authority of our own, for the hosts of registries and for nothing else; and whom clients' certificates
//! name.

mod authority;
mod client;
mod files;

pub use authority::{Authority, CaError};
pub use client::{client_name, clients};
pub use files::{CERTIFICATE, KEY, create, load};

//! A certificate authority of our own: for the hosts of registries, and for nothing else.

mod authority;
mod files;

pub use authority::{Authority, CaError};
pub use files::{CERTIFICATE, KEY, create, load};

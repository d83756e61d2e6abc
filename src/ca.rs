//! A certificate authority of our own, for the hosts of registries and for nothing else, and the one that comes after it;
//! and whom clients' certificates name.

mod authority;
mod client;
mod constraints;
mod files;
mod revoked;
mod rotation;

pub use authority::{Authority, CaError};
pub use client::client_name;
pub use constraints::hosts;
pub use files::{create, load};
pub use revoked::{Clients, without_resumption};
pub use rotation::{Next, Rotation, cancel, finish, load_own, rotate, trusted};

//! What integration tests share: a registry that misbehaves on request, and a client that pulls.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod client;
pub(crate) mod evidence;
pub(crate) mod fake_registry;
pub(crate) mod fixtures;
pub(crate) mod gate;
pub(crate) mod instance;
pub(crate) mod lazy;
pub(crate) mod notary;
pub(crate) mod signing;
pub(crate) mod tarball;
pub(crate) mod tls;

//! Lazaret.
pub mod oci;
pub mod policy;
pub mod config;
pub mod store;
pub mod ledger;
pub mod names;

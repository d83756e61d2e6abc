//! All integration tests, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that panics is a test that says where"
)]

#[path = "../support/mod.rs"]
mod support;

mod fake_registry;
mod names;
mod server_files;
mod walls;

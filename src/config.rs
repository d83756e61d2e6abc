//! Files that people edit: `policy.toml` to a [`crate::policy::Policy`], `lazaret.toml` to a [`Server`].
//!
//! All mistakes of a file are reported at once, each with its line, a caret and the remedy.

mod diagnostic;
mod policy_build;
mod policy_file;
mod server_build;
mod server_file;
mod units;
mod watch;

pub use diagnostic::{Diagnostic, Diagnostics};
pub use policy_build::parse_policy;
pub use policy_file::policy_schema;
pub use server_build::{Credentials, Registry, Server, TlsPaths, UpstreamDefaults, parse_server};
pub use server_file::server_schema;
pub use watch::watch;

/// The policy that is in force where none is given.
pub const SHIPPED_POLICY: &str = include_str!("../policy.toml");
/// What the shipped policy is called in verdicts.
pub const SHIPPED_POLICY_NAME: &str = "policy.toml";

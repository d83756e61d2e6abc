//! What people write, checked: files in, plain validated data out, mistakes shown where they are.

mod diagnostic;
pub mod reload;
mod server;
mod server_check;
mod server_raw;
mod server_registry;
mod shape;
pub mod units;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use server::{
    Cache, Credentials, Hold, Listener, Log, LogFormat, LogLevel, Registry, Server, Tls,
    UpstreamSettings, default_data_dir,
};
pub use server_check::{parse_server, server_schema};
pub use units::AddressRange;

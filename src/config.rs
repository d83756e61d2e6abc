//! What people write, checked: files in, plain validated data out, mistakes shown where they are.

mod api_tokens;
mod diagnostic;
mod policy_anomaly;
mod policy_build;
mod policy_file;
mod policy_hygiene;
mod policy_notation;
mod policy_pgp;
mod policy_reference;
mod policy_roots;
mod policy_scan;
mod policy_signers;
mod policy_tables;
mod proxy_users;
pub mod reload;
mod server;
mod server_api;
mod server_channel;
mod server_check;
mod server_gateway;
mod server_identity;
mod server_mail;
mod server_notify;
mod server_proxy;
mod server_raw;
mod server_registry;
mod server_scanner;
mod server_team;
mod server_vsa;
mod server_yara;
mod shape;
pub mod units;

pub use api_tokens::{ApiTokens, Role, parse_api_tokens};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use policy_build::{Beside, Offered, parse_policy, parse_policy_with};
pub use policy_file::policy_schema;
pub use proxy_users::{ProxyUsers, hashed_token, parse_proxy_users, proxy_user_problem};
pub use server::{
    Cache, ClamdAddress, Credentials, Hold, Listener, Log, LogFormat, LogLevel, Registry, Server,
    Tls, UpstreamSettings, default_data_dir,
};
pub use server_api::ApiSettings;
pub use server_channel::{Address, Channel, Mail, MailSecurity, Transport};
pub use server_check::{parse_server, server_schema};
pub use server_identity::{ClientCertificates, HeaderIdentity, IdentitySettings};
pub use server_notify::NotifyTarget;
pub use server_proxy::ProxyServer;
pub use server_scanner::{Inspection, ScannerKind, ScannerLogin, ScannerServer};
pub use server_vsa::VsaSettings;
pub use units::AddressRange;

/// The policy that is in force where none is given.
pub const SHIPPED_POLICY: &str = include_str!("../policy.toml");
/// What the shipped policy is called in verdicts.
pub const SHIPPED_POLICY_NAME: &str = "policy.toml";

//! What the configuration says about upstreams: plain data.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{AddressRange, Credentials, default_registries};

/// Everything that [`super::Upstreams`] needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The closed list.
    pub registries: Vec<RegistrySettings>,
    /// The proxy towards the Internet, if there is one.
    pub proxy: Option<ProxySettings>,
    /// PEM files with further certificate authorities, for all registries.
    pub ca_files: Vec<PathBuf>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            registries: default_registries(),
            proxy: None,
            ca_files: Vec::new(),
            timeouts: Timeouts::default(),
        }
    }
}

/// One registry.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// Its name in references: `docker.io`.
    pub host: String,
    /// Where it is: `https://registry-1.docker.io`, without a path.
    pub url: String,
    /// Whether `url` may be `http://`.
    pub plain_http: bool,
    /// Hosts (`name` or `name:port`) besides its own at which its token service may be.
    pub token_hosts: Vec<String>,
    /// Hosts to which it may redirect although they have private addresses.
    pub redirect_hosts: Vec<String>,
    /// Private ranges in which it, its token service and its redirects may lie.
    pub allow_addresses: Vec<AddressRange>,
    /// Whether link-local addresses, where clouds keep credentials, are refused whatever else is said.
    pub never_link_local: bool,
    /// Who we are there.
    pub credentials: Credentials,
    /// PEM files with further certificate authorities, for this registry.
    pub ca_files: Vec<PathBuf>,
}

impl RegistrySettings {
    /// A registry with nothing but a name and an address.
    pub fn new(host: &str, url: &str) -> RegistrySettings {
        RegistrySettings {
            host: host.to_owned(),
            url: url.to_owned(),
            plain_http: false,
            token_hosts: Vec::new(),
            redirect_hosts: Vec::new(),
            allow_addresses: Vec::new(),
            never_link_local: false,
            credentials: Credentials::None,
            ca_files: Vec::new(),
        }
    }
}

/// A forward proxy: `CONNECT` for https, absolute-form requests for http (RFC 9110, RFC 9112).
#[derive(Clone)]
pub struct ProxySettings {
    /// `http://user:password@proxy:3128`.
    pub url: String,
    /// Hosts that are dialled directly: `corp.example` means it and all below; `*` means all.
    pub no_proxy: Vec<String>,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("no_proxy", &self.no_proxy)
            .finish_non_exhaustive()
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the head of an answer, and between two pieces of a body.
    pub read: Duration,
    /// For a whole operation with all its retries (for blobs: until the first byte).
    pub deadline: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            deadline: Duration::from_secs(120),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The registry's name, or `proxy`.
    pub registry: String,
    /// What is wrong.
    pub problem: String,
}

impl SettingsError {
    pub(super) fn new(registry: &str, problem: impl Into<String>) -> SettingsError {
        SettingsError {
            registry: registry.to_owned(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upstream {}: {}", self.registry, self.problem)
    }
}

impl std::error::Error for SettingsError {}

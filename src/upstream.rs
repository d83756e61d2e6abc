//! The registry client: the only room that dials out to registries.
//!
//! A closed list of registries ([`Upstreams`]); each is asked over HTTP/1.1 with bounded
//! answers, bounded times, retries and a circuit breaker. Every address is checked at the
//! moment it is dialled, and credentials go to the registry and its own token service only.

mod address;
mod authorize;
mod blob;
mod body;
mod breaker;
mod client;
mod connect;
mod credentials;
mod document;
mod download;
mod error;
mod helper;
mod list;
mod manifest;
mod openpgp;
mod peer;
mod post;
mod proxy;
mod registries;
mod retry;
mod settings;
mod stats;
mod stream;
mod tls;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

pub use address::is_public;
pub use address::{AddressRange, AddressRangeError};
pub use blob::BlobBody;
pub use client::Upstream;
pub use credentials::{Credentials, Secret};
pub use download::{Begun, Download};
pub use error::{Kind, Side, UpstreamError};
pub use list::TagPage;
pub use manifest::FetchedManifest;
pub use peer::{Line, Peer};
pub use post::{Answer, Call};
pub use registries::default_registries;
pub use settings::{ProxySettings, RegistrySettings, Settings, SettingsError, Timeouts};
pub use stats::UpstreamStats;

/// Most servers besides registries whose connections are kept; a policy names one or two.
const MAX_ELSEWHERE: usize = 16;

/// The closed list of registries that may be asked.
#[derive(Debug)]
pub struct Upstreams {
    by_host: BTreeMap<String, Arc<Upstream>>,
    settings: Settings,
    elsewhere: Mutex<BTreeMap<String, Arc<Upstream>>>,
    /// Whether not even a server may be asked that the policy names.
    closed: bool,
}

impl Upstreams {
    /// Checks the settings and prepares a client for each registry. Dials nothing.
    ///
    /// # Errors
    /// [`SettingsError`] names the registry and the setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Upstreams, SettingsError> {
        let mut by_host = BTreeMap::new();
        for registry in &settings.registries {
            let upstream = Upstream::new(registry, &settings)?;
            if by_host
                .insert(registry.host.clone(), Arc::new(upstream))
                .is_some()
            {
                return Err(SettingsError::new(&registry.host, "is listed twice"));
            }
        }
        Ok(Upstreams {
            by_host,
            settings,
            elsewhere: Mutex::default(),
            closed: false,
        })
    }

    /// No registry may be asked.
    pub fn none() -> Upstreams {
        Upstreams {
            by_host: BTreeMap::new(),
            settings: Settings {
                registries: Vec::new(),
                proxy: None,
                ca_files: Vec::new(),
                timeouts: Timeouts::default(),
            },
            elsewhere: Mutex::default(),
            closed: false,
        }
    }

    /// Nobody at all may be asked, servers that a policy names included.
    pub fn nobody() -> Upstreams {
        Upstreams {
            closed: true,
            ..Upstreams::none()
        }
    }

    /// A server that the policy names and that is no registry, at the origin of `url`. It may have a private address.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn elsewhere(&self, url: &Url) -> Result<Arc<Upstream>, SettingsError> {
        let origin = url.origin().ascii_serialization();
        let mut known = self
            .elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(upstream) = known.get(&origin) {
            return Ok(upstream.clone());
        }
        if self.closed {
            return Err(SettingsError::new(&origin, "nobody is asked here"));
        }
        if known.len() >= MAX_ELSEWHERE {
            known.clear();
        }
        let mut server = RegistrySettings::new(&origin, &origin);
        server.plain_http = url.scheme() == "http";
        server.redirect_hosts = url.host_str().into_iter().map(str::to_owned).collect();
        let upstream = Arc::new(Upstream::new(&server, &self.settings)?);
        known.insert(origin, upstream.clone());
        Ok(upstream)
    }

    /// The registry by its name in references: `docker.io`.
    pub fn get(&self, host: &str) -> Option<&Arc<Upstream>> {
        self.by_host.get(host)
    }

    /// Those that do not answer, and for how long.
    pub fn down(&self) -> impl Iterator<Item = (&str, std::time::Duration)> {
        let all = self.by_host.iter();
        all.filter_map(|(host, upstream)| Some((host.as_str(), upstream.down_for()?)))
    }

    /// The names of all registries, sorted.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.by_host.keys().map(String::as_str)
    }
}

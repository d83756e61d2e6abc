//! The hosts that clients dial when they mean a registry, and what Lazaret is when it answers as one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::oci::DOCKER_HUB;
use crate::upstream::Upstreams;

/// The hosts of Docker Hub's API; of other registries it is their name.
const HUB_HOSTS: [&str; 2] = ["registry-1.docker.io", "index.docker.io"];
/// Where Docker Hub's tokens come from. Token services of other registries that have a host of their own are more than
/// that (gitlab.com), and nobody needs them: no client is challenged here.
const HUB_TOKENS: &str = "auth.docker.io";

/// What a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The registry of this name in references.
    Registry(String),
    /// A service that only hands out tokens.
    Tokens,
}

/// The hosts under whose own names registries are answered.
#[derive(Clone, Debug, Default)]
pub struct Dialled(BTreeMap<String, Named>);

impl Dialled {
    /// Of all registries. An address is no name: nobody can be certified as it.
    pub fn of(upstreams: &Upstreams) -> Dialled {
        let mut hosts = BTreeMap::new();
        for name in upstreams.hosts() {
            if name == DOCKER_HUB {
                let hub = HUB_HOSTS.map(|host| (host.to_owned(), Named::Registry(name.to_owned())));
                hosts.extend(hub);
                hosts.insert(HUB_TOKENS.to_owned(), Named::Tokens);
            }
            let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
            if host.parse::<IpAddr>().is_err() {
                hosts.insert(host.to_ascii_lowercase(), Named::Registry(name.to_owned()));
            }
        }
        Dialled(hosts)
    }

    /// What a host is, by its name in lower case.
    pub fn get(&self, host: &str) -> Option<&Named> {
        self.0.get(host)
    }

    /// All of them: what an authority must be able to certify.
    pub fn hosts(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// The name in a `Host` header or after `CONNECT`: without port and final dot, in lower case.
pub fn host_name(host: &str) -> String {
    // The colons of an IPv6 address stand in brackets.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_name() {
        for (text, name) in [
            ("ghcr.io", "ghcr.io"),
            ("GHCR.io:443", "ghcr.io"),
            ("ghcr.io.:443", "ghcr.io"),
            ("[::1]:443", "[::1]"),
            ("[::1]", "[::1]"),
            ("127.0.0.1:5443", "127.0.0.1"),
            ("", ""),
        ] {
            assert_eq!(host_name(text), name, "{text}");
        }
    }
}

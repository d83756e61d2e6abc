//! The hosts that clients dial when they mean a registry, and what Lazaret is when it answers as one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;

use crate::oci::DOCKER_HUB;
use crate::upstream::Upstreams;

/// The hosts of Docker Hub's API; of other registries it is their name.
const HUB_HOSTS: [&str; 2] = ["registry-1.docker.io", "index.docker.io"];
/// Where Docker Hub's tokens come from. Token services of other registries that have a host of their own are more than
/// that (gitlab.com), and nobody needs them: no client is challenged here.
const HUB_TOKENS: &str = "auth.docker.io";
/// Where a registry is whose name has no port: with TLS, and without.
const PORTS: [u16; 2] = [443, 80];

/// What a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The registry of this name in references.
    Registry(String),
    /// A service that only hands out tokens.
    Tokens,
}

/// The hosts under whose own names registries are answered, and at which ports.
#[derive(Clone, Debug, Default)]
pub struct Dialled(BTreeMap<String, BTreeMap<u16, Named>>);

impl Dialled {
    /// Of all registries. An address is no name: nobody can be certified as it.
    pub fn of(upstreams: &Upstreams) -> Dialled {
        let mut all = Dialled::default();
        for name in upstreams.hosts() {
            let registry = || Named::Registry(name.to_owned());
            if name == DOCKER_HUB {
                for host in HUB_HOSTS {
                    all.add(host, &PORTS, &registry());
                }
                all.add(HUB_TOKENS, &PORTS, &Named::Tokens);
            }
            match name.rsplit_once(':') {
                // `[::1]` has a colon and no port.
                Some((host, port)) if !port.ends_with(']') => {
                    if let Ok(port) = port.parse() {
                        all.add(host, &[port], &registry());
                    }
                }
                _ => all.add(name, &PORTS, &registry()),
            }
        }
        all
    }

    fn add(&mut self, host: &str, ports: &[u16], named: &Named) {
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return;
        }
        let known = self.0.entry(host.to_ascii_lowercase()).or_default();
        for port in ports {
            // Of `corp.example` and `corp.example:443` the former comes first, and is what people write.
            known.entry(*port).or_insert_with(|| named.clone());
        }
    }

    /// What is at a port of a host, by its name in lower case.
    pub fn at(&self, host: &str, port: u16) -> Option<&Named> {
        self.0.get(host)?.get(&port)
    }

    /// What a client means that was led to us: what it says of the port, or else the registry at the usual one.
    pub fn led(&self, host: &str, port: Option<u16>) -> Option<&Named> {
        let said = port.and_then(|port| self.at(host, port));
        said.or_else(|| self.at(host, 443))
    }

    /// Whether some registry has this host.
    pub fn knows(&self, host: &str) -> bool {
        self.0.contains_key(host)
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

fn host<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get(HOST)?.to_str().ok()
}

/// The port that the request's `Host` names.
pub(super) fn port<B>(request: &Request<B>) -> Option<u16> {
    host(request)?.rsplit_once(':')?.1.parse().ok()
}

/// Whether the request's `Host` is the host that was dialled, whatever the port.
pub fn names<B>(request: &Request<B>, dialled: &str) -> bool {
    host(request).is_some_and(|host| host_name(host) == dialled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{RegistrySettings, Settings, Timeouts};

    #[test]
    fn a_registry_is_at_its_own_port_and_at_no_other() {
        let names = [
            "docker.io",
            "ghcr.io",
            "corp.example",
            "corp.example:5000",
            "other.example:8443",
            "192.0.2.1",
            "192.0.2.1:5000",
            "[2001:db8::1]",
            "[2001:db8::1]:5000",
        ];
        let registries = names.map(|name| RegistrySettings::new(name, &format!("https://{name}")));
        let upstreams = Upstreams::new(Settings {
            registries: registries.to_vec(),
            proxy: None,
            ca_files: Vec::new(),
            timeouts: Timeouts::default(),
        });
        let all = Dialled::of(&upstreams.unwrap());
        let registry = |name: &str| Some(Named::Registry(name.to_owned()));
        for (host, port, wanted) in [
            ("ghcr.io", 443, registry("ghcr.io")),
            ("ghcr.io", 80, registry("ghcr.io")),
            ("ghcr.io", 5000, None),
            ("registry-1.docker.io", 443, registry("docker.io")),
            ("auth.docker.io", 443, Some(Named::Tokens)),
            ("corp.example", 443, registry("corp.example")),
            ("corp.example", 5000, registry("corp.example:5000")),
            ("corp.example", 8443, None),
            ("other.example", 8443, registry("other.example:8443")),
            ("other.example", 443, None),
            ("192.0.2.1", 443, None),
            ("192.0.2.1", 5000, None),
            ("evil.example", 443, None),
        ] {
            assert_eq!(all.at(host, port), wanted.as_ref(), "{host}:{port}");
        }
        for (host, port, wanted) in [
            ("ghcr.io", None, registry("ghcr.io")),
            // Another port than a registry's own is how somebody reaches us to try it.
            ("ghcr.io", Some(5443), registry("ghcr.io")),
            ("corp.example", Some(5000), registry("corp.example:5000")),
            ("other.example", Some(8443), registry("other.example:8443")),
            ("other.example", None, None),
        ] {
            assert_eq!(all.led(host, port), wanted.as_ref(), "{host}:{port:?}");
        }
        assert!(all.knows("other.example") && !all.knows("192.0.2.1"));
        assert!(!all.hosts().iter().any(|host| host.contains(':')));
    }

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

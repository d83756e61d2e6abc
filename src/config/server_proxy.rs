//! `[proxy]`: the HTTPS proxy that answers for registries.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::{AllowedHost, Egress};

use super::Listener;
use super::server_check::Check;
use super::server_gateway::NamedAuthority;
use super::server_raw::{RawListener, Text};

/// The HTTPS proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyServer {
    /// Where it listens.
    pub listener: Listener,
    /// Which hosts it tunnels to, beside the registries that it answers for itself.
    pub egress: Egress,
    /// Who may use it, in a file; none: whoever reaches it.
    pub users: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProxy {
    /// Address and port. Default: `127.0.0.1:3128`.
    #[schemars(with = "Option<String>")]
    listen: Text,
    /// Certificate chain, PEM, for clients that reach the proxy by `https://`. Needs `tls_key`.
    #[schemars(with = "Option<String>")]
    tls_certificate: Text,
    /// Private key, PEM. Needs `tls_certificate`.
    #[schemars(with = "Option<String>")]
    tls_key: Text,
    /// Authorities of the certificates that clients show, PEM: to the proxy if it has `tls_certificate`, else to the
    /// registry that it answers as.
    #[schemars(with = "Option<String>")]
    client_ca: Text,
    /// Lists of the certificates that these authorities revoked, PEM; where one is missing or too old, no certificate is
    /// believed.
    #[schemars(with = "Option<String>")]
    client_crl: Text,
    /// `required`: a client without a certificate is refused; `optional`: it need not have one. Default: `required`.
    #[schemars(with = "Option<String>")]
    client_certificate: Text,
    /// A file of who may use it, made by `lazaret proxy token`. Default: whoever reaches it.
    #[schemars(with = "Option<String>")]
    users: Text,
    /// Hosts beside registries that clients may reach through it: `deb.debian.org:443`, `*.pypi.org`. Default: none.
    #[schemars(with = "Option<Vec<String>>")]
    allow: Option<Vec<Spanned<String>>>,
    /// The certificate of an authority that clients trust already, PEM. Needs `ca_key`. Default: one that is made in the
    /// data folder.
    #[schemars(with = "Option<String>")]
    ca_certificate: Text,
    /// Its key, PEM, readable for its owner only. Needs `ca_certificate`.
    #[schemars(with = "Option<String>")]
    ca_key: Text,
}

impl Check<'_> {
    /// The proxy, and the authority that its table names.
    pub(super) fn proxy(&mut self, raw: RawProxy) -> (ProxyServer, Option<NamedAuthority>) {
        let mut allowed = Vec::new();
        for text in raw.allow.iter().flatten() {
            match AllowedHost::parse(text.get_ref()) {
                Ok(host) => allowed.push(host),
                Err(why) => drop(self.notes.error(text.span(), why)),
            }
        }
        let authority = self.authority(raw.ca_certificate, raw.ca_key);
        let outer = RawListener {
            listen: raw.listen,
            tls_certificate: raw.tls_certificate,
            tls_key: raw.tls_key,
            ..RawListener::default()
        };
        let mut listener = self.listener(outer, 3128, false);
        // Inside the tunnel there is TLS in any case.
        listener.clients =
            self.client_certificates(raw.client_ca, raw.client_crl, raw.client_certificate, true);
        let proxy = ProxyServer {
            listener,
            users: self.path(raw.users),
            egress: Egress(allowed),
        };
        (proxy, authority)
    }
}

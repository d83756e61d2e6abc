//! `[proxy]`: the HTTPS proxy that answers for registries.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::policy::{AllowedHost, Egress};

use super::Listener;
use super::server_check::Check;
use super::server_raw::{RawListener, Text};

/// The HTTPS proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyServer {
    /// Where it listens.
    pub listener: Listener,
    /// Which hosts it tunnels to, beside the registries that it answers for itself.
    pub egress: Egress,
    /// Certificate and key of the company's own authority; none: one in the data folder.
    pub authority: Option<(PathBuf, PathBuf)>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProxy {
    /// Address and port. Default: `127.0.0.1:3128`.
    #[schemars(with = "Option<String>")]
    listen: Text,
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
    pub(super) fn proxy(&mut self, raw: RawProxy) -> ProxyServer {
        let mut allowed = Vec::new();
        for text in raw.allow.iter().flatten() {
            match AllowedHost::parse(text.get_ref()) {
                Ok(host) => allowed.push(host),
                Err(why) => drop(self.notes.error(text.span(), why)),
            }
        }
        let authority = self.pair(
            ("ca_certificate", raw.ca_certificate),
            ("ca_key", raw.ca_key),
        );
        let authority = authority.map(|(certificate, key)| {
            (
                self.resolve(certificate.get_ref()),
                self.resolve(key.get_ref()),
            )
        });
        let listener = RawListener {
            listen: raw.listen,
            ..RawListener::default()
        };
        ProxyServer {
            listener: self.listener(listener, 3128, false),
            egress: Egress(allowed),
            authority,
        }
    }
}

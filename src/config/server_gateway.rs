//! `[gateway]`: the listener that clients have instead of registries.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Listener;
use super::server_check::Check;
use super::server_raw::{RawListener, Text};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    /// Address and port. Default: `127.0.0.1:5443`.
    #[schemars(with = "Option<String>")]
    listen: Text,
    /// Certificate chain, PEM. Needs `tls_key`.
    #[schemars(with = "Option<String>")]
    tls_certificate: Text,
    /// Private key, PEM. Needs `tls_certificate`.
    #[schemars(with = "Option<String>")]
    tls_key: Text,
    /// Serve plain HTTP beyond the loopback interface: something in front ends TLS.
    #[schemars(with = "Option<bool>")]
    plain_http: Option<Spanned<bool>>,
    /// Authorities of the certificates that clients show, PEM.
    #[schemars(with = "Option<String>")]
    client_ca: Text,
    /// Lists of the certificates that these authorities revoked, PEM; where one is missing or too old, no certificate is
    /// believed.
    #[schemars(with = "Option<String>")]
    client_crl: Text,
    /// `required`: a client without a certificate is refused; `optional`: it need not have one. Default: `required`.
    #[schemars(with = "Option<String>")]
    client_certificate: Text,
    /// Answer under registries' own names too, for clients whose DNS leads from there to here. Default: false.
    #[schemars(with = "Option<bool>")]
    registry_names: Option<Spanned<bool>>,
    /// The certificate of an authority that clients trust already, PEM. Needs `ca_key`. Default: the one in the data
    /// folder.
    #[schemars(with = "Option<String>")]
    ca_certificate: Text,
    /// Its key, PEM, readable for its owner only. Needs `ca_certificate`.
    #[schemars(with = "Option<String>")]
    ca_key: Text,
}

/// The files of an authority, and where they are written.
pub(super) type NamedAuthority = Spanned<(PathBuf, PathBuf)>;

impl Check<'_> {
    /// The gateway, and the authority that its table names.
    pub(super) fn gateway(&mut self, raw: RawGateway) -> (Listener, Option<NamedAuthority>) {
        let registry_names = raw.registry_names.is_some_and(Spanned::into_inner);
        let authority = self.authority(raw.ca_certificate, raw.ca_key);
        let plain = raw.tls_certificate.is_none() && !registry_names;
        let outer = RawListener {
            listen: raw.listen,
            tls_certificate: raw.tls_certificate,
            tls_key: raw.tls_key,
            plain_http: raw.plain_http,
            ..RawListener::default()
        };
        let mut listener = self.listener(outer, 5443, !registry_names);
        listener.registry_names = registry_names;
        listener.clients = self.client_certificates(
            raw.client_ca,
            raw.client_crl,
            raw.client_certificate,
            !plain,
        );
        (listener, authority)
    }

    pub(super) fn authority(&mut self, certificate: Text, key: Text) -> Option<NamedAuthority> {
        let (certificate, key) = self.pair(("ca_certificate", certificate), ("ca_key", key))?;
        let files = (
            self.resolve(certificate.get_ref()),
            self.resolve(key.get_ref()),
        );
        Some(Spanned::new(certificate.span(), files))
    }

    /// Clients trust one authority, whichever way they come.
    pub(super) fn one_authority(
        &mut self,
        gateway: Option<NamedAuthority>,
        proxy: Option<NamedAuthority>,
    ) -> Option<(PathBuf, PathBuf)> {
        if let (Some(one), Some(other)) = (&gateway, &proxy)
            && one.get_ref() != other.get_ref()
        {
            let problem = "gateway and proxy have different authorities";
            let mistake = self.notes.error(other.span(), problem);
            mistake.help("name the same files in both tables, or in one of them");
        }
        gateway.or(proxy).map(Spanned::into_inner)
    }
}

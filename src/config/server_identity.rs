//! `[identity]`: as whom clients are known, and the certificates that they show.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hyper::header::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::AddressRange;
use super::server_check::Check;
use super::server_raw::Text;

/// The listeners of pulls, by their tables' names.
const LISTENERS: [&str; 3] = ["mirror", "gateway", "proxy"];
/// Headers that mean something else.
const TAKEN: [&str; 5] = [
    "host",
    "authorization",
    "proxy-authorization",
    "user-agent",
    "accept",
];

/// As whom clients are known that prove nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IdentitySettings {
    /// A header in which they say it, and where that is believed.
    pub header: Option<HeaderIdentity>,
    /// Names of ranges of addresses, none twice.
    pub addresses: Vec<(AddressRange, String)>,
}

/// A header that is believed in some places.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderIdentity {
    /// The header's name.
    pub name: HeaderName,
    /// The listeners where it counts, by their tables' names; none: all.
    pub listeners: Vec<String>,
    /// The addresses from which it counts; none: all.
    pub from: Vec<AddressRange>,
}

/// The certificates that a listener asks clients for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The authorities that make them, PEM.
    pub authorities: PathBuf,
    /// The lists of those that they took back, PEM.
    pub revoked: Option<PathBuf>,
    /// Whether a client without one is refused.
    pub required: bool,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIdentity {
    /// A header in which clients say who they are: `X-Lazaret-Client`. It is believed only where `header_listeners` and
    /// `header_from` say.
    #[schemars(with = "Option<String>")]
    header: Text,
    /// The listeners where the header counts: `mirror`, `gateway`, `proxy`.
    #[schemars(with = "Option<Vec<String>>")]
    header_listeners: Option<Vec<Spanned<String>>>,
    /// The addresses from which the header counts: `10.0.0.0/8`.
    #[schemars(with = "Option<Vec<String>>")]
    header_from: Option<Vec<Spanned<String>>>,
    /// Names of ranges of addresses: `"10.1.0.0/16" = "team-a"`. The narrowest counts.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    addresses: Option<BTreeMap<String, Spanned<String>>>,
}

impl Check<'_> {
    pub(super) fn identity(&mut self, raw: RawIdentity) -> IdentitySettings {
        let listeners = self.listeners(raw.header_listeners);
        let from = self.ranges(raw.header_from);
        let header = raw.header.and_then(|text| {
            let name = text.get_ref().parse::<HeaderName>().ok();
            let name = name.filter(|name| !TAKEN.contains(&name.as_str()));
            if name.is_none() {
                let problem = format!("`{}` cannot be the header", text.get_ref());
                let mistake = self.notes.error(text.span(), problem);
                mistake.help("write a name of its own, as in `X-Lazaret-Client`");
            }
            if listeners.is_empty() && from.is_empty() {
                let problem =
                    "anybody could say to be anybody: nothing tells where the header is believed";
                let mistake = self.notes.error(text.span(), problem);
                mistake.help(
                    "add `header_listeners = [\"gateway\"]` or `header_from = [\"10.0.0.0/8\"]`",
                );
            }
            Some(HeaderIdentity {
                name: name?,
                listeners,
                from,
            })
        });
        let mut addresses: Vec<(AddressRange, String)> = Vec::new();
        for (range, name) in raw.addresses.into_iter().flatten() {
            match AddressRange::parse(&range) {
                Ok(range) => {
                    if name.get_ref().trim().is_empty() {
                        let mistake = self.notes.error(name.span(), "a name of nothing");
                        mistake.help("write who comes from there, as in `\"team-a\"`");
                    }
                    if addresses.iter().any(|(known, _)| *known == range) {
                        self.notes
                            .error(name.span(), format!("`{range}` is here twice"));
                    }
                    addresses.push((range, name.into_inner()));
                }
                Err(problem) => {
                    let mistake = self.notes.error(name.span(), problem);
                    mistake.help("write `\"10.1.0.0/16\" = \"team-a\"`");
                }
            }
        }
        IdentitySettings { header, addresses }
    }

    fn listeners(&mut self, raw: Option<Vec<Spanned<String>>>) -> Vec<String> {
        let mut found = Vec::new();
        for text in raw.into_iter().flatten() {
            if !LISTENERS.contains(&text.get_ref().as_str()) {
                let problem = format!("`{}` is no listener of pulls", text.get_ref());
                let mistake = self.notes.error(text.span(), problem);
                mistake.help("write `mirror`, `gateway` or `proxy`");
            }
            found.push(text.into_inner());
        }
        found
    }

    pub(super) fn ranges(&mut self, raw: Option<Vec<Spanned<String>>>) -> Vec<AddressRange> {
        let mut found = Vec::new();
        for text in raw.into_iter().flatten() {
            match AddressRange::parse(text.get_ref()) {
                Ok(range) => found.push(range),
                Err(problem) => {
                    let mistake = self.notes.error(text.span(), problem);
                    mistake.help("write `10.0.0.0/8` or `fd00::/8`");
                }
            }
        }
        found
    }

    /// `client_ca`, `client_crl` and `client_certificate` of a listener; `tls`: whether it speaks TLS.
    pub(super) fn client_certificates(
        &mut self,
        authorities: Text,
        revoked: Text,
        demand: Text,
        tls: bool,
    ) -> Option<ClientCertificates> {
        let required = match demand.as_ref().map(|text| text.get_ref().as_str()) {
            None | Some("required") => true,
            Some("optional") => false,
            Some(other) => {
                let problem = format!("`{other}` is not how certificates are asked for");
                let span = demand.as_ref().map(Spanned::span).unwrap_or_default();
                let mistake = self.notes.error(span, problem);
                mistake.help("write `required` or `optional`");
                true
            }
        };
        let Some(file) = authorities else {
            for (name, lonely) in [("client_certificate", demand), ("client_crl", revoked)] {
                let Some(lonely) = lonely else { continue };
                let problem = format!("`{name}` without `client_ca`");
                let mistake = self.notes.error(lonely.span(), problem);
                mistake.help("add `client_ca`: the authorities whose certificates are believed");
            }
            return None;
        };
        if !tls {
            let mistake = self
                .notes
                .error(file.span(), "clients show certificates only in TLS");
            mistake.help("add `tls_certificate` and `tls_key`");
        }
        Some(ClientCertificates {
            authorities: self.resolve(file.get_ref()),
            revoked: self.path(revoked),
            required,
        })
    }
}

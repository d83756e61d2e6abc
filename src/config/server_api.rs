//! `[api]`: programs that ask and act through the admin listener.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Listener;
use super::server_check::Check;
use super::server_raw::{RawListener, Text};

/// The API of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// The file of who may use it.
    pub tokens: PathBuf,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApi {
    /// The file of who may use it, made by `lazaret api token`. Required.
    #[schemars(with = "Option<String>")]
    tokens: Text,
}

impl Check<'_> {
    /// The admin listener, and the API on it. Tokens go over the wire, so it needs TLS where others are on that wire.
    pub(super) fn admin(
        &mut self,
        admin: RawListener,
        api: Option<toml::Spanned<RawApi>>,
    ) -> (Listener, Option<ApiSettings>) {
        let listener = self.listener(admin, 5080, false);
        let Some(raw) = api else {
            return (listener, None);
        };
        let span = raw.span();
        if listener.tls.is_none() && !listener.listen.ip().is_loopback() {
            let problem = "the API needs TLS: its tokens would be read on the way";
            self.notes
                .error(span.clone(), problem)
                .help("give tls_certificate and tls_key in [admin], or listen there on 127.0.0.1");
        }
        let tokens = self.path(raw.into_inner().tokens);
        if tokens.is_none() {
            let mistake = self
                .notes
                .error(span, "[api] needs `tokens`, the file of who may use it");
            mistake.help("make one: lazaret api token read dashboard --file api-tokens.toml");
        }
        (listener, tokens.map(|tokens| ApiSettings { tokens }))
    }
}

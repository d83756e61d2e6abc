//! `[vsa]`: verdicts as attestations beside the images.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::server_check::Check;
use super::server_raw::Text;

/// Verdicts as attestations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VsaSettings {
    /// Who we are, in every attestation.
    pub verifier: Url,
    /// The key's file; none: `vsa.key` in the data folder.
    pub key: Option<PathBuf>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVsa {
    /// Who vouches, a URL of your own that those who check expect: `https://lazaret.acme.example`. Required.
    #[schemars(with = "Option<String>")]
    verifier: Text,
    /// The key, ECDSA on P-256 in PKCS #8 as PEM, readable for its owner only; it is made where it is not there. Default:
    /// `vsa.key` in the data folder.
    #[schemars(with = "Option<String>")]
    key: Text,
}

impl Check<'_> {
    pub(super) fn vsa(&mut self, raw: Option<Spanned<RawVsa>>) -> Option<VsaSettings> {
        let raw = raw?;
        let span = raw.span();
        let RawVsa { verifier, key } = raw.into_inner();
        if verifier.is_none() {
            let problem = "[vsa] needs `verifier`, who vouches in your name";
            let mistake = self.notes.error(span, problem);
            mistake.help("a URL of your own, as in verifier = \"https://lazaret.acme.example\"");
        }
        let verifier = self.url(verifier, "https://lazaret.acme.example");
        let key = self.path(key);
        Some(VsaSettings {
            verifier: verifier?,
            key,
        })
    }
}

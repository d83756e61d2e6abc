//! `[signer.NAME]` of kind `pgp`.

use crate::trust::SignerKind;

use super::policy_build::Build;
use super::policy_file::{At, SignerTable};

impl Build {
    #[cfg(feature = "pgp")]
    pub(super) fn openpgp(&mut self, _: &str, table: &At<SignerTable>) -> Option<SignerKind> {
        use crate::trust::{Pgp, PgpKey};
        let written = table.get();
        let mut keys = Vec::new();
        for text in written.pem.iter().flatten() {
            let armoured = self.pem(text)?;
            match PgpKey::read(&armoured) {
                Ok(read) => keys.extend(read),
                Err(why) => drop(
                    self.error(text.span(), why)
                        .help("as gpg --armor --export writes it"),
                ),
            }
        }
        let lookaside = self.lookaside(written);
        Some(SignerKind::Pgp(Pgp::new(keys, lookaside)))
    }

    /// Refused when it is loaded: found out at the first pull, it would be a riddle.
    #[cfg(not(feature = "pgp"))]
    pub(super) fn openpgp(&mut self, name: &str, table: &At<SignerTable>) -> Option<SignerKind> {
        self.lookaside(table.get());
        let why =
            format!("[signer.{name}] is an OpenPGP key, and this lazaret is built without OpenPGP");
        self.error(table.span(), why)
            .help("build it with cargo build --release --features pgp");
        None
    }

    /// Where a signer's signatures lie besides the registry.
    fn lookaside(&mut self, written: &SignerTable) -> Option<String> {
        let text = written.lookaside.as_ref()?;
        let url = text.get().trim_end_matches('/');
        let whole = url::Url::parse(url).is_ok_and(|url| {
            let plain = url.query().is_none() && url.fragment().is_none();
            ["https", "http"].contains(&url.scheme()) && plain && url.username().is_empty()
        });
        if !whole {
            self.error(text.span(), format!("{url:?} is no address of a lookaside"))
                .help("as in lookaside = \"https://access.redhat.com/webassets/docker/content/sigstore\"");
        }
        whole.then(|| url.to_owned())
    }
}

//! Whom to believe in about certificates, logs and time: Sigstore trusted roots.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;

use sigstore_verify::Verifier;
use sigstore_verify::trust_root::{
    SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot,
};

use crate::oci::Digest;

use super::stamped::{Authority, authorities};

/// Largest trusted root in bytes; the public one has 12 KiB.
const MAX_ROOT_BYTES: usize = 4 * 1024 * 1024;

/// The name of the root of Sigstore's public-good instance.
pub const PUBLIC_GOOD: &str = "sigstore";
/// The name of the root of GitHub's own instance, which signs for private repositories.
pub const GITHUB: &str = "github";

/// One trusted root, ready to verify with.
#[derive(Clone)]
pub struct Root {
    /// As signers name it.
    pub name: String,
    /// Digest of the document, for verdicts.
    pub digest: Digest,
    pub(super) verifier: Arc<Verifier>,
    /// Whose timestamps are believed.
    pub(super) stampers: Arc<[Authority]>,
    /// Whether the instance has a transparency log, and so every signature must be in it.
    pub(super) has_log: bool,
    /// Whether its certificates are in a certificate-transparency log.
    pub(super) has_certificate_log: bool,
    /// When its source was last asked, or its file written; none for one that is built in.
    pub refreshed: Option<Timestamp>,
    /// How long it is believed after that.
    pub max_age: Option<Duration>,
    /// Digest of the TUF root metadata that it was fetched by.
    pub source: Option<Digest>,
}

impl Root {
    /// Reads a trusted root (`application/vnd.dev.sigstore.trustedroot+json`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, json: &str) -> Result<Root, String> {
        if json.len() > MAX_ROOT_BYTES {
            return Err(format!("a trusted root larger than {MAX_ROOT_BYTES} bytes"));
        }
        let root = TrustedRoot::from_json(json).map_err(|error| error.to_string())?;
        Ok(Root {
            name: name.to_owned(),
            digest: Digest::of(json.as_bytes()),
            verifier: Arc::new(Verifier::new(&root).map_err(|error| error.to_string())?),
            stampers: authorities(&root).into(),
            has_log: !root.tlogs.is_empty(),
            has_certificate_log: !root.ctlogs.is_empty(),
            refreshed: None,
            max_age: None,
            source: None,
        })
    }

    /// The same, refreshed then.
    pub fn refreshed_at(mut self, refreshed: Option<Timestamp>) -> Root {
        self.refreshed = refreshed;
        self
    }

    /// The same, fetched by TUF root metadata with this digest.
    pub fn believed_by(mut self, source: Option<Digest>) -> Root {
        self.source = source;
        self
    }

    /// When it will no longer be believed, if ever; never was where nobody knows how old it is.
    pub fn stale_from(&self) -> Option<Timestamp> {
        let max_age = self.max_age?;
        let refreshed = self.refreshed.unwrap_or(Timestamp::UNIX_EPOCH);
        Some(refreshed.checked_add(max_age).unwrap_or(Timestamp::MAX))
    }

    /// An error where it is older than the policy allows: whoever keeps us from hearing of a revoked log or authority
    /// must not be able to do so for ever.
    pub(super) fn fresh(&self, now: Timestamp) -> Result<(), String> {
        if self.stale_from().is_none_or(|stale| now < stale) {
            return Ok(());
        }
        let last = self.refreshed.map_or("never".to_owned(), |at| {
            format!("on {}", at.strftime("%Y-%m-%d"))
        });
        let name = &self.name;
        Err(format!(
            "the trusted root {name} was last refreshed {last}, and max_age has passed: lazaret trust update {name}"
        ))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({}, {})", self.name, self.digest)
    }
}

/// All roots by name.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    known: BTreeMap<String, Arc<Root>>,
    /// Named by the policy, and not fetched yet: nothing verifies under them.
    awaited: BTreeSet<String>,
}

impl Roots {
    /// The two that are built in.
    pub fn embedded() -> Roots {
        static EMBEDDED: LazyLock<Roots> = LazyLock::new(Roots::built_in);
        EMBEDDED.clone()
    }

    fn built_in() -> Roots {
        let built_in = [
            (PUBLIC_GOOD, SIGSTORE_PRODUCTION_TRUSTED_ROOT),
            (GITHUB, SIGSTORE_GITHUB_TRUSTED_ROOT),
        ];
        let mut roots = Roots::default();
        for (name, json) in built_in {
            match Root::parse(name, json) {
                Ok(root) => roots.add(root),
                // Whoever asks for it is told that there is no such root; a test keeps this from happening.
                Err(error) => tracing::error!(name, error, "a built-in trusted root is unusable"),
            }
        }
        roots
    }

    /// Adds a root, or puts it in the place of the one with its name.
    pub fn add(&mut self, root: Root) {
        self.awaited.remove(&root.name);
        self.known.insert(root.name.clone(), Arc::new(root));
    }

    /// Adds a root that others have too.
    pub fn share(&mut self, root: &Arc<Root>) {
        self.awaited.remove(&root.name);
        self.known.insert(root.name.clone(), root.clone());
    }

    /// Says how long the root of this name is believed after it was refreshed.
    pub fn limit(&mut self, name: &str, max_age: Duration) {
        if let Some(root) = self.known.get_mut(name) {
            *root = Arc::new(Root {
                max_age: Some(max_age),
                ..Root::clone(root)
            });
        }
    }

    /// Expects a root that is yet to be fetched.
    pub fn expect(&mut self, name: &str) {
        self.awaited.insert(name.to_owned());
    }

    /// Whether a signer may name it.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.awaited.contains(name)
    }

    /// The root of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Root>> {
        self.known.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Root>> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_roots_are_usable() {
        let roots = Roots::embedded();
        let public = roots.get(PUBLIC_GOOD).unwrap();
        assert!(public.has_log && public.has_certificate_log);
        let github = roots.get(GITHUB).unwrap();
        assert!(!github.has_log && !github.has_certificate_log);
    }
}

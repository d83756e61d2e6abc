//! Whom to believe in about certificates, logs and time: Sigstore trusted roots.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use sigstore_verify::Verifier;
use sigstore_verify::trust_root::{
    SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot,
};

use crate::oci::Digest;

/// Largest trusted root in bytes; the public one has 12 KiB.
const MAX_ROOT_BYTES: usize = 4 * 1024 * 1024;

/// The name of the root of Sigstore's public-good instance.
pub const PUBLIC_GOOD: &str = "sigstore";
/// The name of the root of GitHub's own instance, which signs for private repositories.
pub const GITHUB: &str = "github";

/// One trusted root, ready to verify with.
pub struct Root {
    /// As signers name it.
    pub name: String,
    /// Digest of the document, for verdicts.
    pub digest: Digest,
    pub(super) verifier: Verifier,
    /// Whether the instance has a transparency log, and so every signature must be in it.
    pub(super) has_log: bool,
    /// Whether its certificates are in a certificate-transparency log.
    pub(super) has_certificate_log: bool,
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
            verifier: Verifier::new(&root).map_err(|error| error.to_string())?,
            has_log: !root.tlogs.is_empty(),
            has_certificate_log: !root.ctlogs.is_empty(),
        })
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({}, {})", self.name, self.digest)
    }
}

/// All roots by name.
#[derive(Clone, Debug)]
pub struct Roots(BTreeMap<String, Arc<Root>>);

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
        let mut roots = Roots(BTreeMap::new());
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
        self.0.insert(root.name.clone(), Arc::new(root));
    }

    /// The root of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Root>> {
        self.0.get(name)
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Root>> {
        self.0.values()
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

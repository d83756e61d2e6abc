//! The canary: two images that Lazaret itself serves under every registry, one that is always allowed and one that is
//! always denied. Pulling both shows whether a client's pulls go through Lazaret, and whether its "no" holds.
//!
//! `docs/adr/` says why the name cannot be an image's, and `lazaret doctor` pulls them.

mod image;

pub use image::{Image, Served, image};

use crate::oci::{Digest, Repository};

/// The namespace of the canary in every registry. No account of Docker Hub (letters and digits only), GitHub, GitLab or
/// Quay (no two separators in a row) can have this name, and whoever could have it elsewhere is never asked for it.
pub const NAMESPACE: &str = "lazaret--canary";
/// How much of the proof's hash is shown: far beyond chance, and short enough for a status line.
const PROOF_HEX: usize = 12;
/// Longest tag that is taken as a nonce; others are answered, and nobody is told of them.
pub const MAX_NONCE_BYTES: usize = 64;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Served to everybody.
    Allowed,
    /// Served to nobody.
    Denied,
}

impl Canary {
    /// The canary that a repository is; none for repositories of the world. All names of the namespace but one are denied.
    pub fn of(repository: &Repository) -> Option<Canary> {
        let rest = repository.path().strip_prefix(NAMESPACE)?;
        let name = rest.strip_prefix('/')?;
        Some(match name {
            "allowed" => Canary::Allowed,
            _ => Canary::Denied,
        })
    }

    /// Its last name.
    pub fn name(self) -> &'static str {
        match self {
            Canary::Allowed => "allowed",
            Canary::Denied => "denied",
        }
    }

    /// What to pull from `registry` so that the server can tell this pull from others.
    pub fn reference(self, registry: &str, nonce: &str) -> String {
        format!("{registry}/{NAMESPACE}/{}:{nonce}", self.name())
    }
}

/// A word that only Lazaret puts into the refusal of this nonce: whoever shows it was refused by Lazaret.
pub fn proof(nonce: &str) -> String {
    let mut hex = Digest::of(format!("lazaret canary {nonce}").as_bytes()).hex();
    hex.truncate(PROOF_HEX);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reserved_namespace_is_a_canary() {
        let of = |host: &str, path: &str| Canary::of(&Repository::new(host, path).unwrap());
        for host in ["docker.io", "ghcr.io", "evil.example:5000", "localhost"] {
            assert_eq!(of(host, "lazaret--canary/allowed"), Some(Canary::Allowed));
            assert_eq!(of(host, "lazaret--canary/denied"), Some(Canary::Denied));
            assert_eq!(
                of(host, "lazaret--canary/allowed/more"),
                Some(Canary::Denied)
            );
            for real in [
                "lazaret-canary/allowed",
                "lazaret--canaryx/allowed",
                "lazaret--canary",
                "acme/lazaret--canary/allowed",
                "library/nginx",
            ] {
                assert_eq!(of(host, real), None, "{real}");
            }
        }
    }

    #[test]
    fn a_proof_is_of_its_nonce() {
        assert_eq!(proof("a"), proof("a"));
        assert_ne!(proof("a"), proof("b"));
        assert_eq!(proof("a").len(), PROOF_HEX);
        let reference = Canary::Denied.reference("docker.io", "n1");
        assert_eq!(reference, "docker.io/lazaret--canary/denied:n1");
        assert!(reference.parse::<crate::oci::Reference>().is_ok());
    }
}

//! Signers: whom the policy trusts, and how they sign.

use std::collections::{BTreeMap, BTreeSet};

use sigstore_verify::crypto::CertificateInfo;

use super::identity::Subject;
use super::key::{Hash, PublicKey};
use super::notation::Notation;

/// Somebody whom a policy trusts for some names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// `[signer.NAME]`.
    pub name: String,
    /// How they sign.
    pub kind: SignerKind,
}

/// How somebody signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerKind {
    /// With a key that they keep.
    Key {
        /// Any of these.
        keys: Vec<PublicKey>,
        /// With which hash.
        hash: Hash,
        /// The root whose log must hold the signature; none where the publisher uploads nothing.
        log: Option<String>,
    },
    /// With a certificate of some minutes for an identity that somebody else vouches for.
    Keyless(Keyless),
    /// With a certificate of an authority that the policy names (Notary Project).
    Notation(Notation),
    /// With an OpenPGP key.
    #[cfg(feature = "pgp")]
    Pgp(super::pgp::Pgp),
}

impl SignerKind {
    /// Whether their signatures are OpenPGP messages, and where these lie besides the registry.
    pub fn openpgp(&self) -> Option<Option<&str>> {
        match self {
            #[cfg(feature = "pgp")]
            SignerKind::Pgp(pgp) => Some(pgp.lookaside.as_deref()),
            _ => None,
        }
    }
}

/// An identity that a Sigstore instance certifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyless {
    /// Name of the trusted root.
    pub root: String,
    /// Who vouches for the identity; compared whole.
    pub issuer: String,
    /// The identity.
    pub subject: Subject,
    /// Further words of the certificate, each with the values that are allowed (Fulcio's `oid-info.md`).
    pub claims: BTreeMap<Claim, BTreeSet<String>>,
}

/// What a certificate says of a build beyond its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// Where the source is: `https://github.com/acme/app`.
    SourceRepository,
    /// The same as a number that outlives renaming.
    SourceRepositoryId,
    /// `refs/tags/v1.2.3`.
    SourceRef,
    /// `github-hosted`, `self-hosted`.
    RunnerEnvironment,
    /// `push`, `release`, `pull_request`.
    BuildTrigger,
    /// The workflow that signs, with its ref.
    BuildSigner,
}

impl Claim {
    /// All, as a policy writes them.
    pub const ALL: [(&str, Claim); 6] = [
        ("source_repository", Claim::SourceRepository),
        ("source_repository_id", Claim::SourceRepositoryId),
        ("source_ref", Claim::SourceRef),
        ("runner_environment", Claim::RunnerEnvironment),
        ("build_trigger", Claim::BuildTrigger),
        ("build_signer", Claim::BuildSigner),
    ];

    fn of(self, certificate: &CertificateInfo) -> Option<&str> {
        let claims = &certificate.ci_claims;
        let value = match self {
            Claim::SourceRepository => &claims.source_repository_uri,
            Claim::SourceRepositoryId => &claims.source_repository_identifier,
            Claim::SourceRef => &claims.source_repository_ref,
            Claim::RunnerEnvironment => &claims.runner_environment,
            Claim::BuildTrigger => &claims.build_trigger,
            Claim::BuildSigner => &claims.build_signer_uri,
        };
        value.as_deref()
    }
}

impl Keyless {
    /// Whether a verified certificate is of this identity; else the first thing that differs.
    pub(super) fn accepts(
        &self,
        issuer: &str,
        subject: &str,
        certificate: &CertificateInfo,
    ) -> Result<(), String> {
        if issuer != self.issuer {
            return Err(format!("its issuer is {issuer}, not {}", self.issuer));
        }
        if !self.subject.matches(subject) {
            return Err(format!("it is signed by {subject}, not {}", self.subject));
        }
        for (claim, allowed) in &self.claims {
            let value = claim.of(certificate);
            if !value.is_some_and(|value| allowed.contains(value)) {
                let name = Claim::ALL.iter().find(|(_, known)| known == claim);
                let name = name.map_or("a claim", |(name, _)| name);
                return Err(format!("its {name} is {}", value.unwrap_or("not told")));
            }
        }
        Ok(())
    }
}

//! Revocations: what is denied from now on whatever the policy says, until somebody takes the revocation back.

use std::fmt;

use jiff::Timestamp;

use crate::oci::{Digest, Repository};

use super::{AttestationEvidence, Origin, Pattern, Policy, SignatureEvidence};

/// Something that must not be served any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its identity in the ledger.
    pub id: String,
    /// What is meant.
    pub what: Revoked,
    /// Why, in the words of who revoked it.
    pub reason: String,
    /// Who did.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a revocation means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A manifest, configuration or layer, in whichever image it is.
    Digest(Digest),
    /// All images of repositories.
    Images(Pattern),
    /// All that this signer of the policy vouches for.
    Signer(String),
    /// All that signers vouch for whom the policy takes from the catalogue under this name.
    Publisher(String),
}

impl Revoked {
    /// How it is kept: a kind and what is meant.
    pub fn as_kept(&self) -> (&'static str, String) {
        match self {
            Revoked::Digest(digest) => ("digest", digest.to_string()),
            Revoked::Images(pattern) => ("images", pattern.as_str().to_owned()),
            Revoked::Signer(name) => ("signer", name.clone()),
            Revoked::Publisher(id) => ("publisher", id.clone()),
        }
    }

    /// What [`Revoked::as_kept`] gave, read again; none for anything else.
    pub fn of_kept(kind: &str, what: &str) -> Option<Revoked> {
        match kind {
            "digest" => what.parse().ok().map(Revoked::Digest),
            "images" => Pattern::parse(what).ok().map(Revoked::Images),
            "signer" => Some(Revoked::Signer(what.to_owned())),
            "publisher" => Some(Revoked::Publisher(what.to_owned())),
            _ => None,
        }
    }

    /// Whether it means all images of a repository.
    pub fn means_name(&self, repository: &Repository) -> bool {
        matches!(self, Revoked::Images(pattern) if pattern.matches(repository))
    }

    /// Whether it means content.
    pub fn means_content(&self, digest: &Digest) -> bool {
        matches!(self, Revoked::Digest(revoked) if revoked == digest)
    }

    /// Whether it means a signer of `policy`.
    pub fn means_signer(&self, policy: &Policy, signer: &str) -> bool {
        match self {
            Revoked::Signer(name) => name == signer,
            Revoked::Publisher(id) => policy.publisher_of(signer) == Some(id),
            Revoked::Digest(_) | Revoked::Images(_) => false,
        }
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_kept() {
            ("images" | "digest", what) => f.write_str(&what),
            (kind, what) => write!(f, "{kind} {what}"),
        }
    }
}

impl Revocation {
    /// Where its finding points: no line of the policy is behind it.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            file: "lazaret revoke".to_owned(),
            line: 0,
            table: self.id.clone(),
        }
    }

    /// One sentence about it.
    pub(super) fn words(&self) -> String {
        let day = self.at.strftime("%Y-%m-%d");
        format!(
            "{} was revoked by {} on {day}: {}",
            self.what, self.by, self.reason
        )
    }
}

/// The revocations in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations(Vec<Revocation>);

impl Revocations {
    /// Those of the ledger.
    pub fn new(all: Vec<Revocation>) -> Revocations {
        Revocations(all)
    }

    /// Those that mean all images of a repository.
    pub fn of_name<'a>(
        &'a self,
        repository: &'a Repository,
    ) -> impl Iterator<Item = &'a Revocation> {
        let all = self.0.iter();
        all.filter(|one| one.what.means_name(repository))
    }

    /// Those that mean content.
    pub fn of_content<'a>(&'a self, digest: &'a Digest) -> impl Iterator<Item = &'a Revocation> {
        let all = self.0.iter();
        all.filter(|one| one.what.means_content(digest))
    }

    /// The one that means a signer.
    pub fn of_signer(&self, policy: &Policy, signer: &str) -> Option<&Revocation> {
        let mut all = self.0.iter();
        all.find(|one| one.what.means_signer(policy, signer))
    }

    /// Takes revoked signers' signatures out of evidence; they are told as refused.
    pub fn without_revoked(&self, policy: &Policy, found: &mut SignatureEvidence) {
        let mut kept = Vec::new();
        for signature in std::mem::take(&mut found.signatures) {
            match self.of_signer(policy, &signature.signer) {
                None => kept.push(signature),
                Some(revocation) => found.refused.push(super::Refused {
                    found: signature.found,
                    why: revocation.words(),
                    identity: None,
                }),
            }
        }
        found.signatures = kept;
    }

    /// Takes revoked signers from statements, and statements that then nobody signed.
    pub fn without_revoked_statements(&self, policy: &Policy, found: &mut AttestationEvidence) {
        for statement in &mut found.statements {
            let mut why = None;
            statement.signers.retain(|signer| {
                let revocation = self.of_signer(policy, signer);
                why = revocation.map(Revocation::words).or(why.take());
                revocation.is_none()
            });
            found.refused.extend(why.map(|why| super::Refused {
                found: statement.found.clone(),
                why,
                identity: None,
            }));
        }
        found.statements.retain(|one| !one.signers.is_empty());
    }
}

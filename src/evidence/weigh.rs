//! What was found, examined: which of it is a signature, which an attestation, and which is neither.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::oci::Digest;
use crate::policy::{
    AttestationEvidence, Gathered, Policy, Refused, Rule, SeenIdentity, SignatureEvidence, Subject,
    ValidSignature, ValidStatement,
};
use crate::trust::{Examined, Image, Says, Signer, examine};

use super::buildkit::Unsigned;
use super::discover::{Candidate, Discovery};
use super::signature::Haul;

/// Most signatures by which one unsigned statement is believed: each makes it a statement of its own.
const MAX_VOUCHING: usize = 16;

/// Examines everything for the signers whom the rule names. Pure arithmetic: no waiting.
pub(super) fn weigh(
    haul: Haul,
    subject: &Subject,
    policy: &Policy,
    now: Timestamp,
) -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
    let rule = policy.rule_for(subject.reference.repository());
    let mut scales = Scales {
        policy,
        now,
        signers: signers(policy, rule),
        signatures: SignatureEvidence::default(),
        attestations: AttestationEvidence::default(),
    };
    let image = haul.image;
    scales.add(image.digest, image.bytes, image.discovery, "");
    let mut over_indexes = Vec::new();
    for index in haul.within {
        let first = scales.signatures.signatures.len();
        let of = format!(" of the index {}", index.digest);
        scales.add(index.digest, index.bytes, index.discovery, &of);
        let signed = scales.signatures.signatures.iter().skip(first).cloned();
        over_indexes.push((index.digest, signed.collect::<Vec<_>>()));
    }
    for unsigned in haul.unsigned {
        scales.add_unsigned(unsigned, &over_indexes);
    }
    scales.finish(rule)
}

/// Those whom the rule names for anything.
pub(super) fn signers<'a>(policy: &'a Policy, rule: &Rule) -> Vec<&'a Signer> {
    let named = |name: &String| {
        let mut wanted = rule
            .attestations
            .iter()
            .flat_map(|wanted| &wanted.signed_by);
        rule.signed_by.contains(name)
            || wanted.any(|known| known == name)
            || rule.told_by().any(|known| known == name)
    };
    let signers = policy.signers().iter();
    signers.filter(|signer| named(&signer.name)).collect()
}

struct Scales<'a> {
    policy: &'a Policy,
    now: Timestamp,
    signers: Vec<&'a Signer>,
    signatures: SignatureEvidence,
    attestations: AttestationEvidence,
}

impl Scales<'_> {
    /// What lies beside the manifest with this digest; `of` says which one to people, if not the image itself.
    fn add(&mut self, digest: Digest, bytes: Bytes, discovery: Discovery, of: &str) {
        let manifest = Image {
            digest,
            manifest: Some(bytes),
        };
        self.signatures.refused.extend(discovery.refused);
        let incomplete = &mut self.signatures.incomplete;
        *incomplete = incomplete.take().or(discovery.incomplete);
        for Candidate { found, material } in discovery.candidates {
            let examined = examine(
                &material,
                &manifest,
                &self.signers,
                self.policy.roots(),
                self.now,
            );
            self.sort(format!("{found}{of}"), examined);
        }
    }

    /// Statements that nobody signed are believed where somebody signed the manifest that they are in, or the index
    /// that lists it.
    fn add_unsigned(&mut self, unsigned: Unsigned, indexes: &[(Digest, Vec<ValidSignature>)]) {
        let mut vouching: Vec<ValidSignature> = Vec::new();
        for (_, signed) in indexes
            .iter()
            .filter(|(index, _)| unsigned.within.contains(index))
        {
            vouching.extend(signed.iter().cloned());
        }
        let mut own = Scales {
            policy: self.policy,
            now: self.now,
            signers: self.signers.clone(),
            signatures: SignatureEvidence::default(),
            attestations: AttestationEvidence::default(),
        };
        own.add(unsigned.digest, unsigned.bytes, unsigned.beside, "");
        let own = own.signatures;
        if unsigned.names_image {
            vouching.extend(own.signatures);
        }
        let incomplete = &mut self.attestations.incomplete;
        *incomplete = incomplete.take().or(own.incomplete);
        if vouching.is_empty() {
            let why = match own.refused.first() {
                Some(refused) => refused.why.clone(),
                None => "nobody signed it, nor an index that lists it".to_owned(),
            };
            self.attestations.refused.push(Refused {
                found: unsigned.found,
                why,
                identity: None,
            });
            return;
        }
        vouching.truncate(MAX_VOUCHING);
        for said in unsigned.statements {
            let (predicate, subject) = (Arc::new(said.predicate), Arc::new(said.subject));
            for by in &vouching {
                self.attestations.statements.push(ValidStatement {
                    signers: vec![by.signer.clone()],
                    predicate_type: said.predicate_type.clone(),
                    predicate: predicate.clone(),
                    subject: subject.clone(),
                    at: by.at,
                    reference: by.reference.clone(),
                    found: format!("{}, signed by {}", unsigned.found, by.found),
                    authority: by.authority.clone(),
                });
            }
        }
    }

    /// What one examination adds to either kind.
    fn sort(&mut self, found: String, examined: Examined) {
        let identity = examined.identity.map(|seen| SeenIdentity {
            issuer: seen.issuer,
            subject: seen.subject,
        });
        let refused = Refused {
            found: found.clone(),
            why: examined.refusals.join("; "),
            identity,
        };
        match (examined.says, examined.signed.first()) {
            (Some(Says::Signature { reference }), Some(_)) => {
                for signed in examined.signed {
                    self.signatures.signatures.push(ValidSignature {
                        signer: signed.signer,
                        reference: reference.clone(),
                        at: signed.at,
                        found: found.clone(),
                        authority: signed.authority,
                    });
                }
            }
            (Some(Says::Attestation(statement)), Some(first)) => {
                let authority = first.authority.clone();
                let at = examined.signed.iter().filter_map(|signed| signed.at).min();
                let signers = examined.signed.into_iter().map(|signed| signed.signer);
                self.attestations.statements.push(ValidStatement {
                    signers: signers.collect(),
                    predicate_type: statement.predicate_type,
                    predicate: Arc::new(statement.predicate),
                    subject: Arc::new(statement.subject),
                    at,
                    reference: None,
                    found,
                    authority,
                });
            }
            (Some(Says::Attestation(_)), None) => self.attestations.refused.push(refused),
            _ => self.signatures.refused.push(refused),
        }
    }

    fn finish(
        mut self,
        rule: &Rule,
    ) -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
        let known = |name: &String| self.policy.signers().iter().any(|by| by.name == *name);
        if let Some(name) = rule.signed_by.iter().find(|name| !known(name)) {
            let incomplete = &mut self.signatures.incomplete;
            incomplete.get_or_insert_with(|| {
                format!("[signer.{name}] is of a kind that this version does not verify")
            });
        }
        let (signatures, mut attestations) = (self.signatures, self.attestations);
        let incomplete = attestations.incomplete.take();
        attestations.incomplete = incomplete.or_else(|| signatures.incomplete.clone());
        (some(signatures), some(attestations))
    }
}

fn some<T: Default + PartialEq>(found: T) -> Gathered<T> {
    if found == T::default() {
        Gathered::Absent
    } else {
        Gathered::Found(found)
    }
}

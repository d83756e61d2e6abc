//! Signatures and attestations: discovered, then examined for the signers whom the rule names.

use std::sync::Arc;

use bytes::Bytes;

use crate::oci::{Digest, Reference};
use crate::policy::{
    AttestationEvidence, Gathered, Policy, Refused, SeenIdentity, SignatureEvidence, Subject,
    ValidSignature, ValidStatement,
};
use crate::trust::{Examined, Identity, Image, Says, Signer, examine};

use super::discover::{Discovery, discover};
use super::{Content, ContentError};

/// Both kinds at once: they lie in the same places, in the same formats.
pub(super) async fn collect(
    content: Arc<Content>,
    subject: Arc<Subject>,
    policy: Arc<Policy>,
) -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
    let needs = policy.needs(subject.reference.repository());
    if !needs.signature && !needs.attestation {
        let why = "no signature was asked for";
        return (Gathered::unavailable(why), Gathered::unavailable(why));
    }
    let manifest = content
        .manifest(subject.reference.repository(), &subject.digest)
        .await;
    let manifest = match manifest {
        Ok((bytes, _)) => bytes,
        Err(error) => {
            let why = error.to_string();
            return (
                Gathered::unavailable(why.clone()),
                Gathered::unavailable(why),
            );
        }
    };
    let discovery = discover(&content, &subject, needs.attestation).await;
    // Milliseconds of arithmetic each: not on the threads that serve.
    let examined =
        tokio::task::spawn_blocking(move || weigh(discovery, &subject, manifest, &policy)).await;
    examined.unwrap_or_else(|_| {
        let why = "the check crashed; the server's log has the reason";
        (Gathered::unavailable(why), Gathered::unavailable(why))
    })
}

/// One thing that lies beside an image, for people.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub place: String,
    /// What it claims, if it could be read.
    pub says: Option<Says>,
    /// The policy's signers who signed it.
    pub signers: Vec<String>,
    /// When.
    pub at: Option<jiff::Timestamp>,
    /// Who signed it, by certificate, trusted or not.
    pub identity: Option<Identity>,
    /// Why it is not believed.
    pub refusals: Vec<String>,
}

/// Everything that lies beside an image, examined for all the policy's signers, and where nothing could be learnt.
///
/// # Errors
/// [`ContentError`]: the image itself cannot be read.
pub async fn signatures_of(
    content: &Arc<Content>,
    reference: &Reference,
    digest: Digest,
    policy: &Policy,
) -> Result<(Vec<Found>, Option<String>), ContentError> {
    let (bytes, manifest) = content.manifest(reference.repository(), &digest).await?;
    let subject = Subject {
        reference: reference.clone(),
        digest,
        manifest,
    };
    let discovery = discover(content, &subject, true).await;
    let image = Image {
        digest,
        manifest: Some(bytes),
    };
    let signers: Vec<&Signer> = policy.signers().iter().collect();
    let refused = discovery.refused.into_iter().map(|refused| Found {
        place: refused.found,
        says: None,
        signers: Vec::new(),
        at: None,
        identity: None,
        refusals: vec![refused.why],
    });
    let candidates = discovery.candidates.into_iter().map(|candidate| {
        let examined = examine(&candidate.material, &image, &signers, policy.roots());
        Found {
            place: candidate.found,
            says: examined.says,
            at: examined.signed.iter().filter_map(|signed| signed.at).min(),
            signers: examined
                .signed
                .into_iter()
                .map(|signed| signed.signer)
                .collect(),
            identity: examined.identity,
            refusals: examined.refusals,
        }
    });
    Ok((candidates.chain(refused).collect(), discovery.incomplete))
}

fn weigh(
    discovery: Discovery,
    subject: &Subject,
    manifest: Bytes,
    policy: &Policy,
) -> (Gathered<SignatureEvidence>, Gathered<AttestationEvidence>) {
    let rule = policy.rule_for(subject.reference.repository());
    let named = |name: &String| {
        let mut wanted = rule
            .attestations
            .iter()
            .flat_map(|wanted| &wanted.signed_by);
        rule.signed_by.contains(name) || wanted.any(|known| known == name)
    };
    let signers: Vec<&Signer> = policy
        .signers()
        .iter()
        .filter(|signer| named(&signer.name))
        .collect();
    let image = Image {
        digest: subject.digest,
        manifest: Some(manifest),
    };
    let mut signatures = SignatureEvidence {
        refused: discovery.refused,
        incomplete: discovery.incomplete,
        ..SignatureEvidence::default()
    };
    let mut attestations = AttestationEvidence::default();
    for candidate in discovery.candidates {
        let examined = examine(&candidate.material, &image, &signers, policy.roots());
        sort(
            candidate.found,
            examined,
            &mut signatures,
            &mut attestations,
        );
    }
    let unverified = rule
        .signed_by
        .iter()
        .find(|name| policy.signers().iter().all(|signer| signer.name != **name));
    if let Some(name) = unverified {
        signatures.incomplete.get_or_insert_with(|| {
            format!("[signer.{name}] is of a kind that this version does not verify")
        });
    }
    attestations.incomplete = signatures.incomplete.clone();
    let nothing = signatures == SignatureEvidence::default();
    let nothing_attested = nothing && attestations == AttestationEvidence::default();
    (
        if nothing {
            Gathered::Absent
        } else {
            Gathered::Found(signatures)
        },
        if nothing_attested {
            Gathered::Absent
        } else {
            Gathered::Found(attestations)
        },
    )
}

/// What one examination adds to either kind.
fn sort(
    found: String,
    examined: Examined,
    signatures: &mut SignatureEvidence,
    attestations: &mut AttestationEvidence,
) {
    let at = examined.signed.iter().filter_map(|signed| signed.at).min();
    match examined.says {
        Some(Says::Signature { reference }) if !examined.signed.is_empty() => {
            for signed in examined.signed {
                signatures.signatures.push(ValidSignature {
                    signer: signed.signer,
                    reference: reference.clone(),
                    at: signed.at,
                    found: found.clone(),
                    authority: signed.authority,
                });
            }
        }
        Some(Says::Attestation(statement)) => {
            if let Some(first) = examined.signed.first() {
                let authority = first.authority.clone();
                attestations.statements.push(ValidStatement {
                    signers: examined
                        .signed
                        .into_iter()
                        .map(|signed| signed.signer)
                        .collect(),
                    predicate_type: statement.predicate_type,
                    predicate: statement.predicate,
                    subject: statement.subject,
                    at,
                    reference: None,
                    found,
                    authority,
                });
            }
        }
        _ => signatures.refused.push(Refused {
            found,
            why: examined.refusals.join("; "),
            identity: examined.identity.map(|seen| SeenIdentity {
                issuer: seen.issuer,
                subject: seen.subject,
            }),
        }),
    }
}

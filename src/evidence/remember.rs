//! The evidence about an image that was judged before, from what is kept of it: nobody is asked.

use std::sync::Arc;

use crate::oci::{Digest, Manifest, Reference};
use crate::policy::{Code, Evidence, Gathered, NameEvidence, Policy, ScanEvidence, Subject};

use super::gather::asking;
use super::{Structure, Tools, config, signature, statements};

/// What was learnt of an image once.
pub struct Remembered {
    /// What is judged.
    pub subject: Arc<Subject>,
    /// What it consists of.
    pub structure: Structure,
    /// What is kept of it; what is not is unavailable.
    pub evidence: Evidence,
    /// What this policy would have to know and nothing that is kept tells.
    pub lacking: Vec<Lacking>,
}

/// A kind of evidence that is not kept, or was never looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// In a sentence.
    pub why: String,
    /// What the judge says of its absence, which means nothing here.
    pub codes: &'static [Code],
}

/// Findings that only say that signatures are not there to be looked at.
const NO_SIGNATURE: &[Code] = &[
    Code::SignatureUnavailable,
    Code::AttestationUnavailable,
    Code::AttestationDeferred,
    Code::Unsigned,
];

/// Brings back what is kept of an image.
///
/// # Errors
/// Too little is kept to say anything; the sentence says why.
pub async fn remember(
    tools: &Tools,
    reference: &Reference,
    digest: Digest,
    policy: &Arc<Policy>,
    name: Gathered<NameEvidence>,
) -> Result<Remembered, String> {
    let repository = reference.repository();
    let (dossiers, home) = (tools.content.dossiers().clone(), repository.clone());
    let read = tokio::task::spawn_blocking(move || dossiers.documents(&home, &digest));
    let kept = Arc::new(tools.content.knowing(read.await.unwrap_or_default()));
    let read = kept.manifest(repository, &digest).await;
    let (_, manifest): (_, Manifest) =
        read.map_err(|_| "its manifest is not kept any more".to_owned())?;
    let subject = Arc::new(Subject {
        reference: reference.clone(),
        digest,
        manifest,
    });
    let structure = Structure::read(&kept, &subject, policy.platforms()).await;
    let structure = structure.map_err(|_| {
        "the manifest of one of its platforms was not fetched, or is not kept any more".to_owned()
    })?;
    let structure = Arc::new(structure);
    let mut lacking = Vec::new();
    let mut evidence = Evidence::unavailable("it is not kept");
    evidence.name = name;
    evidence.config = config::collect(&kept, repository, &structure).await;
    if matches!(evidence.config, Gathered::Unavailable { .. }) {
        lacking.push(Lacking {
            why: "its configuration is not kept any more".to_owned(),
            codes: &[Code::ConfigUnavailable],
        });
    }
    match signature::recall(&kept, &subject, policy).await {
        Ok((signature, attestation)) => {
            evidence.signature = signature;
            evidence.attestation = attestation;
        }
        Err(why) => lacking.push(Lacking {
            why,
            codes: NO_SIGNATURE,
        }),
    }
    evidence.scan = Gathered::Absent;
    if policy.needs(repository).scan {
        let asking = asking(policy, repository, false);
        let scanner = tools.scanner.clone();
        let scan = scanner.collect(kept, repository.clone(), structure.clone(), asking);
        evidence.scan = scan.await;
        if let Some(why) = unscanned(&evidence.scan) {
            evidence.scan = Gathered::unavailable("it is not kept");
            lacking.push(Lacking {
                why,
                codes: &[Code::ScanUnavailable],
            });
        }
    }
    let scan = std::mem::replace(&mut evidence.scan, Gathered::Absent);
    evidence.scan = statements::regard(scan, &evidence.attestation, policy, repository, &digest);
    Ok(Remembered {
        subject,
        structure: Arc::unwrap_or_clone(structure),
        evidence,
        lacking,
    })
}

/// Why a scan says less than one would that may ask somebody.
fn unscanned(scan: &Gathered<ScanEvidence>) -> Option<String> {
    let found = match scan {
        Gathered::Found(found) => found,
        Gathered::Absent => return None,
        Gathered::Unavailable { .. } => {
            return Some(
                "what is in its layers is not kept: nobody looked, or it is forgotten".to_owned(),
            );
        }
    };
    let contents = found.images.iter().flat_map(|image| &image.contents);
    let mut uncovered = contents.flat_map(|contents| &contents.uncovered);
    let fetched = uncovered.find(|one| one.why.is_some())?;
    Some(format!(
        "there are no advisories about {} here",
        fetched.ecosystem
    ))
}

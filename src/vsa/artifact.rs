//! The artifact that refers to the image (OCI image-spec, "Guidelines for Artifact Usage"; cosign's layout of bundles).

use serde_json::json;

use super::signer::BUNDLE;
use super::{PREDICATE_TYPE, VsaError, VsaSigner, statement};
use crate::ledger::Decision;
use crate::oci::{Descriptor, media_type};

/// The content of a configuration that says nothing, and its type.
pub const EMPTY: (&[u8], &str) = (b"{}", "application/vnd.oci.empty.v1+json");

/// A signed summary as it is kept and served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The bundle, its only layer.
    pub bundle: Vec<u8>,
}

/// Signs what a decision says of an image. Each time is another signature, so another digest: it is done once and kept.
///
/// # Errors
/// [`VsaError`]: nothing can be signed.
pub fn summarize(
    signer: &VsaSigner,
    verifier: &str,
    decision: &Decision,
    subject: &Descriptor,
) -> Result<Summary, VsaError> {
    let said = statement(decision, &subject.digest, verifier);
    let bundle = signer.bundle(&said)?.to_string().into_bytes();
    let (empty, kind) = EMPTY;
    let subject = json!({
        "mediaType": subject.media_type, "digest": subject.digest, "size": subject.size,
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": Descriptor::of(kind, empty),
        "layers": [Descriptor::of(BUNDLE, &bundle)],
        "subject": subject,
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": PREDICATE_TYPE,
            "org.opencontainers.image.created": decision.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        },
    });
    Ok(Summary {
        manifest: manifest.to_string().into_bytes(),
        bundle,
    })
}

impl Summary {
    /// How it stands in a list of what refers to the image.
    pub fn descriptor(&self) -> Descriptor {
        let mut listed = Descriptor::of(media_type::OCI_MANIFEST, &self.manifest);
        listed.artifact_type = Some(BUNDLE.to_owned());
        for (name, value) in [
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", PREDICATE_TYPE),
        ] {
            listed.annotations.insert(name.to_owned(), value.to_owned());
        }
        listed
    }
}

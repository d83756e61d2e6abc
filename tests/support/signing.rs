//! Signs images as cosign does, with keys made on the spot.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::oci::{Descriptor, Digest, media_type};
use serde_json::{Value, json};

use super::fake_registry::FakeRegistry;

pub(crate) const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// A P-256 key pair.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    pub(crate) fn new() -> Key {
        Key(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn from_pkcs8(der: &[u8]) -> Key {
        Key(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// `[signer.NAME]` with this key, whose signatures are in no log.
    pub(crate) fn signer(&self, name: &str) -> String {
        format!(
            "[signer.{name}]\nkind = \"key\"\ntlog = \"off\"\npem = [\"\"\"\n{}\"\"\"]\n",
            self.pem()
        )
    }

    fn sign(&self, message: &[u8]) -> String {
        let signature = self.0.sign(&SystemRandom::new(), message).unwrap();
        STANDARD.encode(signature.as_ref())
    }

    /// The layer of cosign's classic signature.
    pub(crate) fn simple(&self, digest: &Digest, reference: &str) -> Layer {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": reference },
                "image": { "docker-manifest-digest": digest },
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        self.payload(payload.to_string().into_bytes())
    }

    /// The same over whatever bytes.
    pub(crate) fn payload(&self, content: Vec<u8>) -> Layer {
        let signature = self.sign(&content);
        let annotations = [("dev.cosignproject.cosign/signature".to_owned(), signature)];
        Layer {
            media_type: SIMPLE,
            content,
            annotations: annotations.into(),
        }
    }

    /// The layer of a bundle with a statement, as cosign 3 writes it.
    pub(crate) fn bundle(&self, digest: &Digest, predicate_type: &str, predicate: Value) -> Layer {
        let subject = json!([{ "digest": { "sha256": digest.hex() } }]);
        self.statement(
            json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": predicate_type, "predicate": predicate }),
        )
    }

    pub(crate) fn statement(&self, statement: Value) -> Layer {
        let payload = statement.to_string();
        let kind = "application/vnd.in-toto+json";
        let pae = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": { "publicKey": { "hint": "" }, "tlogEntries": [] },
            "dsseEnvelope": {
                "payload": STANDARD.encode(&payload),
                "payloadType": kind,
                "signatures": [{ "sig": self.sign(pae.as_bytes()) }],
            },
        });
        Layer {
            media_type: BUNDLE,
            content: bundle.to_string().into_bytes(),
            annotations: BTreeMap::new(),
        }
    }
}

/// A layer of an artifact.
pub(crate) struct Layer {
    pub(crate) media_type: &'static str,
    pub(crate) content: Vec<u8>,
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Puts an artifact with these layers into the registry, about `subject` if one is given.
pub(crate) fn push(
    registry: &FakeRegistry,
    repository: &str,
    layers: &[Layer],
    subject: Option<&Descriptor>,
) -> Digest {
    registry.push_blob(repository, b"{}".as_slice());
    let config = Descriptor::of("application/vnd.oci.empty.v1+json", b"{}");
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let digest = registry.push_blob(repository, layer.content.clone());
            json!({ "mediaType": layer.media_type, "digest": digest, "size": layer.content.len(),
                "annotations": layer.annotations })
        })
        .collect();
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "artifactType": BUNDLE, "config": config, "layers": layers });
    if let Some(subject) = subject {
        manifest["subject"] = json!(subject);
    }
    let bytes = manifest.to_string().into_bytes();
    let descriptor = Descriptor::of(media_type::OCI_MANIFEST, &bytes);
    registry.push_manifest(repository, media_type::OCI_MANIFEST, bytes);
    if let Some(subject) = subject {
        registry.refer(repository, &subject.digest, descriptor.clone());
    }
    descriptor.digest
}

/// Puts cosign's classic signatures under their tag.
pub(crate) fn push_classic(
    registry: &FakeRegistry,
    repository: &str,
    digest: &Digest,
    layers: &[Layer],
) {
    let manifest = push(registry, repository, layers, None);
    let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
    registry.tag(repository, &tag, &manifest);
}

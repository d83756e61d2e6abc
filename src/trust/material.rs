//! Signature material as registries hold it, brought into one form.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{ArtifactDigest, Bundle, MediaType, Sha256Hash, SignatureContent};

use crate::oci::Digest;

use super::examine::Image;
use super::payload::{COSIGN, COSIGN_SIGN, SimplePayload, Statement};
use super::pem;
use super::revocation::Answer;

/// Largest bundle or envelope in bytes: a statement in base64 and some KiB.
pub const MAX_MATERIAL_BYTES: u64 = 48 * 1024 * 1024;
/// Largest annotation that is read; certificates and log entries have some KiB.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;
/// What an envelope must hold (DSSE protocol, in-toto).
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What was found beside an image.
#[derive(Clone, Debug)]
pub enum Material {
    /// A Sigstore bundle from a registry: version 0.3 or later.
    Bundle(Bytes),
    /// A Sigstore bundle that a person has at hand, of any version.
    AnyBundle(Bytes),
    /// A simple-signing payload with cosign's annotations.
    Simple {
        /// The signed bytes.
        payload: Bytes,
        /// Of the layer's descriptor.
        annotations: BTreeMap<String, String>,
    },
    /// A Notary Project envelope.
    Notation {
        /// The whole.
        envelope: Bytes,
        /// JWS or COSE.
        media_type: String,
        /// What the issuers of its certificates told.
        answers: Vec<Answer>,
    },
    /// An OpenPGP message.
    OpenPgp(Bytes),
    /// A DSSE envelope with cosign's annotations.
    Envelope {
        /// The JSON.
        envelope: Bytes,
        /// Of the layer's descriptor.
        annotations: BTreeMap<String, String>,
    },
}

/// What material claims once its signature holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// "I signed this image", under this name if one is told.
    Signature {
        /// The name that the signer wrote down.
        reference: Option<String>,
    },
    /// A statement about it.
    Attestation(Statement),
}

/// What a signature is over.
pub(super) enum Signee {
    Bytes(Bytes),
    Digest(ArtifactDigest),
}

impl Signee {
    fn of(image: &Image) -> Result<Signee, String> {
        if let Some(bytes) = &image.manifest {
            return Ok(Signee::Bytes(bytes.clone()));
        }
        let hex = image.digest.hex();
        let digest = Sha256Hash::from_hex(&hex).map_err(|error| error.to_string())?;
        Ok(Signee::Digest(digest.into()))
    }
}

/// Material about one image, not verified yet.
pub(super) struct Opened {
    /// The whole in the one form that the verifier takes.
    pub(super) bundle: Bundle,
    /// The bytes that a key signs directly.
    pub(super) message: Option<Bytes>,
    /// What the signature is over where it is no envelope.
    pub(super) artifact: Signee,
    pub(super) signature: Vec<u8>,
    pub(super) says: Says,
}

impl Opened {
    /// Whether a certificate comes along.
    pub(super) fn is_keyless(&self) -> bool {
        !matches!(
            self.bundle.verification_material.content,
            VerificationMaterialContent::PublicKey(_)
        )
    }
}

impl Material {
    /// Reads the material and what it claims about the image.
    pub(super) fn open(&self, image: &Image) -> Result<Opened, String> {
        match self {
            Material::Bundle(bytes) => {
                let bundle = parse(bytes)?;
                // Nothing signs the version: an older one would let the log's proof be left out.
                if bundle.media_type() != MediaType::Bundle0_3 {
                    return Err(format!(
                        "the bundle is a {}; registries hold version 0.3 or later",
                        bundle.media_type()
                    ));
                }
                open_content(bundle, image)
            }
            Material::AnyBundle(bytes) => open_content(parse(bytes)?, image),
            Material::Simple {
                payload,
                annotations,
            } => open_simple(payload, annotations, &image.digest),
            Material::Notation { .. } | Material::OpenPgp(_) => {
                Err("it is no Sigstore bundle".to_owned())
            }
            Material::Envelope {
                envelope,
                annotations,
            } => {
                let value: Value = serde_json::from_slice(envelope)
                    .map_err(|error| format!("the envelope is malformed: {error}"))?;
                let bundle = bundle(annotations, "dsseEnvelope", value)?;
                open_content(bundle, image)
            }
        }
    }
}

fn parse(bytes: &Bytes) -> Result<Bundle, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the bundle is not text".to_owned())?;
    Bundle::from_json(text).map_err(|error| format!("the bundle is malformed: {error}"))
}

/// A bundle's content: an envelope with a statement, or a signature over the manifest.
fn open_content(bundle: Bundle, image: &Image) -> Result<Opened, String> {
    let (message, signature, says) = match &bundle.content {
        SignatureContent::MessageSignature(message) => (
            image.manifest.clone(),
            message.signature.as_bytes().to_vec(),
            Says::Signature { reference: None },
        ),
        SignatureContent::DsseEnvelope(envelope) => {
            if envelope.payload_type != IN_TOTO {
                return Err(format!("the envelope holds a {:?}", envelope.payload_type));
            }
            let statement = Statement::parse(envelope.payload.as_bytes())?;
            if !statement.is_about(&image.digest) {
                return Err("the statement is about another image".to_owned());
            }
            let says = if statement.predicate_type == COSIGN_SIGN {
                Says::Signature { reference: None }
            } else {
                Says::Attestation(statement)
            };
            let signature = envelope.signature.sig.as_bytes().to_vec();
            (Some(Bytes::from(envelope.pae())), signature, says)
        }
        _ => return Err("the bundle holds neither a signature nor an envelope".to_owned()),
    };
    Ok(Opened {
        bundle,
        message,
        artifact: Signee::of(image)?,
        signature,
        says,
    })
}

fn open_simple(
    payload: &Bytes,
    annotations: &BTreeMap<String, String>,
    digest: &Digest,
) -> Result<Opened, String> {
    let said = SimplePayload::parse(payload, COSIGN)?;
    if said.digest != *digest {
        return Err(format!("it signs {}", said.digest));
    }
    let signature = annotation(annotations, "dev.cosignproject.cosign/signature")?
        .ok_or("the layer has no signature annotation")?;
    let hash = STANDARD.encode(hex_bytes(Digest::of(payload).hex().as_str())?);
    let content = json!({
        "messageDigest": { "algorithm": "SHA2_256", "digest": hash },
        "signature": signature,
    });
    let signature = STANDARD
        .decode(signature)
        .map_err(|error| format!("the signature is not base64: {error}"))?;
    Ok(Opened {
        bundle: bundle(annotations, "messageSignature", content)?,
        message: Some(payload.clone()),
        artifact: Signee::Bytes(payload.clone()),
        signature,
        says: Says::Signature {
            reference: Some(said.reference),
        },
    })
}

/// cosign's `dev.sigstore.cosign/bundle`: the log's promise, without a proof.
#[derive(Deserialize)]
struct LogPromise {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    payload: LogPayload,
}

#[derive(Deserialize)]
struct LogPayload {
    body: String,
    #[serde(rename = "integratedTime")]
    integrated_time: i64,
    #[serde(rename = "logIndex")]
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    token: String,
}

#[derive(Deserialize)]
struct BodyKind {
    kind: String,
    #[serde(rename = "apiVersion")]
    version: String,
}

/// cosign's annotations as a bundle of version 0.1, which knows promises without proofs.
fn bundle(
    annotations: &BTreeMap<String, String>,
    kind: &str,
    content: Value,
) -> Result<Bundle, String> {
    let who = match annotation(annotations, "dev.sigstore.cosign/certificate")? {
        Some(pem) => json!({ "certificates": [{ "rawBytes": certificate(pem)? }] }),
        None => json!({ "hint": "" }),
    };
    let who_is = if who.get("hint").is_some() {
        "publicKey"
    } else {
        "x509CertificateChain"
    };
    let entries = match annotation(annotations, "dev.sigstore.cosign/bundle")? {
        Some(text) => json!([log_entry(text)?]),
        None => json!([]),
    };
    let timestamps = match annotation(annotations, "dev.sigstore.cosign/rfc3161timestamp")? {
        Some(text) => {
            let timestamp: Timestamp = serde_json::from_str(text)
                .map_err(|error| format!("the timestamp annotation is malformed: {error}"))?;
            json!([{ "signedTimestamp": timestamp.token }])
        }
        None => json!([]),
    };
    let whole = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            who_is: who,
            "tlogEntries": entries,
            "timestampVerificationData": { "rfc3161Timestamps": timestamps },
        },
        kind: content,
    });
    Bundle::from_json(&whole.to_string())
        .map_err(|error| format!("the annotations are malformed: {error}"))
}

fn log_entry(text: &str) -> Result<Value, String> {
    let entry: LogPromise = serde_json::from_str(text)
        .map_err(|error| format!("the log annotation is malformed: {error}"))?;
    let body = STANDARD
        .decode(&entry.payload.body)
        .map_err(|error| format!("the log entry is not base64: {error}"))?;
    let kind: BodyKind = serde_json::from_slice(&body)
        .map_err(|error| format!("the log entry is malformed: {error}"))?;
    Ok(json!({
        "logIndex": entry.payload.log_index.to_string(),
        "logId": { "keyId": STANDARD.encode(hex_bytes(&entry.payload.log_id)?) },
        "kindVersion": { "kind": kind.kind, "version": kind.version },
        "integratedTime": entry.payload.integrated_time.to_string(),
        "inclusionPromise": { "signedEntryTimestamp": entry.promise },
        "canonicalizedBody": entry.payload.body,
    }))
}

fn annotation<'a>(
    annotations: &'a BTreeMap<String, String>,
    key: &str,
) -> Result<Option<&'a str>, String> {
    match annotations.get(key).map(String::as_str) {
        None | Some("") => Ok(None),
        Some(text) if text.len() > MAX_ANNOTATION_BYTES => Err(format!(
            "the annotation {key} is larger than {MAX_ANNOTATION_BYTES} bytes"
        )),
        Some(text) => Ok(Some(text)),
    }
}

/// The base64 of the first PEM certificate.
fn certificate(pem: &str) -> Result<String, String> {
    let blocks = pem::blocks(pem, "CERTIFICATE");
    let blocks = blocks.map_err(|why| format!("the certificate annotation: {why}"))?;
    Ok(STANDARD.encode(blocks.first().map_or(&[][..], Vec::as_slice)))
}

fn hex_bytes(hex: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    };
    hex.as_bytes()
        .chunks(2)
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| "not hexadecimal".to_owned())
}

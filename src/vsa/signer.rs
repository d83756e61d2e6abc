//! The key, and envelopes signed with it (DSSE v1).

use std::fmt;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::keyfile;

/// The type of an in-toto statement in an envelope.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The type of a bundle (Sigstore bundle v0.3).
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Why nothing is signed.
#[derive(Debug)]
pub struct VsaError(String);

impl fmt::Display for VsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for VsaError {}

/// Signs summaries. ECDSA on P-256, which every verifier has.
pub struct VsaSigner {
    pair: EcdsaKeyPair,
    public: Vec<u8>,
}

impl VsaSigner {
    /// Reads the key; where there is none, it is made. Waits for the disk.
    ///
    /// # Errors
    /// [`VsaError`] names the file.
    pub fn open(file: &Path) -> Result<VsaSigner, VsaError> {
        let wrong = |why: &dyn fmt::Display| VsaError(format!("{}: {why}", file.display()));
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let made = || {
            let pair = EcdsaKeyPair::generate(algorithm).ok()?;
            Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
        };
        let der = keyfile::read_or_make(file, made).map_err(|error| wrong(&error))?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der)
            .map_err(|_| wrong(&"no key of ECDSA on P-256 in PKCS #8"))?;
        let public: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .map_err(|_| wrong(&"its public key cannot be written"))?;
        Ok(VsaSigner {
            public: public.as_ref().to_vec(),
            pair,
        })
    }

    /// The public key as PEM (SubjectPublicKeyInfo).
    pub fn public_pem(&self) -> String {
        keyfile::pem("PUBLIC KEY", &self.public)
    }

    /// A bundle with a statement in a signed envelope.
    ///
    /// # Errors
    /// [`VsaError`]: there are no random numbers.
    pub fn bundle(&self, statement: &Value) -> Result<Value, VsaError> {
        let payload = statement.to_string();
        let signed = pae(PAYLOAD_TYPE, payload.as_bytes());
        let signature = self
            .pair
            .sign(&SystemRandom::new(), &signed)
            .map_err(|_| VsaError("nothing can be signed".to_owned()))?;
        let hint = STANDARD.encode(Sha256::digest(&self.public));
        Ok(json!({
            "mediaType": BUNDLE,
            "verificationMaterial": { "publicKey": { "hint": hint } },
            "dsseEnvelope": {
                "payload": STANDARD.encode(&payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{ "sig": STANDARD.encode(signature.as_ref()) }],
            },
        }))
    }
}

/// What is signed of an envelope (DSSE v1, "Signature Definition").
fn pae(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (secure-systems-lab/dsse, protocol.md).
    #[test]
    fn what_is_signed_is_what_the_specification_says() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn a_key_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vsa.key");
        let made = VsaSigner::open(&file).unwrap().public_pem();
        assert_eq!(VsaSigner::open(&file).unwrap().public_pem(), made);
        assert!(
            made.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
        );
        std::fs::write(&file, "nothing").unwrap();
        let said = VsaSigner::open(&file).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("vsa.key: "), "{said}");
    }
}

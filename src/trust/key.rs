//! Public keys as publishers hand them out, and signatures made with them directly.

use std::fmt;

use aws_lc_rs::signature::{self as algorithm, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::oci::Digest;

use super::pem;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// What a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    P521,
    Ed25519,
    Rsa,
}

/// Which hash a key's owner signs with. Signers disagree for one and the same kind of key: cosign 2 signs with SHA-256
/// whatever the key, cosign 3 with the hash as long as the curve, others with SHA-512.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hash {
    /// Any of the three.
    #[default]
    Auto,
    /// SHA-256 only.
    Sha256,
    /// SHA-384 only.
    Sha384,
    /// SHA-512 only.
    Sha512,
}

/// How notation has a key of a kind and length sign (signature-specification.md, "Algorithm Selection").
pub(super) struct Suite {
    /// As JWS names it.
    pub(super) jose: &'static str,
    /// As COSE numbers it.
    pub(super) cose: i64,
    way: &'static dyn VerificationAlgorithm,
}

/// A public key. Its owner is trusted because the policy says so; nothing else vouches for it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    /// SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    spki: Vec<u8>,
    /// The bits inside.
    raw: Vec<u8>,
}

impl PublicKey {
    /// All keys of a PEM text (RFC 7468, `PUBLIC KEY`), at least one.
    ///
    /// # Errors
    /// A sentence for who wrote the text.
    pub fn from_pem(text: &str) -> Result<Vec<PublicKey>, String> {
        if text.contains("PRIVATE KEY") {
            return Err(
                "this is a private key: only the public half belongs into a policy".to_owned(),
            );
        }
        let blocks = pem::blocks(text, "PUBLIC KEY")?;
        blocks.iter().map(|der| PublicKey::from_spki(der)).collect()
    }

    /// A key as the base64 of its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// A sentence for who wrote the text.
    pub fn from_base64(text: &str) -> Result<PublicKey, String> {
        use base64::Engine;
        let der = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| format!("the key is not base64: {error}"))?;
        PublicKey::from_spki(&der)
    }

    /// A key from its SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// A sentence that says what kind of key it is not.
    pub fn from_spki(der: &[u8]) -> Result<PublicKey, String> {
        let spki = SubjectPublicKeyInfoOwned::from_der(der)
            .map_err(|error| format!("no SubjectPublicKeyInfo: {error}"))?;
        let curve = || {
            let parameters = spki.algorithm.parameters.as_ref()?;
            parameters.decode_as::<ObjectIdentifier>().ok()
        };
        let kind = match spki.algorithm.oid {
            RSA => Kind::Rsa,
            ED25519 => Kind::Ed25519,
            EC => match curve() {
                Some(P256) => Kind::P256,
                Some(P384) => Kind::P384,
                Some(P521) => Kind::P521,
                _ => return Err("an elliptic curve other than P-256, P-384 and P-521".to_owned()),
            },
            other => return Err(format!("a kind of key that is not known ({other})")),
        };
        let raw = spki
            .subject_public_key
            .as_bytes()
            .ok_or("a key with half a byte")?
            .to_vec();
        let spki = spki.to_der().map_err(|error| error.to_string())?;
        Ok(PublicKey { kind, spki, raw })
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the SubjectPublicKeyInfo, by which people compare keys.
    pub fn fingerprint(&self) -> String {
        Digest::of(&self.spki).to_string()
    }

    /// The one way in which notation lets this key sign, if there is one.
    pub(super) fn suite(&self) -> Option<Suite> {
        let suite =
            |jose, cose, way: &'static dyn VerificationAlgorithm| Some(Suite { jose, cose, way });
        match (self.kind, self.rsa_bits()) {
            (Kind::P256, _) => suite("ES256", -7, &algorithm::ECDSA_P256_SHA256_FIXED),
            (Kind::P384, _) => suite("ES384", -35, &algorithm::ECDSA_P384_SHA384_FIXED),
            (Kind::P521, _) => suite("ES512", -36, &algorithm::ECDSA_P521_SHA512_FIXED),
            (Kind::Rsa, Some(2048)) => suite("PS256", -37, &algorithm::RSA_PSS_2048_8192_SHA256),
            (Kind::Rsa, Some(3072)) => suite("PS384", -38, &algorithm::RSA_PSS_2048_8192_SHA384),
            (Kind::Rsa, Some(4096)) => suite("PS512", -39, &algorithm::RSA_PSS_2048_8192_SHA512),
            (Kind::Rsa | Kind::Ed25519, _) => None,
        }
    }

    /// Length of the modulus of an RSA key (RFC 8017, A.1.1).
    fn rsa_bits(&self) -> Option<usize> {
        let mut reader = SliceReader::new(&self.raw).ok()?;
        let modulus = reader.sequence(|key| {
            let modulus = UintRef::decode(key)?.as_bytes().to_vec();
            UintRef::decode(key)?;
            Ok(modulus)
        });
        let modulus = modulus.ok().filter(|_| self.kind == Kind::Rsa)?;
        let first = modulus.first()?;
        Some(modulus.len() * 8 - first.leading_zeros() as usize)
    }

    /// Whether `signature` (two numbers of fixed length for elliptic curves, PSS for RSA) is this key's.
    pub(super) fn verifies_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        self.suite().is_some_and(|suite| {
            let key = UnparsedPublicKey::new(suite.way, &self.raw);
            key.verify(message, signature).is_ok()
        })
    }

    /// Whether `signature` (DER for elliptic curves) is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8], hash: Hash) -> bool {
        let ways: [(Hash, &'static dyn VerificationAlgorithm); 3] = match self.kind {
            Kind::P256 => [
                (Hash::Sha256, &algorithm::ECDSA_P256_SHA256_ASN1),
                (Hash::Sha384, &algorithm::ECDSA_P256_SHA384_ASN1),
                (Hash::Sha512, &algorithm::ECDSA_P256_SHA512_ASN1),
            ],
            Kind::P384 => [
                (Hash::Sha256, &algorithm::ECDSA_P384_SHA256_ASN1),
                (Hash::Sha384, &algorithm::ECDSA_P384_SHA384_ASN1),
                (Hash::Sha512, &algorithm::ECDSA_P384_SHA512_ASN1),
            ],
            Kind::P521 => [
                (Hash::Sha256, &algorithm::ECDSA_P521_SHA256_ASN1),
                (Hash::Sha384, &algorithm::ECDSA_P521_SHA384_ASN1),
                (Hash::Sha512, &algorithm::ECDSA_P521_SHA512_ASN1),
            ],
            Kind::Rsa => [
                (Hash::Sha256, &algorithm::RSA_PKCS1_2048_8192_SHA256),
                (Hash::Sha384, &algorithm::RSA_PKCS1_2048_8192_SHA384),
                (Hash::Sha512, &algorithm::RSA_PKCS1_2048_8192_SHA512),
            ],
            // Ed25519 has its hash inside (RFC 8032).
            Kind::Ed25519 => {
                return UnparsedPublicKey::new(&algorithm::ED25519, &self.raw)
                    .verify(message, signature)
                    .is_ok();
            }
        };
        ways.iter()
            .filter(|(with, _)| hash == Hash::Auto || hash == *with)
            .any(|(_, way)| {
                UnparsedPublicKey::new(*way, &self.raw)
                    .verify(message, signature)
                    .is_ok()
            })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.kind, self.fingerprint())
    }
}

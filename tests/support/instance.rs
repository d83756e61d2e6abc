//! A Sigstore instance of one's own: an authority that certifies identities and a log that promises entries.

use std::path::Path;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::oci::Digest;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};
use serde_json::{Value, json};

use super::signing::{Key, Layer};

const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";

/// Noon of 10 May 2026, when the certificates are valid.
pub(crate) const NOON: i64 = 1_778_414_400;
const DAY: i64 = 24 * 3600;

pub(crate) struct Instance {
    authority: Issuer<'static, KeyPair>,
    authority_der: Vec<u8>,
    log: EcdsaKeyPair,
}

/// Whom the authority certifies.
pub(crate) struct Who<'a> {
    pub(crate) subject: &'a str,
    pub(crate) issuer: &'a str,
    /// Further words, by the last number of Fulcio's identifiers.
    pub(crate) claims: &'a [(u64, &'a str)],
}

/// An identity's key of the day.
pub(crate) struct Certified {
    key: Key,
    pem: String,
}

impl Instance {
    pub(crate) fn new() -> Instance {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2035, 1, 1);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Instance {
            authority_der: certificate.der().to_vec(),
            authority: Issuer::new(params, key),
            log: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
        }
    }

    fn log_key(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.log.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }

    /// Hexadecimal identity of the log.
    pub(crate) fn log_id(&self) -> String {
        Digest::of(&self.log_key()).hex()
    }

    /// The trusted root; `log_until` ends the life of the log's key.
    pub(crate) fn root(&self, log_until: Option<&str>) -> String {
        let mut log_life = json!({ "start": "2025-01-01T00:00:00Z" });
        if let Some(end) = log_until {
            log_life["end"] = json!(end);
        }
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example", "hashAlgorithm": "SHA2_256",
                "publicKey": { "rawBytes": STANDARD.encode(self.log_key()), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": log_life },
                "logId": { "keyId": STANDARD.encode(bytes(&self.log_id())) },
            }],
            "certificateAuthorities": [{
                "subject": { "organization": "example", "commonName": "authority" }, "uri": "https://ca.example",
                "certChain": { "certificates": [{ "rawBytes": STANDARD.encode(&self.authority_der) }] },
                "validFor": { "start": "2025-01-01T00:00:00Z" },
            }],
            "ctlogs": [], "timestampAuthorities": [],
        })
        .to_string()
    }

    /// `[root.NAME]`, with the file that it names.
    pub(crate) fn root_table(&self, name: &str, folder: &Path) -> String {
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, self.root(None)).unwrap();
        format!("[root.{name}]\nfile = {:?}\n", file.display().to_string())
    }

    /// A certificate for the days around [`NOON`].
    pub(crate) fn certify(&self, who: &Who<'_>) -> Certified {
        let text = |text: &str| {
            let mut der = vec![0x0c, u8::try_from(text.len()).unwrap()];
            der.extend_from_slice(text.as_bytes());
            der
        };
        let mut params = CertificateParams::default();
        let name = who.subject.try_into().unwrap();
        params.subject_alt_names = vec![if who.subject.starts_with("https:") {
            SanType::URI(name)
        } else {
            SanType::Rfc822Name(name)
        }];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2026, 5, 10);
        params.not_after = date_time_ymd(2026, 5, 11);
        for (number, value) in who.claims.iter().chain(&[(8, who.issuer)]) {
            let oid = [1, 3, 6, 1, 4, 1, 57264, 1, *number];
            let extension = CustomExtension::from_oid_content(&oid, text(value));
            params.custom_extensions.push(extension);
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        Certified {
            key: Key::from_pkcs8(&key.serialize_der()),
            pem: certificate.pem(),
        }
    }

    /// Logs a classic signature, made by who holds the key or certificate of `pem`.
    pub(crate) fn log(&self, layer: &mut Layer, pem: &str, at: i64) {
        let hash = Digest::of(&layer.content).hex();
        let signature = &layer.annotations["dev.cosignproject.cosign/signature"];
        let body = json!({
            "apiVersion": "0.0.1", "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hash } },
                "signature": { "content": signature, "publicKey": { "content": STANDARD.encode(pem) } },
            },
        });
        let body = STANDARD.encode(body.to_string());
        let id = self.log_id();
        // RFC 8785: members by name, no white space.
        let promised =
            format!(r#"{{"body":"{body}","integratedTime":{at},"logID":"{id}","logIndex":7}}"#);
        let promise = self
            .log
            .sign(&SystemRandom::new(), promised.as_bytes())
            .unwrap();
        let entry = json!({
            "SignedEntryTimestamp": STANDARD.encode(promise.as_ref()),
            "Payload": { "body": body, "integratedTime": at, "logIndex": 7, "logID": id },
        });
        layer
            .annotations
            .insert(BUNDLE.to_owned(), entry.to_string());
    }

    /// A classic signature by a certified identity, logged `days` after [`NOON`].
    pub(crate) fn signed(&self, by: &Certified, digest: &Digest, name: &str, days: i64) -> Layer {
        self.signed_after(by, digest, name, days * DAY)
    }

    /// The same, by seconds.
    pub(crate) fn signed_after(
        &self,
        by: &Certified,
        digest: &Digest,
        name: &str,
        seconds: i64,
    ) -> Layer {
        let mut layer = by.key.simple(digest, name);
        layer
            .annotations
            .insert(CERTIFICATE.to_owned(), by.pem.clone());
        self.log(&mut layer, &by.pem, NOON + seconds);
        layer
    }
}

/// The log's entry of a layer, to be taken away, swapped or changed.
pub(crate) fn entry(layer: &mut Layer) -> &mut String {
    layer.annotations.get_mut(BUNDLE).unwrap()
}

/// Changes the log's entry.
pub(crate) fn change(layer: &mut Layer, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(entry(layer)).unwrap();
    change(&mut value);
    *entry(layer) = value.to_string();
}

/// Takes the log's entry away.
pub(crate) fn unlog(layer: &mut Layer) {
    layer.annotations.remove(BUNDLE);
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

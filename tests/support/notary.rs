//! Signs images as notation does, with authorities, certificates, timestamps and revocation lists made on the spot.

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, RSA_PSS_SHA256, RSA_PSS_SHA384, RsaEncoding,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use coset::cbor::Value as Cbor;
use coset::{CoseSign1Builder, HeaderBuilder, Label, TaggedCborSerializable, iana};
use lazaret::oci::{Digest, media_type};
use lazaret::trust::{
    Certificate, Image, Material, Notation, NotationLevel, Revocation, RevocationList, SubjectName,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationList,
    CertificateRevocationListParams, CertifiedIssuer, CrlDistributionPoint,
    CrlIssuingDistributionPoint, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, RsaKeySize, SerialNumber, SigningKey,
    date_time_ymd,
};
use serde_json::{Value, json};

#[path = "timestamp.rs"]
mod timestamp;

pub(crate) use timestamp::stamping;

pub(crate) const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";
pub(crate) const SCHEME: &str = "io.cncf.notary.signingScheme";
pub(crate) const EXPIRY: &str = "io.cncf.notary.expiry";
pub(crate) const AUTHENTIC: &str = "io.cncf.notary.authenticSigningTime";
/// What serial number leaves have.
const SERIAL: u8 = 7;

/// Makes a timestamp of a signature.
pub(crate) type Stamp<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// A root that issues certificates.
pub(crate) struct Ca(pub(crate) CertifiedIssuer<'static, KeyPair>);

/// A certificate with its chain, and the key.
pub(crate) struct Leaf {
    pub(crate) kind: &'static str,
    pub(crate) chain: Vec<Vec<u8>>,
    key: KeyPair,
}

pub(crate) fn authority(
    name: &str,
    tweak: impl FnOnce(&mut CertificateParams),
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    tweak(&mut params);
    params
}

impl Ca {
    pub(crate) fn new(name: &str) -> Ca {
        let key = KeyPair::generate().unwrap();
        Ca(CertifiedIssuer::self_signed(authority(name, |_| {}), key).unwrap())
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(self.0.der()).unwrap()
    }

    pub(crate) fn leaf(
        &self,
        kind: &'static str,
        tweak: impl FnOnce(&mut CertificateParams),
    ) -> Leaf {
        let issuer: &Issuer<'_, KeyPair> = &self.0;
        issue(issuer, kind, vec![self.0.der().to_vec()], tweak)
    }

    /// A list that takes back the serial numbers, good in 2026.
    pub(crate) fn revocation_list(&self, serials: &[u8]) -> RevocationList {
        RevocationList::parse(self.revocation_list_pem(serials).as_bytes()).unwrap()
    }

    pub(crate) fn revocation_list_pem(&self, serials: &[u8]) -> String {
        self.list(serials, 2027, None).pem().unwrap()
    }

    /// A list in DER, good from 2026 until the beginning of a year, of one distribution point or of all.
    pub(crate) fn list_until(&self, serials: &[u8], year: i32, point: Option<&str>) -> Vec<u8> {
        self.list(serials, year, point).der().to_vec()
    }

    fn list(&self, serials: &[u8], year: i32, point: Option<&str>) -> CertificateRevocationList {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*serial]),
            revocation_time: date_time_ymd(2026, 1, 2),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026.min(year - 1), 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: point.map(|point| CrlIssuingDistributionPoint {
                distribution_point: CrlDistributionPoint {
                    uris: vec![point.to_owned()],
                },
                scope: None,
            }),
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer: &Issuer<'_, KeyPair> = &self.0;
        params.signed_by(issuer).unwrap()
    }

    /// Signs with the root's key.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.key().sign(message).unwrap()
    }
}

/// A certificate for signing code: Acme's, good in 2026.
pub(crate) fn issue(
    issuer: &Issuer<'_, KeyPair>,
    kind: &'static str,
    above: Vec<Vec<u8>>,
    tweak: impl FnOnce(&mut CertificateParams),
) -> Leaf {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CountryName, "US");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Acme");
    params.distinguished_name.push(DnType::CommonName, "ci");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[SERIAL]));
    tweak(&mut params);
    let key = match kind {
        "P-256" => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        "P-384" => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        "P-521" => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
        "RSA-2048" => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
        _ => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_3072),
    };
    let key = key.unwrap();
    let own = params.signed_by(&key, issuer).unwrap();
    let chain = [vec![own.der().to_vec()], above].concat();
    Leaf { kind, chain, key }
}

/// The image that is signed in these tests.
pub(crate) fn image() -> Image {
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": Digest::of(b"{}"), "size": 2 }, "layers": [],
    });
    let bytes = manifest.to_string().into_bytes();
    Image {
        digest: Digest::of(&bytes),
        manifest: Some(bytes.into()),
    }
}

pub(crate) fn payload(digest: &Digest, kind: &str, size: usize) -> Value {
    json!({ "targetArtifact": { "mediaType": kind, "digest": digest, "size": size } })
}

pub(crate) fn payload_of(image: &Image) -> Value {
    payload(
        &image.digest,
        media_type::OCI_MANIFEST,
        image.manifest.as_ref().unwrap().len(),
    )
}

impl Leaf {
    /// Signs as certificates are signed.
    pub(crate) fn raw(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).unwrap()
    }

    /// The one way of signing that fits the key.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let der = self.key.serialize_der();
        let random = SystemRandom::new();
        let curve = match self.kind {
            "P-256" => &ECDSA_P256_SHA256_FIXED_SIGNING,
            "P-384" => &ECDSA_P384_SHA384_FIXED_SIGNING,
            "P-521" => &ECDSA_P521_SHA512_FIXED_SIGNING,
            rsa => {
                let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
                let way: &'static dyn RsaEncoding = if rsa == "RSA-2048" {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PSS_SHA384
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(way, &random, message, &mut signature).unwrap();
                return signature;
            }
        };
        let pair = EcdsaKeyPair::from_pkcs8(curve, &der).unwrap();
        pair.sign(&random, message).unwrap().as_ref().to_vec()
    }

    pub(crate) fn header(&self) -> Value {
        let algorithm = match self.kind {
            "P-256" => "ES256",
            "P-384" => "ES384",
            "P-521" => "ES512",
            "RSA-2048" => "PS256",
            _ => "PS384",
        };
        json!({ "alg": algorithm, "cty": PAYLOAD, "crit": [SCHEME], SCHEME: "notary.x509",
            "io.cncf.notary.signingTime": "2026-06-01T00:00:00Z" })
    }

    /// A JWS; `stamp` makes a timestamp of the signature.
    pub(crate) fn jws(&self, payload: &Value, header: &Value, stamp: Option<Stamp<'_>>) -> Value {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (protected, payload) = (encode(header), encode(payload));
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        let mut unprotected =
            json!({ "x5c": self.chain.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>() });
        if let Some(stamp) = stamp {
            unprotected["io.cncf.notary.timestampSignature"] =
                json!(STANDARD.encode(stamp(&signature)));
        }
        json!({ "payload": payload, "protected": protected, "header": unprotected,
            "signature": URL_SAFE_NO_PAD.encode(signature) })
    }

    pub(crate) fn good_jws(&self, image: &Image) -> Material {
        jws(&self.jws(&payload_of(image), &self.header(), None))
    }

    /// A COSE_Sign1; `extra` are further protected headers, of which `critical` names some.
    pub(crate) fn cose(
        &self,
        payload: &Value,
        critical: &[&str],
        extra: &[(&str, Cbor)],
    ) -> Material {
        let algorithm = match self.kind {
            "P-256" => iana::Algorithm::ES256,
            "P-384" => iana::Algorithm::ES384,
            "P-521" => iana::Algorithm::ES512,
            "RSA-2048" => iana::Algorithm::PS256,
            _ => iana::Algorithm::PS384,
        };
        let mut protected = HeaderBuilder::new()
            .algorithm(algorithm)
            .content_type(PAYLOAD.to_owned())
            .text_value(SCHEME.to_owned(), Cbor::Text("notary.x509".to_owned()))
            .build();
        for name in critical {
            protected
                .crit
                .push(coset::RegisteredLabelWithPrivate::Text((*name).to_owned()));
        }
        for (name, value) in extra {
            protected
                .rest
                .push((Label::Text((*name).to_owned()), value.clone()));
        }
        let chain = self
            .chain
            .iter()
            .map(|der| Cbor::Bytes(der.clone()))
            .collect();
        let unprotected = HeaderBuilder::new().value(33, Cbor::Array(chain)).build();
        let sign1 = CoseSign1Builder::new()
            .protected(protected)
            .unprotected(unprotected)
            .payload(payload.to_string().into_bytes())
            .create_signature(&[], |message| self.sign(message))
            .build();
        cose(sign1.to_tagged_vec().unwrap())
    }

    pub(crate) fn good_cose(&self, image: &Image) -> Material {
        self.cose(&payload_of(image), &[SCHEME], &[])
    }
}

pub(crate) fn jws(value: &Value) -> Material {
    Material::Notation {
        envelope: value.to_string().into(),
        media_type: "application/jose+json".to_owned(),
        answers: Vec::new(),
    }
}

pub(crate) fn cose(bytes: Vec<u8>) -> Material {
    Material::Notation {
        envelope: bytes.into(),
        media_type: "application/cose".to_owned(),
        answers: Vec::new(),
    }
}

/// Whoever has a certificate of Acme's under `ca`.
pub(crate) fn trusting(ca: &Ca) -> Notation {
    Notation {
        roots: vec![ca.certificate()],
        authority_roots: Vec::new(),
        timestamp_roots: Vec::new(),
        subjects: vec![SubjectName::parse("C=US, O=Acme").unwrap()],
        level: NotationLevel::Strict,
        revocation: Some(Revocation::default()),
    }
}

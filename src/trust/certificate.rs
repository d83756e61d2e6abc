//! Certificates as notation and timestamp authorities use them: chains up to a root that is written in the policy.
//!
//! The general verifiers ask for a server's name or a usage that these certificates do not have, and refuse a
//! self-signed one that the policy names; so the chain is walked here, link by link, with `x509-cert`'s reader.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Time;

use crate::oci::Digest;

use super::key::{Hash, PublicKey};
use super::pem;

/// Largest certificate in bytes; real ones have some KiB.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// Extensions that are looked at, or that only widen what is not made use of: key usage, alternative names, basic
/// constraints, policies, extended key usage.
const UNDERSTOOD: [&str; 5] = [
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.32",
    "2.5.29.37",
];

/// A certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    pub(super) parsed: Arc<x509_cert::Certificate>,
    pub(super) key: PublicKey,
}

impl Certificate {
    /// All certificates of a PEM text, at least one.
    ///
    /// # Errors
    /// A sentence for who wrote the text.
    pub fn from_pem(text: &str) -> Result<Vec<Certificate>, String> {
        let blocks = pem::blocks(text, "CERTIFICATE")?;
        blocks
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect()
    }

    /// A certificate in DER (RFC 5280).
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn from_der(der: &[u8]) -> Result<Certificate, String> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(format!(
                "a certificate of more than {MAX_CERTIFICATE_BYTES} bytes"
            ));
        }
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|error| format!("a malformed certificate: {error}"))?;
        let spki = parsed.tbs_certificate.subject_public_key_info.to_der();
        let key = PublicKey::from_spki(&spki.map_err(|error| error.to_string())?)?;
        Ok(Certificate {
            der: der.into(),
            parsed: Arc::new(parsed),
            key,
        })
    }

    /// From when until when it is good.
    ///
    /// # Errors
    /// A time beyond all bounds.
    pub fn span(&self) -> Result<(Timestamp, Timestamp), String> {
        let validity = &self.parsed.tbs_certificate.validity;
        Ok((moment(validity.not_before)?, moment(validity.not_after)?))
    }

    /// The whole in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its key in DER (`SubjectPublicKeyInfo`).
    pub fn public_key_info(&self) -> Vec<u8> {
        let info = &self.parsed.tbs_certificate.subject_public_key_info;
        info.to_der().unwrap_or_default()
    }

    /// The whole in PEM.
    pub fn to_pem(&self) -> String {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&self.der)
        )
    }

    /// Issuer and serial number in DER, by which others name it.
    pub fn issuer_and_serial(&self) -> (Vec<u8>, Vec<u8>) {
        let own = &self.parsed.tbs_certificate;
        let issuer = own.issuer.to_der().unwrap_or_default();
        (issuer, own.serial_number.to_der().unwrap_or_default())
    }

    /// Whose it is, as in RFC 4514.
    pub fn subject(&self) -> String {
        self.parsed.tbs_certificate.subject.to_string()
    }

    /// An error unless it is good at `time`.
    pub(super) fn valid_at(&self, time: Timestamp) -> Result<(), String> {
        let (from, until) = self.span()?;
        if time < from || time > until {
            return Err(format!(
                "the certificate of {} is good from {from} until {until}, and not at {time}",
                self.subject()
            ));
        }
        Ok(())
    }

    /// An error unless `issuer` signed it and may sign certificates.
    pub(super) fn issued_by(&self, issuer: &Certificate) -> Result<(), String> {
        let (own, theirs) = (&self.parsed.tbs_certificate, &issuer.parsed.tbs_certificate);
        if own.issuer != theirs.subject {
            return Err(format!(
                "{} did not issue the certificate of {}",
                issuer.subject(),
                self.subject()
            ));
        }
        issuer.may_issue()?;
        self.signed_with(&issuer.key)
    }

    /// An error unless it is signed with its own key.
    pub(super) fn is_self_signed(&self) -> Result<(), String> {
        let own = &self.parsed.tbs_certificate;
        if own.issuer != own.subject {
            return Err(format!(
                "{} is no root: {} issued it",
                own.subject, own.issuer
            ));
        }
        self.signed_with(&self.key)
    }

    fn signed_with(&self, key: &PublicKey) -> Result<(), String> {
        let wrong = || format!("the certificate of {} is not signed so", self.subject());
        if self.parsed.signature_algorithm != self.parsed.tbs_certificate.signature {
            return Err(wrong());
        }
        let hash = hash_of(&self.parsed.signature_algorithm.oid).ok_or_else(|| {
            format!(
                "the certificate of {} is signed with an algorithm that is not known ({})",
                self.subject(),
                self.parsed.signature_algorithm.oid
            )
        })?;
        let signed = self.parsed.tbs_certificate.to_der().map_err(|_| wrong())?;
        let signature = self.parsed.signature.as_bytes().ok_or_else(wrong)?;
        match key.verifies(&signed, signature, hash) {
            true => Ok(()),
            false => Err(wrong()),
        }
    }

    /// An error unless it may sign certificates (RFC 5280, 4.2.1.3 and 4.2.1.9).
    fn may_issue(&self) -> Result<(), String> {
        let wrong = || format!("{} may not issue certificates", self.subject());
        let basic: Option<(bool, BasicConstraints)> = self.extension()?;
        let usage: Option<(bool, KeyUsage)> = self.extension()?;
        let is_authority = basic.is_some_and(|(_, basic)| basic.ca);
        let signs = usage.is_none_or(|(_, usage)| usage.key_cert_sign());
        match is_authority && signs {
            true => Ok(()),
            false => Err(wrong()),
        }
    }

    /// How many further authorities may stand below it; any number where it does not say.
    pub(super) fn path_length(&self) -> Result<Option<u8>, String> {
        let basic: Option<(bool, BasicConstraints)> = self.extension()?;
        Ok(basic.and_then(|(_, basic)| basic.path_len_constraint))
    }

    pub(super) fn is_authority(&self) -> Result<bool, String> {
        let basic: Option<(bool, BasicConstraints)> = self.extension()?;
        Ok(basic.is_some_and(|(_, basic)| basic.ca))
    }

    /// What its key may be used for, and whether whoever does not understand that must refuse it.
    pub(super) fn key_usage(&self) -> Result<Option<(bool, KeyUsage)>, String> {
        self.extension()
    }

    /// The same in the words of applications.
    pub(super) fn extended_usage(&self) -> Result<Option<(bool, ExtendedKeyUsage)>, String> {
        self.extension()
    }

    /// An error where something in it must be understood and is not (RFC 5280, 4.2).
    pub(super) fn is_understood(&self) -> Result<(), String> {
        let extensions = self.parsed.tbs_certificate.extensions.iter().flatten();
        let mut critical = extensions.filter(|extension| extension.critical);
        let unknown = critical
            .find(|extension| !UNDERSTOOD.contains(&extension.extn_id.to_string().as_str()));
        unknown.map_or(Ok(()), |extension| {
            let whose = self.subject();
            Err(format!(
                "the certificate of {whose} has a critical extension that is not understood ({})",
                extension.extn_id
            ))
        })
    }

    pub(super) fn extension<T: AssociatedOid + for<'a> Decode<'a>>(
        &self,
    ) -> Result<Option<(bool, T)>, String> {
        let mut found = None;
        for extension in self.parsed.tbs_certificate.extensions.iter().flatten() {
            if extension.extn_id != T::OID {
                continue;
            }
            let wrong = || {
                format!(
                    "a malformed extension in the certificate of {}",
                    self.subject()
                )
            };
            let value = T::from_der(extension.extn_value.as_bytes()).map_err(|_| wrong())?;
            if found.replace((extension.critical, value)).is_some() {
                return Err(wrong());
            }
        }
        Ok(found)
    }
}

/// The hash of a signature algorithm of certificates (RFC 8017, RFC 5758).
pub(super) fn hash_of(algorithm: &ObjectIdentifier) -> Option<Hash> {
    match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Some(Hash::Sha256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Hash::Sha384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Hash::Sha512),
        _ => None,
    }
}

pub(super) fn moment(time: Time) -> Result<Timestamp, String> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    seconds
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or_else(|| "a time beyond all bounds".to_owned())
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Certificate({}, {})",
            self.subject(),
            Digest::of(&self.der)
        )
    }
}

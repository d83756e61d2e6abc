//! Certificate revocation lists (RFC 5280, section 5).

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use x509_cert::crl::CertificateList;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;

use super::{Span, source};
use crate::trust::certificate::{Certificate, hash_of, moment};
use crate::trust::pem;

/// Largest list in bytes.
pub(super) const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;
/// `id-ce-deltaCRLIndicator`: such a list tells what changed since another one.
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
/// `id-ce-issuingDistributionPoint`: such a list may speak of some certificates only.
const PARTIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// A list of certificates that their issuer took back.
#[derive(Clone)]
pub struct RevocationList {
    list: Arc<CertificateList>,
    part: Option<Arc<IssuingDistributionPoint>>,
}

impl RevocationList {
    /// A list in PEM (`X509 CRL`) or DER.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<RevocationList, String> {
        if bytes.len() > MAX_LIST_BYTES {
            return Err(format!("more than {MAX_LIST_BYTES} bytes"));
        }
        let pem = std::str::from_utf8(bytes).ok();
        let pem = pem.and_then(|text| pem::blocks(text, "X509 CRL").ok()?.into_iter().next());
        let list = CertificateList::from_der(pem.as_deref().unwrap_or(bytes))
            .map_err(|error| format!("no certificate revocation list: {error}"))?;
        let mut part = None;
        for extension in list.tbs_cert_list.crl_extensions.iter().flatten() {
            let told = || IssuingDistributionPoint::from_der(extension.extn_value.as_bytes());
            match extension.extn_id {
                PARTIAL if part.is_none() => {
                    let read = told().map_err(|error| format!("no part of a list: {error}"))?;
                    if read.indirect_crl
                        || read.only_contains_attribute_certs
                        || read.only_some_reasons.is_some()
                    {
                        return Err("a list for some reasons, or of other issuers, only".to_owned());
                    }
                    part = Some(Arc::new(read));
                }
                DELTA => return Err("a list of what changed only (delta)".to_owned()),
                _ if extension.critical => {
                    let unknown = extension.extn_id;
                    return Err(format!("a list that must not be read without {unknown}"));
                }
                _ => {}
            }
        }
        Ok(RevocationList {
            list: Arc::new(list),
            part,
        })
    }

    /// An error unless `issuer` signed it.
    pub(super) fn is_signed_by(&self, issuer: &Certificate) -> Result<(), String> {
        let list = &self.list.tbs_cert_list;
        let wrong = || format!("{} did not sign the revocation list", issuer.subject());
        let usage = issuer.key_usage()?;
        let hash = hash_of(&self.list.signature_algorithm.oid).ok_or_else(wrong)?;
        let signed = list.to_der().map_err(|_| wrong())?;
        let signature = self.list.signature.as_bytes().ok_or_else(wrong)?;
        let may_sign = usage.is_none_or(|(_, usage)| usage.crl_sign());
        let right = self.list.signature_algorithm == list.signature
            && list.issuer == issuer.parsed.tbs_certificate.subject
            && may_sign
            && issuer.key.verifies(&signed, signature, hash);
        right.then_some(()).ok_or_else(wrong)
    }

    /// From when until when it is of now.
    pub(super) fn span(&self) -> Result<Span, String> {
        let list = &self.list.tbs_cert_list;
        let next = list.next_update.map(moment).transpose()?;
        Ok(Span {
            what: format!("the revocation list of {}", list.issuer),
            from: moment(list.this_update)?,
            until: next.ok_or("a revocation list without end")?,
        })
    }

    pub(super) fn is_of(&self, issuer: &Certificate) -> bool {
        self.list.tbs_cert_list.issuer == issuer.parsed.tbs_certificate.subject
    }

    /// Whether the list would name the certificate if that were revoked (RFC 5280, 6.3.3 (b) (2)).
    pub(super) fn covers(&self, certificate: &Certificate) -> Result<bool, String> {
        let Some(part) = &self.part else {
            return Ok(true);
        };
        let authority = certificate.is_authority()?;
        if part.only_contains_user_certs && authority || part.only_contains_ca_certs && !authority {
            return Ok(false);
        }
        let Some(point) = &part.distribution_point else {
            return Ok(true);
        };
        let theirs = source::names(point);
        let own = source::lists(certificate)?;
        Ok(own.iter().any(|own| theirs.contains(own)))
    }

    pub(super) fn names(&self, certificate: &Certificate) -> bool {
        let serial = &certificate.parsed.tbs_certificate.serial_number;
        let revoked = self.list.tbs_cert_list.revoked_certificates.iter();
        revoked
            .flatten()
            .any(|entry| entry.serial_number == *serial)
    }
}

impl Span {
    /// An error unless it is of `now`, or ended less than `grace` ago.
    pub(super) fn holds(&self, now: Timestamp, grace: std::time::Duration) -> Result<(), String> {
        let until = self.until.checked_add(grace).unwrap_or(Timestamp::MAX);
        let from = self
            .from
            .checked_sub(super::CLOCK_SKEW)
            .unwrap_or(self.from);
        if now < from || now > until {
            return Err(format!(
                "{} is good from {} until {}",
                self.what, self.from, self.until
            ));
        }
        Ok(())
    }
}

impl PartialEq for RevocationList {
    fn eq(&self, other: &RevocationList) -> bool {
        self.list == other.list
    }
}

impl Eq for RevocationList {}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({})", self.list.tbs_cert_list.issuer)
    }
}

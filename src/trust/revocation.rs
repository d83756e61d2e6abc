//! Certificate revocation lists that lie beside the policy (RFC 5280, section 5). Nothing is asked for while a pull waits.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use x509_cert::crl::CertificateList;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};

use super::certificate::{Certificate, hash_of, moment};
use super::pem;

/// Largest list in bytes.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;
/// `id-ce-deltaCRLIndicator` and `id-ce-issuingDistributionPoint`: such a list speaks of some certificates only.
const PARTIAL: [ObjectIdentifier; 2] = [
    ObjectIdentifier::new_unwrap("2.5.29.27"),
    ObjectIdentifier::new_unwrap("2.5.29.28"),
];

/// A list of certificates that their issuer took back.
#[derive(Clone)]
pub struct RevocationList(Arc<CertificateList>);

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
        let extensions = || list.tbs_cert_list.crl_extensions.iter().flatten();
        if extensions().any(|extension| extension.critical || PARTIAL.contains(&extension.extn_id))
        {
            return Err(
                "a list of some certificates only (delta, or by distribution point)".to_owned(),
            );
        }
        Ok(RevocationList(Arc::new(list)))
    }

    /// An error unless `issuer` signed the list and it is of now.
    fn is_current(&self, issuer: &Certificate, now: Timestamp) -> Result<(), String> {
        let list = &self.0.tbs_cert_list;
        let wrong = || format!("{} did not sign the revocation list", issuer.subject());
        let usage = issuer.key_usage()?;
        let hash = hash_of(&self.0.signature_algorithm.oid).ok_or_else(wrong)?;
        let signed = list.to_der().map_err(|_| wrong())?;
        let signature = self.0.signature.as_bytes().ok_or_else(wrong)?;
        let may_sign = usage.is_none_or(|(_, usage)| usage.crl_sign());
        if self.0.signature_algorithm != list.signature
            || !may_sign
            || !issuer.key.verifies(&signed, signature, hash)
        {
            return Err(wrong());
        }
        let next = list.next_update.map(moment).transpose()?;
        let (from, until) = (
            moment(list.this_update)?,
            next.ok_or("a revocation list without end")?,
        );
        if now < from || now > until {
            return Err(format!(
                "the revocation list of {} is good from {from} until {until}",
                issuer.subject()
            ));
        }
        Ok(())
    }

    fn names(&self, certificate: &Certificate) -> bool {
        let serial = &certificate.parsed.tbs_certificate.serial_number;
        let revoked = self.0.tbs_cert_list.revoked_certificates.iter().flatten();
        revoked
            .into_iter()
            .any(|entry| entry.serial_number == *serial)
    }
}

/// What is known of a certificate's revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A list of now does not name it, or its issuer publishes none.
    Good,
    /// It was taken back.
    Revoked(String),
    /// Nobody knows.
    Unknown(String),
}

/// Looks `certificate` up in the lists of `issuer`. One that is named is revoked, however old the list is.
pub(super) fn standing(
    certificate: &Certificate,
    issuer: &Certificate,
    lists: &[RevocationList],
    now: Timestamp,
) -> Standing {
    let theirs = |list: &&RevocationList| {
        list.0.tbs_cert_list.issuer == issuer.parsed.tbs_certificate.subject
    };
    let mut why = None;
    let mut current = false;
    for list in lists.iter().filter(theirs) {
        if list.names(certificate) {
            let whose = certificate.subject();
            return Standing::Revoked(format!(
                "the certificate of {whose} was revoked by its issuer"
            ));
        }
        match list.is_current(issuer, now) {
            Ok(()) => current = true,
            Err(error) => why = Some(error),
        }
    }
    match (current, certificate.names_revocation()) {
        (true, _) | (false, Ok(false)) => Standing::Good,
        (false, Err(why)) => Standing::Unknown(why),
        (false, Ok(true)) => Standing::Unknown(why.unwrap_or_else(|| {
            format!(
                "no revocation list of {} is beside the policy",
                issuer.subject()
            )
        })),
    }
}

impl PartialEq for RevocationList {
    fn eq(&self, other: &RevocationList) -> bool {
        self.0 == other.0
    }
}

impl Eq for RevocationList {}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({})", self.0.tbs_cert_list.issuer)
    }
}

//! The status of one certificate, told by its issuer or by somebody whom that appointed (OCSP: RFC 6960, RFC 5019).

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use x509_cert::der::asn1::{Null, OctetString};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    OcspResponseStatus, Request, SingleResponse, TbsRequest,
};

use super::Span;
use crate::trust::certificate::{Certificate, hash_of, moment};

/// Largest answer in bytes: they have some KiB.
pub(super) const MAX_STATUS_BYTES: usize = 64 * 1024;
/// How long an answer is good that does not say it: its issuer knows more at any time (RFC 6960, 4.2.2.1).
const WITHOUT_END: SignedDuration = SignedDuration::from_hours(24);
/// `id-kp-OCSPSigning`.
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// SHA-1 names the issuer in questions: the profile for many askers knows no other (RFC 5019, 2.1.1).
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What was told of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    of: CertId,
    pub(super) revoked: bool,
    pub(super) span: Span,
}

/// The certificate in the words of questions.
fn identity(certificate: &Certificate, issuer: &Certificate) -> Result<CertId, String> {
    let sha1 = |bytes: &[u8]| {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
        OctetString::new(hash.as_ref()).map_err(|error| error.to_string())
    };
    let theirs = &issuer.parsed.tbs_certificate;
    let name = theirs.subject.to_der().map_err(|error| error.to_string())?;
    let key = &theirs.subject_public_key_info.subject_public_key;
    Ok(CertId {
        hash_algorithm: AlgorithmIdentifierOwned {
            oid: SHA1,
            parameters: Some(Null.into()),
        },
        issuer_name_hash: sha1(&name)?,
        issuer_key_hash: sha1(key.raw_bytes())?,
        serial_number: certificate.parsed.tbs_certificate.serial_number.clone(),
    })
}

/// The parameters of a hash may be left out or empty.
fn same(a: &CertId, b: &CertId) -> bool {
    a.hash_algorithm.oid == b.hash_algorithm.oid
        && a.issuer_name_hash == b.issuer_name_hash
        && a.issuer_key_hash == b.issuer_key_hash
        && a.serial_number == b.serial_number
}

/// The address that asks a responder about the certificate (RFC 6960, A.1).
pub(super) fn question(
    responder: &str,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<String, String> {
    let request = OcspRequest {
        tbs_request: TbsRequest {
            version: Default::default(),
            requestor_name: None,
            request_list: vec![Request {
                req_cert: identity(certificate, issuer)?,
                single_request_extensions: None,
            }],
            request_extensions: None,
        },
        optional_signature: None,
    };
    let request = STANDARD.encode(request.to_der().map_err(|error| error.to_string())?);
    let request = utf8_percent_encode(&request, UNRESERVED);
    Ok(format!("{}/{request}", responder.trim_end_matches('/')))
}

impl Status {
    /// The answer about a certificate, if it is one and whoever may give it signed it.
    pub(super) fn read(
        bytes: &[u8],
        certificate: &Certificate,
        issuer: &Certificate,
        now: Timestamp,
    ) -> Result<Status, String> {
        if bytes.len() > MAX_STATUS_BYTES {
            return Err(format!("more than {MAX_STATUS_BYTES} bytes"));
        }
        let malformed = |error| format!("a malformed answer: {error}");
        let answer = OcspResponse::from_der(bytes).map_err(malformed)?;
        if answer.response_status != OcspResponseStatus::Successful {
            return Err(format!("it does not tell ({:?})", answer.response_status));
        }
        let content = answer.response_bytes.ok_or("an empty answer")?;
        if content.response_type != BasicOcspResponse::OID {
            return Err("an answer of an unknown type".to_owned());
        }
        let basic = BasicOcspResponse::from_der(content.response.as_bytes()).map_err(malformed)?;
        signed(&basic, issuer, now)?;
        let of = identity(certificate, issuer)?;
        let told = basic.tbs_response_data.responses.into_iter();
        let about = told
            .filter(|told| same(&told.cert_id, &of))
            .collect::<Vec<SingleResponse>>();
        let [about] = about.as_slice() else {
            return Err("an answer about other certificates".to_owned());
        };
        let understood = about.single_extensions.iter().flatten();
        if understood.into_iter().any(|extension| extension.critical) {
            return Err("an answer with something critical that is not understood".to_owned());
        }
        let revoked = match about.cert_status {
            CertStatus::Good(_) => false,
            CertStatus::Revoked(_) => true,
            CertStatus::Unknown(_) => return Err("it does not know the certificate".to_owned()),
        };
        let from = time(about.this_update)?;
        let until = about.next_update.map(time).transpose()?;
        Ok(Status {
            of,
            revoked,
            span: Span {
                what: format!("what is told of {}", certificate.subject()),
                from,
                until: until.unwrap_or(from.checked_add(WITHOUT_END).unwrap_or(from)),
            },
        })
    }

    pub(super) fn is_about(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        identity(certificate, issuer).is_ok_and(|of| same(&of, &self.of))
    }
}

fn time(written: OcspGeneralizedTime) -> Result<Timestamp, String> {
    moment(x509_cert::time::Time::GeneralTime(written.0))
}

/// By the issuer itself, or by whom it appointed with a certificate for that (RFC 6960, 4.2.2.2).
fn signed(answer: &BasicOcspResponse, issuer: &Certificate, now: Timestamp) -> Result<(), String> {
    let data = &answer.tbs_response_data;
    let wrong = || {
        format!(
            "nobody whom {} appointed signed the answer",
            issuer.subject()
        )
    };
    let critical = |extension: &x509_cert::ext::Extension| extension.critical;
    if data.response_extensions.iter().flatten().any(critical) {
        return Err("an answer with something critical that is not understood".to_owned());
    }
    let bytes = data.to_der().map_err(|_| wrong())?;
    let hash = hash_of(&answer.signature_algorithm.oid).ok_or_else(wrong)?;
    let signature = answer.signature.as_bytes().ok_or_else(wrong)?;
    if issuer.key.verifies(&bytes, signature, hash) {
        return Ok(());
    }
    let appointed = |written: &x509_cert::Certificate| {
        let other = Certificate::from_der(&written.to_der().map_err(|_| wrong())?)?;
        other.is_understood()?;
        other.issued_by(issuer)?;
        other.valid_at(now)?;
        let usages = other.extended_usage()?;
        let may = usages.is_some_and(|(_, usages)| usages.0.contains(&OCSP_SIGNING));
        match may && other.key.verifies(&bytes, signature, hash) {
            true => Ok(()),
            false => Err(wrong()),
        }
    };
    let others = answer.certs.iter().flatten().take(MAX_RESPONDERS);
    let mut last = Err(wrong());
    for other in others {
        last = appointed(other);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Most certificates of an answer that are tried.
const MAX_RESPONDERS: usize = 4;

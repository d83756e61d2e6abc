//! Timestamps of Sigstore bundles that the Sigstore verifier cannot read: with fractions of seconds, or by an RSA key.
//!
//! They are verified here, against the same trusted root, and taken out of a copy of the bundle; all else is verified as
//! ever, by the time that the log promises. A bundle whose only time is such a timestamp is refused.

use jiff::Timestamp;
use sigstore_verify::trust_root::TrustedRoot;
use sigstore_verify::types::Bundle;
use sigstore_verify::types::bundle::{TimestampVerificationData, VerificationMaterialContent};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};

use super::certificate::Certificate;
use super::material::Opened;
use super::timestamp::{self, Trusted};

/// Most timestamps of one bundle; signers ask one authority or two.
const MAX_TIMESTAMPS: usize = 8;

/// An authority of a trusted root, and when it is believed.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    /// Its own certificate first.
    chain: Vec<Certificate>,
    from: Timestamp,
    until: Timestamp,
}

/// The authorities of a trusted root. One that cannot be read vouches for nothing.
pub(super) fn authorities(root: &TrustedRoot) -> Vec<Authority> {
    let all = root.timestamp_authorities.iter().filter_map(|known| {
        let ders = known.cert_chain.certificates.iter();
        let chain = ders.map(|entry| Certificate::from_der(entry.raw_bytes.as_bytes()));
        let life = known.valid_for.as_ref();
        let bound =
            |at: Option<i64>, open| at.map_or(Some(open), |at| Timestamp::from_second(at).ok());
        Some(Authority {
            chain: chain.collect::<Result<_, _>>().ok()?,
            from: bound(life.map(|life| life.start.as_second()), Timestamp::MIN)?,
            until: bound(
                life.and_then(|life| life.end).map(|at| at.as_second()),
                Timestamp::MAX,
            )?,
        })
    });
    all.collect()
}

/// The bundle without its timestamps, each of which is over the signature, by an authority of the root, and of a time at
/// which the certificate was good. None where there are none.
pub(super) fn without_timestamps(
    opened: &Opened,
    authorities: &[Authority],
) -> Option<Result<Bundle, String>> {
    let stamps = &opened
        .bundle
        .verification_material
        .timestamp_verification_data
        .rfc3161_timestamps;
    if stamps.is_empty() {
        return None;
    }
    let verify = || {
        if stamps.len() > MAX_TIMESTAMPS {
            return Err(format!("more than {MAX_TIMESTAMPS} timestamps"));
        }
        let leaf = leaf(&opened.bundle)?;
        for stamp in stamps {
            let token = token(stamp.signed_timestamp.as_bytes())
                .map_err(|error| format!("a malformed timestamp: {error}"))?;
            vouched(&token, &opened.signature, &leaf, authorities)?;
        }
        let mut bundle = opened.bundle.clone();
        bundle.verification_material.timestamp_verification_data =
            TimestampVerificationData::new(Vec::new());
        Ok(bundle)
    };
    Some(verify())
}

fn vouched(
    token: &[u8],
    signature: &[u8],
    leaf: &Certificate,
    authorities: &[Authority],
) -> Result<(), String> {
    let mut why = "no timestamp authority is trusted".to_owned();
    for authority in authorities {
        // The authority's own certificate is the one that counts: others that its root issued are not named.
        let trusted = Trusted {
            roots: authority.chain.get(..1).unwrap_or_default(),
            look: None,
        };
        let checked = timestamp::verify(token, signature, &trusted).and_then(|stamped| {
            // As the log's time, without what the authority says of its clock: these certificates are made in the very
            // second.
            let time = stamped.at;
            if time < authority.from || time > authority.until {
                return Err(
                    "the timestamp is of a time when its authority is not trusted".to_owned(),
                );
            }
            leaf.valid_at(time)?;
            let mut chain = authority.chain.iter();
            chain.try_for_each(|certificate| certificate.valid_at(time))?;
            Ok(())
        });
        match checked {
            Ok(()) => return Ok(()),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// The token in a `TimeStampResp` (RFC 3161, 2.4.2): what stands after the status.
fn token(response: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    let mut reader = SliceReader::new(response)?;
    let token = reader.sequence(|response| {
        let _status = AnyRef::decode(response)?;
        AnyRef::decode(response)?.to_der()
    })?;
    reader.finish(token)
}

fn leaf(bundle: &Bundle) -> Result<Certificate, String> {
    let der = match &bundle.verification_material.content {
        VerificationMaterialContent::Certificate(content) => Some(content.raw_bytes.as_bytes()),
        VerificationMaterialContent::X509CertificateChain { certificates } => certificates
            .first()
            .map(|certificate| certificate.raw_bytes.as_bytes()),
        _ => None,
    };
    Certificate::from_der(der.ok_or("it has no certificate")?)
}

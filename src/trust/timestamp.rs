//! Timestamp tokens (RFC 3161, RFC 5816): by when something was there, on the word of an authority.
//!
//! Keys of either kind and fractions of seconds are understood, which the Sigstore verifier's own reader does not.

mod info;

use aws_lc_rs::digest;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use jiff::Timestamp;
use x509_cert::der::asn1::{Any, AnyRef, OctetString, OctetStringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::certificate::{Certificate, hash_of};
use super::key::Hash;
use super::revocation::Look;
use info::Info;

/// Largest token in bytes; real ones have some 6 KiB.
const MAX_TOKEN_BYTES: usize = 128 * 1024;
/// Most certificates between an authority and its root, both included.
const MAX_CHAIN: usize = 8;

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}
const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TIMESTAMP_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");

/// Whom to believe about time.
pub(super) struct Trusted<'a> {
    pub(super) roots: &'a [Certificate],
    /// At which of them were taken back; none where nobody looks.
    pub(super) look: Option<&'a Look<'a>>,
}

/// A time, give or take what the authority says of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamped {
    /// As the token says.
    pub(super) at: Timestamp,
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
}

/// Verifies that `token` is about `message`, by an authority whom `trusted` says.
pub(super) fn verify(
    token: &[u8],
    message: &[u8],
    trusted: &Trusted<'_>,
) -> Result<Stamped, String> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(format!("a timestamp of more than {MAX_TOKEN_BYTES} bytes"));
    }
    let (data, info) = open(token).map_err(|error| format!("a malformed timestamp: {error}"))??;
    let mut certificates = certificates(&data)?;
    // A token need not bring what the verifier has.
    certificates.extend(trusted.roots.iter().cloned());
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err("a timestamp with more or fewer than one signer".to_owned());
    };
    let authority = certificates
        .iter()
        .find(|certificate| is_of(certificate, &signer.sid))
        .ok_or("the timestamp does not bring its authority's certificate")?;
    signed_by(signer, authority, &info)?;
    let stamped = Info::read(&info)
        .map_err(|error| format!("a malformed timestamp: {error}"))?
        .about(message)?;
    for time in [stamped.earliest, stamped.latest] {
        vouched(authority, &certificates, trusted, time)?;
    }
    Ok(stamped)
}

type Opened = Result<(SignedData, Vec<u8>), String>;

fn open(token: &[u8]) -> x509_cert::der::Result<Opened> {
    let content = ContentInfo::from_der(token)?;
    if content.content_type != SIGNED_DATA {
        return Ok(Err("the timestamp is not signed".to_owned()));
    }
    let data: SignedData = content.content.decode_as()?;
    let inner = &data.encap_content_info;
    let info = match &inner.econtent {
        Some(info) if inner.econtent_type == TIMESTAMP_INFO => {
            info.decode_as::<OctetString>()?.into_bytes()
        }
        _ => return Ok(Err("what is signed there is no timestamp".to_owned())),
    };
    Ok(Ok((data, info)))
}

fn certificates(data: &SignedData) -> Result<Vec<Certificate>, String> {
    let choices = data.certificates.iter().flat_map(|set| set.0.iter());
    let ders = choices.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => certificate.to_der().ok(),
        CertificateChoices::Other(_) => None,
    });
    // One of a kind that is not known is of no use, and harms nobody.
    Ok(ders
        .filter_map(|der| Certificate::from_der(&der).ok())
        .collect())
}

fn is_of(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let own = &certificate.parsed.tbs_certificate;
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == own.issuer && named.serial_number == own.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            let mut extensions = own.extensions.iter().flatten();
            extensions.any(|extension| {
                let id = SubjectKeyIdentifier::from_der(extension.extn_value.as_bytes());
                extension.extn_id == oid("2.5.29.14") && id.is_ok_and(|id| id == *named)
            })
        }
    }
}

/// RFC 5652, 5.4 and 5.6: the signature is over the attributes, and these are over the content.
fn signed_by(signer: &SignerInfo, authority: &Certificate, info: &[u8]) -> Result<(), String> {
    let wrong = |what: &str| format!("the timestamp's {what}");
    let attributes = signer.signed_attrs.as_ref();
    let attributes = attributes.ok_or_else(|| wrong("attributes are missing"))?;
    let one = |oid: ObjectIdentifier| -> Option<&Any> {
        let mut named = attributes.iter().filter(|attribute| attribute.oid == oid);
        let found = named.next().filter(|found| found.values.len() == 1)?;
        named
            .next()
            .is_none()
            .then(|| found.values.get(0))
            .flatten()
    };
    let kind = one(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TIMESTAMP_INFO) {
        return Err(wrong("attributes are of other content"));
    }
    let told = one(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
    let algorithm = algorithm(&signer.digest_alg).ok_or_else(|| wrong("hash is not known"))?;
    let actual = digest::digest(algorithm, info);
    if told.is_none_or(|told| told.as_bytes() != actual.as_ref()) {
        return Err(wrong("content is not what was signed"));
    }
    if !binds(
        one(SIGNING_CERTIFICATE_V2),
        one(SIGNING_CERTIFICATE),
        authority,
    ) {
        return Err(wrong("signature is not bound to its certificate"));
    }
    let hash = match signer.signature_algorithm.oid {
        RSA => match algorithm {
            sha if *sha == digest::SHA256 => Some(Hash::Sha256),
            sha if *sha == digest::SHA384 => Some(Hash::Sha384),
            sha if *sha == digest::SHA512 => Some(Hash::Sha512),
            _ => None,
        },
        other => hash_of(&other),
    };
    let hash = hash.ok_or_else(|| wrong("signature algorithm is not known"))?;
    let signed = attributes
        .to_der()
        .map_err(|_| wrong("attributes are malformed"))?;
    match authority
        .key
        .verifies(&signed, signer.signature.as_bytes(), hash)
    {
        true => Ok(()),
        false => Err(wrong("signature does not hold")),
    }
}

/// The first certificate that the attribute names (RFC 5035, 5.4.1; RFC 2634) is the authority's.
fn binds(version_2: Option<&Any>, version_1: Option<&Any>, authority: &Certificate) -> bool {
    let read = |value: &Any,
                second: bool|
     -> x509_cert::der::Result<(AlgorithmIdentifierOwned, Vec<u8>)> {
        let whole = value.to_der()?;
        let mut reader = SliceReader::new(&whole)?;
        reader.sequence(|outer| {
            let certificates: AnyRef<'_> = outer.decode()?;
            skip(outer)?;
            let mut list = SliceReader::new(certificates.value())?;
            list.sequence(|entry| {
                let mut named = AlgorithmIdentifierOwned {
                    oid: if second { oid(SHA256) } else { oid(SHA1) },
                    parameters: None,
                };
                if second && entry.peek_tag()? == Tag::Sequence {
                    named = entry.decode()?;
                }
                let hash = OctetStringRef::decode(entry)?.as_bytes().to_vec();
                skip(entry)?;
                Ok((named, hash))
            })
        })
    };
    let named = match (version_2, version_1) {
        (Some(value), _) => read(value, true),
        (None, Some(value)) => read(value, false),
        (None, None) => return false,
    };
    named.is_ok_and(|(by, hash)| {
        let by = match by.oid.to_string().as_str() {
            SHA1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            _ => algorithm(&by),
        };
        by.is_some_and(|by| digest::digest(by, authority.der()).as_ref() == hash)
    })
}

const SHA1: &str = "1.3.14.3.2.26";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";

fn algorithm(named: &AlgorithmIdentifierOwned) -> Option<&'static digest::Algorithm> {
    match named.oid.to_string().as_str() {
        SHA256 => Some(&digest::SHA256),
        "2.16.840.1.101.3.4.2.2" => Some(&digest::SHA384),
        "2.16.840.1.101.3.4.2.3" => Some(&digest::SHA512),
        _ => None,
    }
}

/// Reads over what is not needed.
fn skip<'a>(reader: &mut impl Reader<'a>) -> x509_cert::der::Result<()> {
    while !reader.is_finished() {
        AnyRef::decode(reader)?;
    }
    Ok(())
}

/// The chain from the authority to a trusted root, all good at `time` and none revoked.
fn vouched(
    authority: &Certificate,
    others: &[Certificate],
    trusted: &Trusted<'_>,
    time: Timestamp,
) -> Result<(), String> {
    let whose = authority.subject();
    match authority.extended_usage()? {
        Some((true, usage)) if usage.0 == [TIME_STAMPING] => {}
        _ => return Err(format!("{whose} is no timestamp authority")),
    }
    let mut current = authority;
    let mut chain = Vec::new();
    for _ in 0..MAX_CHAIN {
        current.is_understood()?;
        current.valid_at(time)?;
        chain.push(current.clone());
        if trusted.roots.contains(current) {
            return trusted.look.map_or(Ok(()), |look| look.unrevoked(&chain));
        }
        let issued = |above: &&Certificate| *above != current && current.issued_by(above).is_ok();
        let above = trusted
            .roots
            .iter()
            .find(issued)
            .or_else(|| others.iter().find(issued));
        let above = above.ok_or_else(|| {
            format!("no trusted root vouches for the timestamp authority {whose}")
        })?;
        current = above;
    }
    Err(format!(
        "the chain of the timestamp authority {whose} is longer than {MAX_CHAIN}"
    ))
}

//! OpenPGP "simple signing" (containers/image, `docs/signature-protocols.md` and `containers-signature.5.md`; RFC 9580).
//!
//! A signature is a whole signed message: one signature over one literal, which is the payload. The cryptography and
//! the packets are rPGP's; what it leaves to its callers stands in [`key`] and here: expiry, revocation, what a key may
//! do, and that nothing else is in the message.

mod key;

use std::io::Read;

use jiff::{SignedDuration, Timestamp};
use pgp::composed::{Deserializable as _, SignedPublicKey};
use pgp::packet::{LiteralData, Packet, PacketParser, Signature, SignatureType, SubpacketData};

use super::examine::{Authority, Examined, Image, Signed};
use super::material::Says;
use super::payload::{ATOMIC, SimplePayload};
use super::signer::{Signer, SignerKind};

use key::{sha2, signing_keys};

/// Largest message in bytes; real ones have less than 2 KiB.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Largest text with keys in bytes: key rings of distributions have some 100 KiB.
const MAX_KEYS_BYTES: usize = 1024 * 1024;
/// How far a signer's clock may be ahead of ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Whom a policy trusts to sign with OpenPGP keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Pgp {
    /// Their certificates, as OpenPGP calls keys with all that belongs to them.
    keys: Vec<SignedPublicKey>,
    /// Where their signatures lie besides the registry, as an address without a slash at its end.
    pub lookaside: Option<String>,
}

impl Eq for Pgp {}

impl Pgp {
    /// Joins keys and the place of their signatures.
    pub fn new(keys: Vec<PgpKey>, lookaside: Option<String>) -> Pgp {
        let keys = keys.into_iter().map(|key| key.0).collect();
        Pgp { keys, lookaside }
    }
}

/// A key of a policy.
#[derive(Clone, Debug)]
pub struct PgpKey(SignedPublicKey);

impl PgpKey {
    /// All keys of an armoured text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Vec<PgpKey>, String> {
        if text.len() > MAX_KEYS_BYTES {
            return Err(format!("more than {MAX_KEYS_BYTES} bytes of keys"));
        }
        let wrong = |error: pgp::errors::Error| format!("no OpenPGP public key: {error}");
        let (keys, _) = SignedPublicKey::from_string_many(text).map_err(wrong)?;
        let keys: Vec<PgpKey> = keys
            .map(|key| key.map(PgpKey).map_err(wrong))
            .collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err("no OpenPGP public key in it".to_owned()),
            false => Ok(keys),
        }
    }
}

/// Verifies a message for each of `signers`. The time that it names is its signer's word and counts for nothing but its
/// own expiry.
pub(super) fn examine(
    message: &[u8],
    image: &Image,
    signers: &[&Signer],
    now: Timestamp,
) -> Examined {
    let mut examined = Examined::default();
    let (signature, literal) = match open(message).and_then(|opened| lasting(opened, now)) {
        Ok(opened) => opened,
        Err(why) => {
            examined.refusals.push(why);
            return examined;
        }
    };
    let payload = SimplePayload::parse(literal.data(), ATOMIC);
    if let Ok(payload) = &payload {
        examined.says = Some(Says::Signature {
            reference: Some(payload.reference.clone()),
        });
    }
    for signer in signers {
        let SignerKind::Pgp(pgp) = &signer.kind else {
            continue;
        };
        let good = by(pgp, &signature, &literal, now).and_then(|()| about(&payload, image));
        match good {
            Ok(()) => examined.signed.push(Signed {
                signer: signer.name.clone(),
                at: None,
                authority: Authority::default(),
            }),
            Err(why) => examined.refusals.push(format!("{}: {why}", signer.name)),
        }
    }
    examined
}

fn about(payload: &Result<SimplePayload, String>, image: &Image) -> Result<(), String> {
    let payload = payload.as_ref().map_err(Clone::clone)?;
    match payload.digest == image.digest {
        true => Ok(()),
        false => Err(format!("it is about {}", payload.digest)),
    }
}

/// The one signature and what it is over. Compressed once at most, as GnuPG does it.
fn open(message: &[u8]) -> Result<(Signature, LiteralData), String> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(format!("it is larger than {MAX_MESSAGE_BYTES} bytes"));
    }
    let mut packets = packets(message)?;
    if let [Packet::CompressedData(compressed)] = packets.as_slice() {
        let inflated = compressed.decompress().map_err(malformed)?;
        let mut bytes = Vec::new();
        let most = MAX_MESSAGE_BYTES as u64 + 1;
        let read = inflated.take(most).read_to_end(&mut bytes);
        read.map_err(|error| format!("it is malformed: {error}"))?;
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(format!("it is larger than {MAX_MESSAGE_BYTES} bytes"));
        }
        packets = self::packets(&bytes)?;
    }
    let parts: Result<[Packet; 3], _> = packets.try_into();
    let Ok(
        [
            Packet::OnePassSignature(begin),
            Packet::LiteralData(literal),
            Packet::Signature(end),
        ],
    ) = parts
    else {
        return Err("it is no message with one signature and nothing else".to_owned());
    };
    if !begin.matches(&end) {
        return Err("it announces another signature than it has".to_owned());
    }
    Ok((end, literal))
}

fn packets(bytes: &[u8]) -> Result<Vec<Packet>, String> {
    PacketParser::new(bytes)
        .take(4)
        .collect::<Result<_, _>>()
        .map_err(malformed)
}

fn malformed(error: pgp::errors::Error) -> String {
    format!("it is malformed: {error}")
}

/// Whether it is of the right kind, says nothing that we do not know and must, and has neither expired nor not begun.
fn lasting(
    (signature, literal): (Signature, LiteralData),
    now: Timestamp,
) -> Result<(Signature, LiteralData), String> {
    if signature.typ() != Some(SignatureType::Binary) {
        return Err("it signs no document".to_owned());
    }
    sha2(&signature)?;
    for subpacket in signature
        .config()
        .into_iter()
        .flat_map(|config| config.hashed_subpackets())
    {
        let known = matches!(
            subpacket.data,
            SubpacketData::SignatureCreationTime(_)
                | SubpacketData::SignatureExpirationTime(_)
                | SubpacketData::IssuerKeyId(_)
                | SubpacketData::IssuerFingerprint(_)
                | SubpacketData::SignersUserID(_)
        );
        if subpacket.is_critical && !known {
            return Err("it says something critical that is not understood".to_owned());
        }
    }
    let made = signature
        .created()
        .ok_or("it does not say when it was made")?;
    let made = i64::from(made.as_secs());
    if made > (now + SKEW).as_second() {
        return Err("it was made in the future".to_owned());
    }
    let lasts = signature
        .signature_expiration_time()
        .map(|lasts| i64::from(lasts.as_secs()));
    if lasts.is_some_and(|lasts| lasts > 0 && made + lasts <= now.as_second()) {
        return Err("it has expired".to_owned());
    }
    Ok((signature, literal))
}

fn by(
    pgp: &Pgp,
    signature: &Signature,
    literal: &LiteralData,
    now: Timestamp,
) -> Result<(), String> {
    let mut why = "it is signed with another key".to_owned();
    for certificate in &pgp.keys {
        for key in signing_keys(certificate) {
            if !key.verifies(signature, literal.data()) {
                continue;
            }
            match key.may_sign(signature, now) {
                Ok(()) => return Ok(()),
                Err(problem) => why = format!("its key {} {problem}", key.name()),
            }
        }
    }
    Err(why)
}

//! Notary Project signatures (notaryproject/specifications, `signature-specification.md` and `trust-store-trust-policy.md`).
//!
//! An envelope (JWS or COSE) around a payload that names the image, with the signer's whole chain of certificates.

pub(super) mod chain;
mod cose;
mod jws;
mod name;

use std::cell::RefCell;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::oci::{Digest, Manifest};

use super::certificate::Certificate;
use super::examine::{Authority, Examined, Image, Signed};
use super::material::Says;
use super::revocation::{Answer, Look, Question, Revocation};
use super::signer::{Signer, SignerKind};
use super::timestamp::{self, Trusted};

pub use name::SubjectName;

/// Media type of the JWS form.
pub const JWS: &str = "application/jose+json";
/// Media type of the COSE form.
pub const COSE: &str = "application/cose";
/// What a signature's manifest is.
pub const ARTIFACT: &str = "application/vnd.cncf.notary.signature";
/// What an envelope holds.
const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";
/// Largest envelope in bytes: chains and timestamps have some 20 KiB.
const MAX_ENVELOPE_BYTES: usize = 4 * 1024 * 1024;

/// Whom a policy trusts to sign with certificates of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notation {
    /// Roots of the signers' certificates, byte by byte.
    pub roots: Vec<Certificate>,
    /// Roots of signing authorities, who are believed about the time. They vouch for that scheme only: a signer who
    /// could choose it would choose the time.
    pub authority_roots: Vec<Certificate>,
    /// Roots of timestamp authorities.
    pub timestamp_roots: Vec<Certificate>,
    /// Whose certificates: all attributes of one of them must be in the certificate.
    pub subjects: Vec<SubjectName>,
    /// What must hold besides integrity and authenticity.
    pub level: Level,
    /// How it is learnt which certificates were taken back; none where nobody is to look.
    pub revocation: Option<Revocation>,
}

/// What must hold besides integrity and authenticity, which always must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// The signature has not expired, its time is authentic, and no certificate is revoked as far as must be known.
    #[default]
    Strict,
    /// Expiry, time and unknown revocation are passed over.
    Permissive,
}

/// Who says when it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// `notary.x509`: the signer, so a timestamp authority is wanted.
    Signer,
    /// `notary.x509.signingAuthority`: the authority that signs for others.
    Authority,
}

/// An envelope in either form, read and not verified.
struct Envelope {
    content_type: String,
    payload: Vec<u8>,
    /// As the form names it: `ES256`, or `-7`.
    algorithm: Algorithm,
    scheme: Scheme,
    signing_time: Option<Timestamp>,
    expiry: Option<Timestamp>,
    /// Leaf first.
    chain: Vec<Certificate>,
    timestamp: Option<Vec<u8>>,
    /// What the signature is over.
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// The algorithm that an envelope names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Algorithm {
    Jose(String),
    Cose(i64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    #[serde(rename = "targetArtifact")]
    target: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Target {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(default, rename = "annotations")]
    _annotations: Option<serde_json::Value>,
}

/// Verifies an envelope for each of `signers`.
pub(super) fn examine(
    (envelope, media_type): (&Bytes, &str),
    answers: &[Answer],
    image: &Image,
    signers: &[&Signer],
    now: Timestamp,
) -> Examined {
    let mut examined = Examined::default();
    let envelope = match read(envelope, media_type)
        .and_then(|envelope| envelope.holds(image).map(|()| envelope))
    {
        Ok(envelope) => envelope,
        Err(why) => {
            examined.refusals.push(why);
            return examined;
        }
    };
    examined.says = Some(Says::Signature { reference: None });
    let questions = RefCell::default();
    for signer in signers {
        let SignerKind::Notation(trusted) = &signer.kind else {
            continue;
        };
        match trusted.accepts(&envelope, answers, &questions, now) {
            Ok(at) => examined.signed.push(Signed {
                signer: signer.name.clone(),
                at,
                authority: Authority::default(),
            }),
            Err(why) => examined.refusals.push(format!("{}: {why}", signer.name)),
        }
    }
    examined.questions = questions.into_inner();
    if examined.signed.is_empty() && examined.refusals.is_empty() {
        let [whose, root] = [envelope.chain.first(), envelope.chain.last()]
            .map(|certificate| certificate.map(Certificate::subject).unwrap_or_default());
        let why = format!(
            "it is a notation signature by {whose} (root {root}), whom the policy does not name for this image"
        );
        examined.refusals.push(why);
    }
    examined
}

fn read(bytes: &Bytes, media_type: &str) -> Result<Envelope, String> {
    if bytes.len() > MAX_ENVELOPE_BYTES {
        return Err(format!(
            "an envelope of more than {MAX_ENVELOPE_BYTES} bytes"
        ));
    }
    let envelope = match media_type {
        JWS => jws::read(bytes),
        _ => cose::read(bytes),
    };
    envelope.map_err(|why| format!("the envelope is malformed: {why}"))
}

impl Envelope {
    /// Integrity: the signature holds, by the certificate that comes along, and is about this image.
    fn holds(&self, image: &Image) -> Result<(), String> {
        let leaf = self.chain.first().ok_or("it brings no certificate")?;
        let suite = leaf
            .key
            .suite()
            .ok_or("its key is of a kind that notation does not know")?;
        let named = match &self.algorithm {
            Algorithm::Jose(name) => *name == suite.jose,
            Algorithm::Cose(number) => *number == suite.cose,
        };
        if !named {
            return Err("its algorithm is not the one that belongs to its key".to_owned());
        }
        if !leaf.key.verifies_raw(&self.signed, &self.signature) {
            return Err("the signature does not hold".to_owned());
        }
        if self.content_type != PAYLOAD {
            return Err(format!("the envelope holds a {:?}", self.content_type));
        }
        let payload: Payload = serde_json::from_slice(&self.payload)
            .map_err(|error| format!("the payload is malformed: {error}"))?;
        let target = payload.target;
        if target.digest != image.digest {
            return Err(format!("it signs {}", target.digest));
        }
        let bytes = image
            .manifest
            .as_ref()
            .ok_or("what it signs is not at hand")?;
        let manifest = Manifest::parse(bytes, None).map_err(|error| error.to_string())?;
        if target.size != bytes.len() as u64 || target.media_type != manifest.media_type() {
            return Err("it signs another type or size than the image has".to_owned());
        }
        Ok(())
    }
}

impl Notation {
    /// Authenticity, then what the level asks for. The time is that of the authority, if one vouches for it.
    fn accepts(
        &self,
        envelope: &Envelope,
        answers: &[Answer],
        questions: &RefCell<Vec<Question>>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, String> {
        chain::check(&envelope.chain)?;
        let root = envelope.chain.last().ok_or("it brings no certificate")?;
        let roots = match envelope.scheme {
            Scheme::Signer => &self.roots,
            Scheme::Authority => &self.authority_roots,
        };
        if !roots.contains(root) {
            return Err(format!("its root {} is not trusted", root.subject()));
        }
        let leaf = envelope.chain.first().ok_or("it brings no certificate")?;
        if !self.subjects.iter().any(|subject| subject.is_of(leaf)) {
            return Err(format!("it is signed by {}", leaf.subject()));
        }
        let look = self.revocation.as_ref().map(|policy| Look {
            policy,
            answers,
            strict: self.level == Level::Strict,
            now,
            questions,
        });
        let at = match self.time(envelope, look.as_ref(), now) {
            Err(why) if self.level == Level::Strict => return Err(why),
            time => time.ok().flatten(),
        };
        if let (Some(expiry), Level::Strict) = (envelope.expiry, self.level)
            && now >= expiry
        {
            return Err(format!("the signature expired on {expiry}"));
        }
        if let Some(look) = look {
            look.unrevoked(&envelope.chain)?;
        }
        Ok(at)
    }

    /// All certificates are good at an authentic time: the timestamp's, the signing authority's, or now.
    fn time(
        &self,
        envelope: &Envelope,
        look: Option<&Look<'_>>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, String> {
        let good = |time: Timestamp| {
            envelope
                .chain
                .iter()
                .try_for_each(|certificate| certificate.valid_at(time))
        };
        if envelope.scheme == Scheme::Authority {
            let time = envelope
                .signing_time
                .ok_or("it does not say when it was signed")?;
            if time > now {
                return Err(format!(
                    "it says that it was signed at {time}, which is yet to come"
                ));
            }
            return good(time).map(|()| Some(time));
        }
        let Some(token) = &envelope.timestamp else {
            return good(now).map(|()| None);
        };
        if self.timestamp_roots.is_empty() {
            // A token that nobody here can check says nothing.
            return good(now)
                .map(|()| None)
                .map_err(|why| format!("{why}; its timestamp is not checked: add tsa = [\"…\"]"));
        }
        let trusted = Trusted {
            roots: &self.timestamp_roots,
            look,
        };
        let stamped = timestamp::verify(token, &envelope.signature, &trusted)?;
        if stamped.earliest > now {
            return Err("its timestamp is yet to come".to_owned());
        }
        good(stamped.earliest)?;
        good(stamped.latest)?;
        Ok(Some(stamped.latest))
    }
}

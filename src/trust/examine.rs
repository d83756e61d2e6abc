//! Material against signers: who signed, when, and why others are not believed.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sigstore_verify::types::{Artifact, Bundle, DerPublicKey};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult};

use crate::oci::Digest;

use super::key::{Hash, PublicKey};
use super::material::{Material, Opened, Says, Signee};
use super::notation;
use super::revocation::Question;
use super::root::{Root, Roots};
use super::signer::{Keyless, Signer, SignerKind};
use super::stamped::without_timestamps;

/// The image that signatures are looked at for.
#[derive(Clone, Debug)]
pub struct Image {
    /// Of its manifest.
    pub digest: Digest,
    /// The manifest's bytes, which hash to it. Without them a key's plain signature cannot be checked.
    pub manifest: Option<Bytes>,
}

/// What examining one piece of material told.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// What it claims, if it could be read.
    pub says: Option<Says>,
    /// Signers whose signature it bears.
    pub signed: Vec<Signed>,
    /// Whoever signed it, by certificate, trusted or not: to be written into a policy.
    pub identity: Option<Identity>,
    /// Why it is not believed, in the order of the signers.
    pub refusals: Vec<String>,
    /// What the issuers of its certificates can be asked before it is examined again.
    pub questions: Vec<Question>,
}

/// A signer's valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Name of the signer.
    pub signer: String,
    /// When, by the word of a log or a timestamp authority.
    pub at: Option<Timestamp>,
    /// Who else stands behind it.
    pub authority: Authority,
}

/// On whose word a signature is believed, beyond the policy's own about a key. Empty for a key without a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Authority {
    /// Name of the trusted root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Digest of that root's document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_digest: Option<Digest>,
    /// Identity of the transparency log's key, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Authority {
    /// That of a root, and of the log in which `opened` was found.
    fn of(root: &Root, opened: &Opened) -> Authority {
        let entry = opened.bundle.verification_material.tlog_entries.first();
        Authority {
            root: Some(root.name.clone()),
            root_digest: Some(root.digest),
            log: entry.map(|entry| hex(entry.log_id.key_id.as_bytes())),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An identity that a certificate authority vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Of whom.
    pub subject: String,
    /// By whom.
    pub issuer: String,
    /// Under which trusted root.
    pub root: String,
}

/// Verifies `material` for each of `signers`. Pure: no clock, no network. When something was signed comes from logs and
/// authorities; `now` is for what expires.
pub fn examine(
    material: &Material,
    image: &Image,
    signers: &[&Signer],
    roots: &Roots,
    now: Timestamp,
) -> Examined {
    if let Material::Notation {
        envelope,
        media_type,
        answers,
    } = material
    {
        return notation::examine((envelope, media_type), answers, image, signers, now);
    }
    #[cfg(feature = "pgp")]
    if let Material::OpenPgp(message) = material {
        return super::pgp::examine(message, image, signers, now);
    }
    let opened = match material.open(image) {
        Ok(opened) => opened,
        Err(why) => {
            return Examined {
                refusals: vec![why],
                ..Examined::default()
            };
        }
    };
    let mut examined = Examined {
        says: Some(opened.says.clone()),
        ..Examined::default()
    };
    if opened.is_keyless() {
        by_certificate(&opened, signers, roots, now, &mut examined);
    } else {
        by_key(&opened, signers, roots, now, &mut examined);
    }
    examined
}

fn by_certificate(
    opened: &Opened,
    signers: &[&Signer],
    roots: &Roots,
    now: Timestamp,
    examined: &mut Examined,
) {
    let wanted = |root: &str| {
        let mut keyless = signers.iter().filter_map(|signer| match &signer.kind {
            SignerKind::Keyless(keyless) => Some(keyless),
            _ => None,
        });
        keyless.any(|keyless| keyless.root == root)
    };
    let mut failures = Vec::new();
    for root in roots.iter() {
        match certified(opened, root, now) {
            Ok(result) => {
                let identity = identity(&result, root);
                for signer in signers {
                    if let SignerKind::Keyless(keyless) = &signer.kind {
                        match accepted(keyless, root, &identity, &result) {
                            Ok(at) => examined.signed.push(Signed {
                                signer: signer.name.clone(),
                                at,
                                authority: Authority::of(root, opened),
                            }),
                            Err(why) => examined.refusals.push(format!("{}: {why}", signer.name)),
                        }
                    }
                }
                examined.identity = identity.ok();
                return;
            }
            Err(why) if wanted(&root.name) || roots.iter().count() == 1 => {
                failures.push(format!("by the root {}: {why}", root.name));
            }
            Err(why) => drop(why),
        }
    }
    if failures.is_empty() {
        failures.push("no trusted root vouches for its certificate".to_owned());
        let keyless = signers.iter().filter_map(|signer| match &signer.kind {
            SignerKind::Keyless(keyless) => Some(&keyless.root),
            _ => None,
        });
        let missing = keyless.filter(|name| roots.get(name).is_none());
        failures.extend(missing.map(|name| not_fetched(name)));
    }
    examined.refusals = failures;
}

/// Certificate, log and signature, whoever signed.
fn certified(opened: &Opened, root: &Root, now: Timestamp) -> Result<VerificationResult, String> {
    root.fresh(now)?;
    let entries = opened.bundle.verification_material.tlog_entries.len();
    let mut policy = VerificationPolicy::any_identity();
    if root.has_log {
        one_entry(entries)?;
    } else if entries > 0 {
        return Err("it brings a log entry, and its instance has no log".to_owned());
    } else {
        policy = policy.skip_tlog_unsafe();
    }
    if !root.has_certificate_log {
        policy = policy.skip_sct();
    }
    let verify = |bundle: &Bundle| root.verifier.verify(artifact(opened), bundle, &policy);
    let result = verify(&opened.bundle).or_else(|error| {
        match without_timestamps(opened, &root.stampers) {
            Some(Ok(bundle)) => verify(&bundle).map_err(|error| error.to_string()),
            Some(Err(why)) => Err(format!("{error}; {why}")),
            None => Err(error.to_string()),
        }
    })?;
    if !result.certificate_verified() || result.verified_timestamps().is_empty() {
        return Err("no authority vouches for its certificate and its time".to_owned());
    }
    Ok(result)
}

fn artifact(opened: &Opened) -> Artifact<'_> {
    match &opened.artifact {
        Signee::Bytes(bytes) => Artifact::from_blob(bytes),
        Signee::Digest(digest) => Artifact::from_digest(digest.clone()),
    }
}

fn one_entry(entries: usize) -> Result<(), String> {
    match entries {
        1 => Ok(()),
        0 => Err("it is in no transparency log".to_owned()),
        more => Err(format!("it brings {more} log entries instead of one")),
    }
}

fn identity(result: &VerificationResult, root: &Root) -> Result<Identity, String> {
    let (Some(subject), Some(issuer)) = (result.identity(), result.issuer()) else {
        return Err("its certificate names nobody".to_owned());
    };
    Ok(Identity {
        subject: subject.as_str().to_owned(),
        issuer: issuer.to_owned(),
        root: root.name.clone(),
    })
}

fn accepted(
    keyless: &Keyless,
    root: &Root,
    identity: &Result<Identity, String>,
    result: &VerificationResult,
) -> Result<Option<Timestamp>, String> {
    let identity = identity.as_ref().map_err(Clone::clone)?;
    if keyless.root != root.name {
        return Err(format!(
            "it is certified under the root {}, not {}",
            root.name, keyless.root
        ));
    }
    let certificate = result.certificate().ok_or("it has no certificate")?;
    keyless.accepts(&identity.issuer, &identity.subject, certificate)?;
    Ok(time(result))
}

/// The earliest authentic time: the signature was there by then.
fn time(result: &VerificationResult) -> Option<Timestamp> {
    // The verifier has another version of the same library.
    let seconds = result.verified_timestamps().iter().map(|at| at.as_second());
    seconds
        .min()
        .and_then(|second| Timestamp::from_second(second).ok())
}

fn not_fetched(name: &str) -> String {
    format!("the trusted root {name} was not fetched yet: lazaret trust update {name}")
}

fn by_key(
    opened: &Opened,
    signers: &[&Signer],
    roots: &Roots,
    now: Timestamp,
    examined: &mut Examined,
) {
    for signer in signers {
        let SignerKind::Key { keys, hash, log } = &signer.kind else {
            continue;
        };
        match signed_with(opened, keys, *hash, log.as_deref(), roots, now) {
            Ok((at, authority)) => examined.signed.push(Signed {
                signer: signer.name.clone(),
                at,
                authority,
            }),
            Err(why) => examined.refusals.push(format!("{}: {why}", signer.name)),
        }
    }
    if examined.signed.is_empty() && examined.refusals.is_empty() {
        let why = "it is signed with a key, and the policy names no key for this image";
        examined.refusals.push(why.to_owned());
    }
}

fn signed_with(
    opened: &Opened,
    keys: &[PublicKey],
    hash: Hash,
    log: Option<&str>,
    roots: &Roots,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Authority), String> {
    let message = opened.message.as_ref();
    let message = message.ok_or("what it signs is not at hand")?;
    let key = keys
        .iter()
        .find(|key| key.verifies(message, &opened.signature, hash))
        .ok_or("it is signed with another key")?;
    let Some(log) = log else {
        return Ok((None, Authority::default()));
    };
    let root = roots.get(log).ok_or_else(|| not_fetched(log))?;
    root.fresh(now)?;
    one_entry(opened.bundle.verification_material.tlog_entries.len())
        .map_err(|why| format!("{why}; write tlog = \"off\" if its publisher uploads none"))?;
    let policy = PublicKeyVerificationPolicy::new(DerPublicKey::new(key.spki().to_vec()));
    let result = root
        .verifier
        .verify(artifact(opened), &opened.bundle, &policy);
    result
        .map(|result| (time(&result), Authority::of(root, opened)))
        .map_err(|error| error.to_string())
}

//! What collectors bring to the judge. Facts only: no opinion, no policy.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::oci::{Digest, ImageConfig, Platform, Reference, Repository};
use crate::trust::Authority;

use super::{Admitted, Predecessor, Revocation, ScanEvidence};

/// One kind of evidence in one of three states; only `Found` can satisfy a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gathered<T> {
    /// It was looked for and is here.
    Found(T),
    /// It was looked for, every answer arrived, and there is none.
    Absent,
    /// It could not be learnt: late, unreachable, malformed, crashed or not built in.
    Unavailable {
        /// For the person who reads the verdict.
        why: String,
    },
}

impl<T> Gathered<T> {
    /// Evidence that could not be had.
    pub fn unavailable(why: impl Into<String>) -> Gathered<T> {
        Gathered::Unavailable { why: why.into() }
    }
}

/// Everything gathered about one subject. A new field does not compile until the judge reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Revocations of its content.
    pub revoked: Vec<Revocation>,
    /// The image with the newest signature that the tag has led to, if it is another.
    pub newest_signed: Option<SignedTag>,
    /// What was admitted before it, where the policy minds.
    pub predecessor: Option<Predecessor>,
    /// Whether the image was admitted before, where the rule gives such images time.
    pub admitted: Option<Admitted>,
    /// What the name looks like.
    pub name: Gathered<NameEvidence>,
    /// What the judged images say of themselves.
    pub config: Gathered<ConfigEvidence>,
    /// Who signed.
    pub signature: Gathered<SignatureEvidence>,
    /// What was attested.
    pub attestation: Gathered<AttestationEvidence>,
    /// What is in the layers.
    pub scan: Gathered<ScanEvidence>,
}

impl Evidence {
    /// All kinds unavailable for one reason: the state before anything is known.
    pub fn unavailable(why: &str) -> Evidence {
        Evidence {
            revoked: Vec::new(),
            newest_signed: None,
            predecessor: None,
            admitted: None,
            name: Gathered::unavailable(why),
            config: Gathered::unavailable(why),
            signature: Gathered::unavailable(why),
            attestation: Gathered::unavailable(why),
            scan: Gathered::unavailable(why),
        }
    }
}

/// Where a tag led, and when that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTag {
    /// Of the image.
    pub digest: Digest,
    /// Of its newest signature.
    pub at: Timestamp,
}

/// What the name engine says of a name; no suspicions means that nothing is close.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameEvidence {
    /// Revocations of the name.
    pub revoked: Vec<Revocation>,
    /// Worst first.
    pub suspicions: Vec<NameSuspicion>,
    /// Whether anybody has met it before.
    pub standing: Standing,
    /// The same path in another registry, where that is known here and this is not.
    pub namesake: Option<Repository>,
    /// Whether nothing of its publisher was pulled or approved here; false where nobody looked.
    pub new_publisher: bool,
    /// What its registry tells of it, where that was asked and answered in time.
    pub reputation: Option<Reputation>,
    /// Version of the corpus that the name was compared with.
    pub corpus: String,
}

/// What Docker Hub tells of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reputation {
    /// How often it was pulled.
    pub pulls: u64,
    /// Since when it is there.
    pub registered: Option<Timestamp>,
    /// Whether Docker has verified its publisher or sponsors it.
    pub verified: bool,
}

/// How far a name is known. Less is assumed where nothing was looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Strangers can publish under it, and it was neither pulled nor approved here.
    #[default]
    New,
    /// It was pulled or approved here.
    Met,
    /// No stranger can be behind it.
    Vetted,
}

/// One reason to believe that another name was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSuspicion {
    /// Stable kebab-case name of the engine's rule.
    pub rule: String,
    /// How sure the engine is.
    pub tier: SuspicionTier,
    /// One sentence: `"ngnix" is one transposition away from docker.io/library/nginx`.
    pub message: String,
    /// What may have been meant, best first, at most three, with the person's own tag.
    pub suggestions: Vec<Reference>,
}

/// How sure the name engine is, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuspicionTier {
    /// Worth a word where the pull fails anyway.
    Hint,
    /// Likely a mistake.
    Warn,
    /// A mistake or an attack.
    Block,
}

/// The images that stand for the subject: itself, or the children of an index for the policy's platforms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigEvidence {
    /// One entry per judged image, in the order of the index.
    pub images: Vec<JudgedImage>,
}

/// One image and its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedImage {
    /// Digest of the image manifest.
    pub manifest: Digest,
    /// By the index, else by the configuration.
    pub platform: Platform,
    /// The parsed configuration.
    pub config: ImageConfig,
    /// Layers whose descriptor sends clients to other servers.
    pub foreign_layers: Vec<Digest>,
}

/// Who signed the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureEvidence {
    /// Valid signatures by the policy's signers; several by one signer are several here.
    pub signatures: Vec<ValidSignature>,
    /// What was found and is not believed.
    pub refused: Vec<Refused>,
    /// Where signatures were looked for and could not be: more of them may exist.
    pub incomplete: Option<String>,
}

/// A signature over the subject that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidSignature {
    /// Name of the policy's signer.
    pub signer: String,
    /// The name that the image was signed under, where the format has one.
    pub reference: Option<String>,
    /// When it was signed, by the word of a log or a timestamp authority.
    pub at: Option<Timestamp>,
    /// Where it was found.
    pub found: String,
    /// On whose word it is believed.
    pub authority: Authority,
}

/// Signature material that is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Refused {
    /// Where it was found.
    pub found: String,
    /// Why not.
    pub why: String,
    /// Who signed it, if somebody vouches for that: ready for a policy.
    pub identity: Option<SeenIdentity>,
}

/// A certified identity that no signer of the policy has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct SeenIdentity {
    /// Who vouches for it.
    pub issuer: String,
    /// Who it is.
    pub subject: String,
}

/// What was attested of the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttestationEvidence {
    /// Statements about the subject with a valid signature.
    pub statements: Vec<ValidStatement>,
    /// Statements that were found and are not believed.
    pub refused: Vec<Refused>,
    /// Where attestations were looked for and could not be.
    pub incomplete: Option<String>,
}

/// A statement about the subject that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidStatement {
    /// Names of the policy's signers who signed it.
    pub signers: Vec<String>,
    /// What kind of claim it is, a URI.
    pub predicate_type: String,
    /// The claim.
    pub predicate: Arc<serde_json::Value>,
    /// What it is about, as it stands there: a list.
    pub subject: Arc<serde_json::Value>,
    /// When it was signed, as for signatures.
    pub at: Option<Timestamp>,
    /// The name that it was signed under, where another signature vouches for it and has one.
    pub reference: Option<String>,
    /// Where it was found.
    pub found: String,
    /// On whose word it is believed.
    pub authority: Authority,
}

//! Rulings: verdicts that were settled, and how long they stand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::ledger::{DecisionId, LedgerError};
use crate::oci::{Digest, Reference};
use crate::policy::{Code, Finding, Permit, Policy, Verdict};

/// How long an allowing verdict stands before the evidence is gathered anew.
const ALLOW_STANDS: Duration = Duration::from_secs(3600);
/// How long a denial stands: short, so that a fixed image or a new signature shows soon.
const DENY_STANDS: Duration = Duration::from_secs(30);
/// How long stand "could not be judged" and "waits for approval": just long enough for one client's HEAD and GET to
/// agree.
const BRIEFLY: Duration = Duration::from_secs(5);

/// The versions of all that a verdict rests on. Any change makes every older ruling re-judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Hash of the policy's text.
    pub policy: u64,
    /// Counts changes of trust roots.
    pub trust: u64,
    /// Counts changes of advisory data.
    pub advisories: u64,
    /// Counts changes of revocations.
    pub revocations: u64,
}

/// A settled verdict: it stands in the ledger under `decision`.
#[derive(Debug)]
pub struct Ruling {
    /// As first asked.
    pub reference: Reference,
    /// What was judged; none where the name alone was refused.
    pub digest: Option<Digest>,
    /// What the judge said.
    pub verdict: Verdict,
    /// Where the ledger has it.
    pub decision: DecisionId,
    /// The policy that judged.
    pub policy: Arc<Policy>,
    /// The indexes whose signatures were looked at too; it stands no longer than they are permitted.
    pub(super) within: Vec<Digest>,
    tag_matters: bool,
    permit: Option<Permit>,
    epoch: Epoch,
    settled: Instant,
    stands: Duration,
}

impl Ruling {
    /// A ruling settled now. `judged` is false where the verdict only says that nothing could be judged.
    pub(super) fn new(
        reference: Reference,
        digest: Option<Digest>,
        verdict: Verdict,
        decision: DecisionId,
        policy: Arc<Policy>,
        epoch: Epoch,
        judged: bool,
    ) -> Ruling {
        let permit = verdict
            .permit(policy.mode())
            .filter(|_| judged && digest.is_some());
        let waits = |finding: &Finding| finding.code == Code::NameFirstSeen && finding.denies();
        let stands = match permit {
            Some(_) => ALLOW_STANDS,
            None if !judged || verdict.findings.iter().any(waits) => BRIEFLY,
            None => DENY_STANDS,
        };
        Ruling {
            tag_matters: policy.tag_matters(reference.repository()),
            reference,
            digest,
            verdict,
            decision,
            policy,
            within: Vec::new(),
            permit,
            epoch,
            settled: Instant::now(),
            stands,
        }
    }

    /// The same, judged as part of these indexes.
    pub(super) fn within(self, indexes: &[Digest]) -> Ruling {
        Ruling {
            within: indexes.to_vec(),
            ..self
        }
    }

    /// Whether it can be relied on where the permitted indexes that list the digest are these: an allowed one while
    /// those that it leans on are among them, a denied one while there are no others.
    pub(super) fn fits(&self, indexes: &[Digest]) -> bool {
        match self.permit {
            Some(_) => self.within.iter().all(|index| indexes.contains(index)),
            None => indexes.iter().all(|index| self.within.contains(index)),
        }
    }

    /// Whether it stands for this name too. It is about a digest, unless the rule binds signatures to tags; who asks by
    /// digest then takes any permit.
    pub(super) fn is_for(&self, reference: &Reference) -> bool {
        let any = reference.tag().is_none() && self.permit.is_some();
        !self.tag_matters || any || self.reference == *reference
    }

    /// The permit, if pulls go on. It says nothing about freshness: see [`Ruling::is_live`].
    pub fn permit(&self) -> Option<&Permit> {
        self.permit.as_ref()
    }

    /// Whether the ruling still stands under `epoch` at `now`.
    pub(super) fn is_live(&self, epoch: Epoch, now: Timestamp) -> bool {
        self.epoch == epoch
            && self.settled.elapsed() < self.stands
            && self.verdict.valid_until.is_none_or(|until| now < until)
    }
}

/// A manifest as it goes to a client: the exact bytes that were judged.
#[derive(Clone, Debug)]
pub struct ServedManifest {
    /// The document.
    pub bytes: Bytes,
    /// Its type.
    pub media_type: &'static str,
    /// Its digest.
    pub digest: Digest,
}

/// Why there is neither content nor ruling. Each of these blocks.
#[derive(Clone, Debug)]
pub enum AdmissionError {
    /// The registry has no such thing.
    NotFound(String),
    /// The content belongs to nothing that was approved.
    NotApproved(Digest),
    /// The registry does not deliver what is needed to serve approved content or a list.
    Upstream(String),
    /// The decision could not be recorded, so it was not made.
    Ledger(LedgerError),
    /// Our fault.
    Crashed,
}

impl fmt::Display for AdmissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdmissionError::NotFound(what) => write!(f, "not found: {what}"),
            AdmissionError::NotApproved(digest) => {
                write!(
                    f,
                    "{digest} belongs to no image that was approved here; pull the image by its name"
                )
            }
            AdmissionError::Upstream(why) => f.write_str(why),
            AdmissionError::Ledger(why) => {
                write!(
                    f,
                    "the decision could not be recorded, and what is not recorded is not served: {why}"
                )
            }
            AdmissionError::Crashed => f.write_str(
                "the gateway failed to judge this image; the server's log has the reason",
            ),
        }
    }
}

impl std::error::Error for AdmissionError {}

impl From<LedgerError> for AdmissionError {
    fn from(error: LedgerError) -> AdmissionError {
        AdmissionError::Ledger(error)
    }
}

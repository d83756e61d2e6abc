//! What goes over the wire, each with the schema that the document shows.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::console::DecisionView;
use crate::ledger::{LoggedPull, PullRow, Puller};
use crate::policy::Revocation;

/// Decisions, newest first; or, with `after`, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Decisions {
    /// The decisions.
    pub(super) decisions: Vec<DecisionView>,
    /// The number of the newest of them: `after=` it asks for what came since. Null where there is none.
    pub(super) newest: Option<i64>,
}

/// A decision, and who pulled under it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Why {
    /// The decision.
    #[serde(flatten)]
    pub(super) decision: DecisionView,
    /// The newest pulls under it.
    pub(super) pulls: Vec<PullView>,
}

/// A manifest or blob that was asked for; equal ones within a tenth of a second are one, with a count.
#[derive(Serialize, JsonSchema)]
pub(super) struct PullView {
    /// When, in RFC 3339.
    at: String,
    /// Of the content.
    digest: Option<String>,
    /// From where.
    address: String,
    /// As whom the client is known.
    identity: Option<String>,
    /// What the client says of itself.
    user_agent: String,
    /// Through which listener.
    listener: String,
    /// `manifest` or `blob`.
    kind: String,
    /// `served` or `denied`.
    outcome: String,
    /// How many.
    count: u64,
    /// Bytes sent in all.
    bytes: u64,
}

impl From<PullRow> for PullView {
    fn from(row: PullRow) -> PullView {
        PullView {
            at: row.at.to_string(),
            digest: row.digest,
            address: row.address,
            identity: row.identity,
            user_agent: row.user_agent,
            listener: row.listener,
            kind: row.kind,
            outcome: row.outcome,
            count: row.count,
            bytes: row.bytes,
        }
    }
}

/// A pull with its decision.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoggedView {
    /// As what the image was first asked for.
    reference: String,
    /// The decision behind it.
    decision: String,
    /// The pull.
    #[serde(flatten)]
    pull: PullView,
}

impl From<LoggedPull> for LoggedView {
    fn from(logged: LoggedPull) -> LoggedView {
        LoggedView {
            reference: logged.reference,
            decision: logged.decision.to_string(),
            pull: logged.pull.into(),
        }
    }
}

/// Pulls, newest first; or, with `after`, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pulls {
    /// The pulls.
    pub(super) pulls: Vec<LoggedView>,
    /// The number of the newest of them: `after=` it asks for what came since. Null where there is none.
    pub(super) newest: Option<i64>,
}

/// Those who were served, whoever pulled last first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Pullers {
    /// Who, each once for an image and program.
    pub(super) pullers: Vec<PullerView>,
    /// How many there are in all.
    pub(super) all: u64,
    /// How many addresses that is.
    pub(super) addresses: u64,
}

/// Somebody who pulled something.
#[derive(Serialize, JsonSchema)]
pub(super) struct PullerView {
    /// From where.
    address: String,
    /// As whom it is known.
    identity: Option<String>,
    /// What the client said of itself.
    user_agent: String,
    /// What was asked for.
    reference: String,
    /// What it was.
    digest: Option<String>,
    /// The version of the package that was asked about.
    version: Option<String>,
    /// Whether the very content that was asked about was sent, and not only an image that has it.
    sent: Option<bool>,
    /// When first, in RFC 3339.
    first: String,
    /// When last.
    last: String,
    /// How many requests that was.
    requests: u64,
    /// How many bytes of blobs were sent.
    bytes: u64,
}

impl From<Puller> for PullerView {
    fn from(one: Puller) -> PullerView {
        PullerView {
            address: one.address.to_string(),
            identity: one.identity.map(|identity| identity.to_string()),
            user_agent: one.user_agent,
            reference: one.reference,
            digest: one.digest.map(|digest| digest.to_string()),
            version: one.version,
            sent: one.sent,
            first: one.first.to_string(),
            last: one.last.to_string(),
            requests: one.requests,
            bytes: one.bytes,
        }
    }
}

/// The revocations in force, oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Revocations {
    /// The revocations.
    pub(super) revocations: Vec<RevocationView>,
}

/// Something that must not be served any more.
#[derive(Serialize, JsonSchema)]
pub(super) struct RevocationView {
    /// Its identity: by it, it is taken back.
    id: String,
    /// `digest`, `images`, `signer` or `publisher`.
    kind: String,
    /// What is meant.
    what: String,
    /// Why.
    reason: String,
    /// Who revoked it.
    by: String,
    /// When, in RFC 3339.
    at: String,
}

impl From<&Revocation> for RevocationView {
    fn from(one: &Revocation) -> RevocationView {
        let (kind, what) = one.what.as_kept();
        RevocationView {
            id: one.id.clone(),
            kind: kind.to_owned(),
            what,
            reason: one.reason.clone(),
            by: one.by.clone(),
            at: one.at.to_string(),
        }
    }
}

/// What is to be revoked: one of `what`, `signer` and `publisher`.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeBody {
    /// A digest, an image, or a pattern of repositories.
    pub(super) what: Option<String>,
    /// A signer of the policy.
    pub(super) signer: Option<String>,
    /// A publisher of the catalogue.
    pub(super) publisher: Option<String>,
    /// Why: everybody reads it whose pull is denied.
    pub(super) reason: String,
}

/// What a waiver is to excuse.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverBody {
    /// The decision that denied.
    pub(super) decision: String,
    /// One finding of it, by its code or an advisory's id; else all that deny.
    pub(super) finding: Option<String>,
    /// Why.
    pub(super) reason: Option<String>,
    /// Who answers for it.
    pub(super) owner: Option<String>,
    /// Where it is discussed.
    pub(super) ticket: Option<String>,
    /// Whether it is for the digest that was judged alone, and not for the repository.
    #[serde(default)]
    pub(super) this_digest: bool,
    /// Until which day, as in `2027-01-31`; else two weeks from now.
    pub(super) until: Option<String>,
}

/// A waiver as it would be written. Nothing is changed: the policy is a file that people review.
#[derive(Serialize, JsonSchema)]
pub(super) struct Waiver {
    /// Tables for `policy.toml`.
    pub(super) toml: String,
}

/// A moment as it is written; none stays none.
pub(super) fn moment(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

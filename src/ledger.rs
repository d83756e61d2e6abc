//! The ledger: what was decided, what was pulled, what a permit opened, where tags last pointed.
//!
//! Decisions are durable before they are answered. Pulls are counted together for a tenth of a second and written
//! then. The SQL is plain, behind a trait, so that another database can do the same for several gateways.

mod admitted;
mod adopt;
mod approvals;
mod audit;
mod canonical;
mod chain;
mod decision;
mod event;
mod events;
mod held;
mod holdings;
mod identity;
mod key;
mod led;
mod migrate;
mod names;
mod note;
mod notices;
mod outbox;
mod policies;
mod proof;
mod pulls;
mod recorded;
mod revocations;
mod row;
mod seal;
mod search;
mod served;
mod sqlite;
mod summaries;
mod sweep;
mod tags;
mod waivers;
mod who;
mod writer;

pub use adopt::Upgrading;
pub use audit::{Audit, Broken};
pub use note::{NoteError, NoteKey};
pub use proof::Exported;

pub use decision::{Approval, Client, Decision, DecisionId, KnownName, OpenedKind, who};
pub use event::{Event, Known, Owed};
pub use holdings::{HeldKind, Holdings};
pub use identity::{Identity, KnownBy};
pub use led::Led;
pub use notices::{Backlog, Outbox, Taken};
pub use pulls::{Outcome, Pull, PullKind, PullRow};
pub use recorded::Recorded;
pub use revocations::MAX_REVOCATIONS;
pub use search::{LoggedPull, Numbered, Search};
pub use sqlite::SqliteLedger;
pub use summaries::KeptSummary;
pub use waivers::{WaiverUse, doubts};
pub use who::{About, Pulled, Puller, Who};

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

use crate::oci::{Digest, Repository, Tag};
use crate::policy::{Admitted, Revocation, SignedTag};

/// An answer of the ledger on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// What keeps decisions. Writes are durable when their future resolves, unless said otherwise.
pub trait Ledger: Send + Sync {
    /// Records a decision.
    fn record_decision(&self, decision: Decision) -> Pending<'_, ()>;

    /// Notes a pull; it is written within a tenth of a second or so. Never blocks; when the ledger does not keep up,
    /// pulls are dropped and [`Ledger::dropped_pulls`] counts them.
    fn record_pull(&self, pull: Pull);

    /// Pulls that were not written since the start.
    fn dropped_pulls(&self) -> u64;

    /// Records what a permit opened.
    fn approve(&self, approval: Approval, opened: Vec<(Digest, OpenedKind)>) -> Pending<'_, ()>;

    /// Forgets all that an image opened; where it had opened something, people are to hear `told`, in the same transaction.
    fn withdraw(
        &self,
        repository: Repository,
        digest: Digest,
        told: Option<Event>,
    ) -> Pending<'_, ()>;

    /// The images that opened a digest, newest first, a bounded number.
    fn roots_of(&self, digest: Digest) -> Pending<'_, Vec<(Approval, OpenedKind)>>;

    /// Remembers where a tag points.
    fn remember_tag(
        &self,
        repository: Repository,
        tag: Tag,
        digest: Digest,
        at: Timestamp,
    ) -> Pending<'_, ()>;

    /// Where a tag last pointed, and when that was learnt.
    fn last_tag(
        &self,
        repository: Repository,
        tag: Tag,
    ) -> Pending<'_, Option<(Digest, Timestamp)>>;

    /// Remembers the image with the newest signature that a tag led to; an older one changes nothing.
    fn keep_signed_tag(
        &self,
        repository: Repository,
        tag: Tag,
        newest: SignedTag,
    ) -> Pending<'_, ()>;

    /// The image with the newest signature that a tag led to.
    fn signed_tag(&self, repository: Repository, tag: Tag) -> Pending<'_, Option<SignedTag>>;

    /// Remembers what the tag of an admitted image leads to.
    fn keep_led(&self, repository: Repository, led: Led) -> Pending<'_, ()>;

    /// What a tag led to when it was last admitted; where it never was, what another tag of its repository led to last.
    fn led(&self, repository: Repository, tag: Tag) -> Pending<'_, Option<Led>>;

    /// A repository of the same path in another registry that is known here.
    fn namesake(&self, repository: Repository) -> Pending<'_, Option<Repository>>;

    /// Whether an image is admitted now, by what was decided last.
    fn admitted(&self, repository: Repository, digest: Digest) -> Pending<'_, Option<Admitted>>;

    /// Remembers since when something in an admitted image would deny it: the first time counts, none forgets it.
    fn keep_failing(
        &self,
        repository: Repository,
        digest: Digest,
        since: Option<Timestamp>,
    ) -> Pending<'_, ()>;

    /// The images that are admitted, a page of them in a fixed order: those after `after`.
    fn admitted_images(
        &self,
        after: Option<(Repository, Digest)>,
        most: u32,
    ) -> Pending<'_, Vec<Approval>>;

    /// What people are to hear of, and who has.
    fn outbox(&self) -> &dyn Outbox;

    /// One decision.
    fn decision(&self, id: DecisionId) -> Pending<'_, Option<Decision>>;

    /// The newest decisions, of one repository or of all.
    fn decisions(&self, repository: Option<Repository>, most: u32) -> Pending<'_, Vec<Decision>>;

    /// Decisions by what they have, newest first, or what came after one, oldest first.
    fn search(&self, search: Search) -> Pending<'_, Vec<Numbered<Decision>>>;

    /// The same of pulls.
    fn search_pulls(&self, search: Search) -> Pending<'_, Vec<Numbered<LoggedPull>>>;

    /// Who pulled under a decision, newest first.
    fn pulls_of(&self, id: DecisionId, most: u32) -> Pending<'_, Vec<PullRow>>;

    /// Who was served something, whoever pulled last first.
    fn pullers(&self, who: Who) -> Pending<'_, Vec<Puller>>;

    /// The same with how many there are in all, which takes longer.
    fn pulled(&self, who: Who) -> Pending<'_, Pulled>;

    /// Remembers what an image holds, for [`Ledger::pullers`]; of the kinds that are not said, what is known stays.
    fn hold(&self, image: Digest, holdings: Holdings) -> Pending<'_, ()>;

    /// Keeps a signed summary; of two about the same the first stays.
    fn keep_summary(&self, summary: KeptSummary) -> Pending<'_, ()>;

    /// The summary of a decision about an image.
    fn summary_of(&self, id: DecisionId, subject: Digest) -> Pending<'_, Option<KeptSummary>>;

    /// The summary whose manifest or bundle has this digest.
    fn summary_with(&self, digest: Digest) -> Pending<'_, Option<KeptSummary>>;

    /// The manifests and bundles of the newest summaries, so many of them.
    fn summary_digests(&self, most: u32) -> Pending<'_, Vec<Digest>>;

    /// What clients asked for since a moment: each image and who asked, a row a client, by the name of the image.
    fn recorded(&self, since: Timestamp, most: u32) -> Pending<'_, Vec<Recorded>>;

    /// Whether anything of a publisher (`docker.io/acme`) was pulled with a permit or approved, and not forgotten.
    fn known_publisher(&self, publisher: String) -> Pending<'_, bool>;

    /// What is remembered of a name that was pulled with a permit or approved; it outlives the decisions.
    fn known_name(&self, repository: Repository) -> Pending<'_, Option<KnownName>>;

    /// Lets a name count as met before anybody pulls it.
    fn approve_name(&self, repository: Repository, known: KnownName) -> Pending<'_, ()>;

    /// Makes a name new again; `by` whom.
    fn forget_name(&self, repository: Repository, by: String, at: Timestamp) -> Pending<'_, ()>;

    /// Records that something must not be served any more, and what people are to hear of it, in one transaction.
    fn revoke(&self, revocation: Revocation, told: Event) -> Pending<'_, ()>;

    /// Records that a revocation was taken back, by whom and when.
    fn end_revocation(&self, id: String, by: String, at: Timestamp) -> Pending<'_, ()>;

    /// The revocations in force, oldest first. They outlive every sweep.
    fn revocations(&self) -> Pending<'_, Vec<Revocation>>;

    /// The waivers that ever excused something, by their ids.
    fn waivers_used(&self) -> Pending<'_, BTreeMap<String, WaiverUse>>;

    /// Removes decisions and pulls older than `before`, in batches; approvals and tags in use stay.
    fn sweep(&self, before: Timestamp) -> Pending<'_, u64>;

    /// What was changed behind our back, in a sentence; all of it is read.
    fn broken(&self) -> Pending<'_, Option<String>>;

    /// Writes all that waits and a sign of life, and so proves that the ledger can be written.
    fn flush(&self) -> Pending<'_, ()>;
}

/// Why the ledger does not answer. Always our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerError(pub(crate) String);

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger: {}", self.0)
    }
}

impl std::error::Error for LedgerError {}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> LedgerError {
        LedgerError(error.to_string())
    }
}

//! Decisions and approvals.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::oci::{Digest, Reference, Repository};
use crate::policy::{Mode, Verdict};

use super::Identity;

/// Identity of a decision: a ULID, so that identities sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId(ulid::Ulid);

impl DecisionId {
    /// A new one.
    pub fn new(now: Timestamp) -> DecisionId {
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
        DecisionId(ulid::Ulid::from_parts(milliseconds, fastrand::u128(..)))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DecisionId {
    type Err = ();

    fn from_str(text: &str) -> Result<DecisionId, ()> {
        text.parse().map(DecisionId).map_err(|_| ())
    }
}

impl Serialize for DecisionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Who asked, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Client {
    /// Address of the connection.
    pub address: IpAddr,
    /// As the client says, cut to a bounded length.
    #[serde(serialize_with = "as_text")]
    pub user_agent: Arc<str>,
    /// Which kind of listener it came to.
    pub listener: &'static str,
    /// As whom it is known, if it is.
    pub identity: Option<Identity>,
}

impl Client {
    /// Where it came from, and who that is as far as is known: `10.1.2.3 (certificate:ci.acme.example)`.
    pub fn who(&self) -> String {
        who(&self.address, self.identity.as_ref())
    }
}

/// An address with the identity behind it, if it is known.
pub fn who(address: &impl fmt::Display, identity: Option<&impl fmt::Display>) -> String {
    match identity {
        Some(identity) => format!("{address} ({identity})"),
        None => address.to_string(),
    }
}

/// A settled verdict with all that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its identity.
    pub id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// What was asked for.
    pub reference: Reference,
    /// What was judged; none where the name alone was refused.
    pub digest: Option<Digest>,
    /// Who asked first.
    pub client: Client,
    /// Whether pulls go on.
    pub allowed: bool,
    /// What denials did at the time.
    pub mode: Mode,
    /// What the judge said.
    pub verdict: Verdict,
    /// Of the policy that judged.
    pub policy_epoch: u64,
    /// The policy's file.
    pub policy_file: String,
    /// Milliseconds from question to verdict.
    pub gathered_ms: u32,
}

/// An image whose permit opened other digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Where.
    pub repository: Repository,
    /// Of the top-level manifest.
    pub digest: Digest,
    /// The decision behind it.
    pub decision: DecisionId,
    /// When.
    pub at: Timestamp,
}

/// A name that is not new here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    /// Since when.
    pub at: Timestamp,
    /// Who approved it, if somebody did.
    pub approved_by: Option<String>,
}

/// What kind of content was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedKind {
    /// A manifest or index.
    Manifest,
    /// A configuration or layer.
    Blob,
    /// Part of a document about the image.
    Attachment,
}

impl OpenedKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            OpenedKind::Manifest => "manifest",
            OpenedKind::Blob => "blob",
            OpenedKind::Attachment => "attachment",
        }
    }

    pub(super) fn parse(text: &str) -> Option<OpenedKind> {
        let all = [
            OpenedKind::Manifest,
            OpenedKind::Blob,
            OpenedKind::Attachment,
        ];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

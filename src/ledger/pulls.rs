//! Pulls, counted together until they are written.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::oci::Digest;

use super::{Client, DecisionId};

/// Most different pulls between two writes; more are dropped and counted.
const MAX_WAITING: usize = 100_000;

/// Something that a client asked for under a decision.
#[derive(Clone, Debug)]
pub struct Pull {
    /// When.
    pub at: Timestamp,
    /// Under which decision.
    pub decision: DecisionId,
    /// Of the content, where there was any.
    pub digest: Option<Digest>,
    /// Who.
    pub client: Client,
    /// What kind of content.
    pub kind: PullKind,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of a blob that were sent.
    pub bytes: u64,
}

/// What kind of content was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullKind {
    /// A manifest or index, by GET or HEAD.
    Manifest,
    /// A configuration or layer.
    Blob,
}

/// What became of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was served.
    Served,
    /// It was refused.
    Denied,
}

impl PullKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            PullKind::Manifest => "manifest",
            PullKind::Blob => "blob",
        }
    }
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Served => "served",
            Outcome::Denied => "denied",
        }
    }
}

/// A row of the ledger: equal pulls within a tenth of a second are one, with a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PullRow {
    /// When the first of them was.
    pub at: Timestamp,
    /// Of the content.
    pub digest: Option<String>,
    /// From where.
    pub address: String,
    /// As whom that client is known, if it is.
    pub identity: Option<String>,
    /// By which program.
    pub user_agent: String,
    /// Through which listener.
    pub listener: String,
    /// `manifest` or `blob`.
    pub kind: String,
    /// `served` or `denied`.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// Bytes sent in all.
    pub bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    decision: DecisionId,
    digest: Option<Digest>,
    address: IpAddr,
    /// Of what the client says of itself and as whom it is known.
    client: u64,
    kind: PullKind,
    outcome: Outcome,
}

/// Pulls that wait to be written.
#[derive(Default)]
pub(super) struct Waiting(Mutex<HashMap<Key, (Pull, u64)>>);

impl Waiting {
    /// Whether there was room.
    pub(super) fn add(&self, pull: Pull) -> bool {
        let mut hasher = DefaultHasher::new();
        pull.client.user_agent.hash(&mut hasher);
        pull.client.identity.hash(&mut hasher);
        let Pull {
            decision,
            digest,
            kind,
            outcome,
            ..
        } = pull;
        let address = pull.client.address;
        let key = Key {
            decision,
            digest,
            address,
            client: hasher.finish(),
            kind,
            outcome,
        };
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((first, count)) = waiting.get_mut(&key) {
            first.bytes += pull.bytes;
            *count += 1;
            return true;
        }
        let room = waiting.len() < MAX_WAITING;
        if room {
            waiting.insert(key, (pull, 1));
        }
        room
    }

    pub(super) fn take(&self) -> Vec<(Pull, u64)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_values().collect()
    }
}

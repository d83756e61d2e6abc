//! Events: what people are to hear of.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Decision, DecisionId, Identity};
use crate::oci::{Digest, Reference};
use crate::policy::{Code, EventKind, Level, explain_finding, explain_findings};

/// Something that people are to hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its identity: whoever hears of it twice knows it by this.
    pub id: DecisionId,
    /// When it first happened.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// To which image.
    pub reference: String,
    /// Of what was judged.
    pub digest: Option<Digest>,
    /// The decision behind it.
    pub decision: Option<DecisionId>,
    /// Who asked first.
    pub address: Option<IpAddr>,
    /// As whom that client is known, if it is.
    pub identity: Option<Identity>,
    /// Why, in lines.
    pub detail: String,
    /// How often within the hour.
    pub count: u64,
    /// How often before, without a message of its own.
    pub before: u64,
}

impl Event {
    /// A new one.
    pub fn new(kind: EventKind, reference: String, at: Timestamp) -> Event {
        Event {
            id: DecisionId::new(at),
            at,
            kind,
            reference,
            digest: None,
            decision: None,
            address: None,
            identity: None,
            detail: String::new(),
            count: 1,
            before: 0,
        }
    }

    /// What a decision about a client's pull gives to hear.
    pub(super) fn all_of(decision: &Decision) -> Vec<Event> {
        let unusual = Event::unusual(decision);
        Event::of(decision).into_iter().chain(unusual).collect()
    }

    /// What is unusual about an image or its name, beside what became of the pull.
    fn unusual(decision: &Decision) -> Vec<Event> {
        let findings = decision.verdict.findings.iter();
        let told = findings.filter(|finding| finding.level > Level::Note && heard_of(decision));
        let events = told.filter_map(|finding| {
            let kind = match finding.code {
                Code::TagMoved => EventKind::TagMoved,
                Code::SignerChanged => EventKind::SignerChanged,
                // One that is refused is told of as that.
                Code::NameFirstSeen | Code::RegistryNew if !finding.denies() => {
                    EventKind::FirstSeen
                }
                _ => return None,
            };
            Some(Event {
                digest: decision.digest,
                decision: Some(decision.id),
                address: Some(decision.client.address),
                identity: decision.client.identity.clone(),
                detail: explain_finding(finding),
                ..Event::new(kind, decision.reference.to_string(), decision.at)
            })
        });
        events.collect()
    }

    fn of(decision: &Decision) -> Option<Event> {
        let waived = || {
            decision
                .verdict
                .findings
                .iter()
                .any(|by| by.waived.is_some())
        };
        let kind = match (decision.verdict.allows(), decision.allowed) {
            _ if !heard_of(decision) => return None,
            (false, false) => EventKind::Blocked,
            (false, true) => EventKind::WouldBlock,
            (true, true) if waived() => EventKind::Waived,
            (true, _) => return None,
        };
        Some(Event {
            digest: decision.digest,
            decision: Some(decision.id),
            address: Some(decision.client.address),
            identity: decision.client.identity.clone(),
            detail: explain_findings(&decision.verdict),
            ..Event::new(kind, decision.reference.to_string(), decision.at)
        })
    }

    /// Events with the same are one within an hour: same kind, image and reasons.
    pub(super) fn same(&self) -> String {
        let image = self.reference.parse::<Reference>();
        let image = image.map_or_else(
            |_| self.reference.clone(),
            |reference| reference.repository().to_string(),
        );
        let digest = self
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default();
        let about = format!("{image}\n{digest}\n{}", self.detail);
        format!(
            "{} {}",
            self.kind.as_str(),
            Digest::of(about.as_bytes()).hex()
        )
    }
}

/// Whether somebody asked for it: checks by hand and judgements in the background have their own ways to tell.
fn heard_of(decision: &Decision) -> bool {
    !matches!(decision.client.listener, "cli" | "background")
}

/// An event that a target has not heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which.
    pub event: Event,
    /// Its number in the ledger.
    pub sequence: i64,
    /// How often it was tried.
    pub tries: u32,
}

//! Events: what people are to hear of.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Decision, DecisionId, Identity, KnownBy, who};
use crate::oci::{Digest, Reference};
use crate::policy::{Code, EventKind, Level, Verdict, explain_finding, explain_findings};

/// Characters of a key: enough that two things never have the same.
const KEY: usize = 32;

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
    /// What was found that denies or is excused.
    pub codes: Vec<Code>,
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
            codes: Vec::new(),
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
                Code::NameFirstSeen | Code::RegistryNew | Code::PublisherNew
                    if !finding.denies() =>
                {
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
                codes: vec![finding.code],
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
        let event = Event {
            digest: decision.digest,
            decision: Some(decision.id),
            address: Some(decision.client.address),
            identity: decision.client.identity.clone(),
            ..Event::new(kind, decision.reference.to_string(), decision.at)
        };
        Some(event.because(&decision.verdict))
    }

    /// The same with what a verdict says.
    pub fn because(self, verdict: &Verdict) -> Event {
        let told = verdict.findings.iter();
        let told = told.filter(|finding| finding.denies() || finding.waived.is_some());
        let mut codes: Vec<Code> = told.map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        Event {
            detail: explain_findings(verdict),
            codes,
            ..self
        }
    }

    /// The image that it is about. None where it is about something else: a registry that does not answer and a digest that
    /// was revoked read like names of Docker Hub's.
    pub fn image(&self) -> Option<Reference> {
        let is_digest = self.reference.parse::<Digest>().is_ok();
        let reference = self.reference.parse();
        reference
            .ok()
            .filter(|_| self.kind.is_of_image() && !is_digest)
    }

    /// Who asked, with how that is known.
    pub fn client(&self) -> Option<String> {
        let address = self.address?;
        Some(who(&address, self.identity.as_ref()))
    }

    /// All that the client is called, by which teams know theirs: `certificate:ci`, `ci`, `10.1.2.3`.
    pub fn called(&self) -> Vec<String> {
        let identity = self.identity.iter();
        let names = identity.flat_map(|known| [known.to_string(), known.name().to_owned()]);
        let address = self.address.map(|address| address.to_string());
        names.chain(address).collect()
    }

    /// The group of clients that the operator named, by where they are. One that proves a name of its own is no group.
    fn group(&self) -> &str {
        let group = self.identity.as_ref();
        let group = group.filter(|known| known.by() == KnownBy::Address);
        group.map_or("", Identity::name)
    }

    /// The same for all events about one thing, and for the end of what this began: whoever keeps incidents knows them by
    /// it.
    pub fn key(&self) -> String {
        let text = self.same();
        let hash = text.rsplit(' ').next().unwrap_or_default();
        hash.get(..KEY).unwrap_or(hash).to_owned()
    }

    /// Events with the same are one within an hour: same kind, image, reasons and group of clients. Of a trouble there is one at a time,
    /// whatever is said of it.
    pub(super) fn same(&self) -> String {
        let kind = self.kind.ends().unwrap_or(self.kind);
        let reasons: Vec<&str> = self.codes.iter().map(|code| code.as_str()).collect();
        let reasons = match reasons.is_empty() {
            true if is_trouble(kind) => String::new(),
            true => self.detail.clone(),
            false => reasons.join(" "),
        };
        let image = self.reference.parse::<Reference>();
        let image = image.map_or_else(
            |_| self.reference.clone(),
            |reference| reference.repository().to_string(),
        );
        let digest = self
            .digest
            .map(|digest| digest.to_string())
            .unwrap_or_default();
        let about = format!(
            "{}\n{image}\n{digest}\n{reasons}\n{}",
            kind.as_str(),
            self.group()
        );
        format!("{} {}", kind.as_str(), Digest::of(about.as_bytes()).hex())
    }
}

/// Whether it lasts, and there is one at a time of it.
fn is_trouble(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::DataStale
            | EventKind::UpstreamDown
            | EventKind::StorageTrouble
            | EventKind::WaiverExpiring
            | EventKind::WaiverExpired
    )
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
    /// Why it waits, or was given up.
    pub why: String,
}

/// A trouble that people have heard of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// What.
    pub kind: EventKind,
    /// With what: a registry, a waiver.
    pub subject: String,
    /// Since when.
    pub since: Timestamp,
}

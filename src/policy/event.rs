//! What people may want to hear of.

use serde::Serialize;

use super::Code;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum EventKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EventKind {
            /// All, as they are written.
            pub const ALL: &'static [(EventKind, &'static str)] =
                &[$((EventKind::$variant, $text)),+];
        }
    };
}

kinds! {
    /// A pull was refused.
    Blocked = "blocked",
    /// A pull was served that would be refused if the policy enforced.
    WouldBlock = "would-block",
    /// A pull was served because a waiver excuses it.
    Waived = "waived",
    /// An image that was admitted is admitted no more.
    VerdictChanged = "verdict-changed",
    /// Something is new in an image that was admitted, and it is served all the same.
    NewFinding = "new-finding",
    /// Something was revoked.
    Revoked = "revoked",
    /// A name was pulled that nobody had pulled before.
    FirstSeen = "first-seen",
    /// A tag leads to another image than it did.
    TagMoved = "tag-moved",
    /// An image is signed by somebody else than its predecessor.
    SignerChanged = "signer-changed",
    /// A client asks for one refused name after another.
    Guessing = "guessing",
    /// A client seems to get images past the gate.
    SuspectedBypass = "suspected-bypass",
    /// A waiver ends soon.
    WaiverExpiring = "waiver-expiring",
    /// A waiver has ended and still stands in the policy.
    WaiverExpired = "waiver-expired",
    /// What verdicts rest on is old: advisories, trusted roots.
    DataStale = "data-stale",
    /// It is fresh again.
    DataFresh = "data-fresh",
    /// A registry does not answer.
    UpstreamDown = "upstream-down",
    /// It answers again.
    UpstreamBack = "upstream-back",
    /// The ledger cannot be written, or the disk is nearly full.
    StorageTrouble = "storage-trouble",
    /// It can be written again.
    StorageWell = "storage-well",
    /// Many of these at once, in one message.
    Digest = "digest",
}

/// How much it matters, mildest first: the four levels of PagerDuty's common event format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// For the record.
    Info,
    /// Look at it when there is time.
    Warning,
    /// Somebody is held up, or soon will be.
    Error,
    /// Somebody may be attacked.
    Critical,
}

impl Urgency {
    /// All, as they are written.
    pub const ALL: [(Urgency, &'static str); 4] = [
        (Urgency::Info, "info"),
        (Urgency::Warning, "warning"),
        (Urgency::Error, "error"),
        (Urgency::Critical, "critical"),
    ];

    /// `info`, `warning`, `error` or `critical`.
    pub fn as_str(self) -> &'static str {
        let found = Urgency::ALL.iter().find(|(level, _)| *level == self);
        found.map_or("", |(_, word)| word)
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Urgency> {
        let found = Urgency::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(level, _)| *level)
    }
}

impl EventKind {
    /// In kebab-case.
    pub fn as_str(self) -> &'static str {
        let found = EventKind::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, word)| word)
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<EventKind> {
        let found = EventKind::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(kind, _)| *kind)
    }

    /// Whether somebody hears of it who does not say of what: not of what is served by design, nor of each new name.
    pub fn is_usual(self) -> bool {
        !matches!(self, EventKind::Waived | EventKind::FirstSeen)
    }

    /// Whether it is about an image, which belongs to somebody: registries, disks and waivers are everybody's.
    pub fn is_of_image(self) -> bool {
        match self {
            EventKind::Blocked
            | EventKind::WouldBlock
            | EventKind::Waived
            | EventKind::VerdictChanged
            | EventKind::NewFinding
            | EventKind::Revoked
            | EventKind::FirstSeen
            | EventKind::TagMoved
            | EventKind::SignerChanged
            | EventKind::Guessing
            | EventKind::SuspectedBypass => true,
            EventKind::WaiverExpiring
            | EventKind::WaiverExpired
            | EventKind::DataStale
            | EventKind::DataFresh
            | EventKind::UpstreamDown
            | EventKind::UpstreamBack
            | EventKind::StorageTrouble
            | EventKind::StorageWell
            | EventKind::Digest => false,
        }
    }

    /// The trouble that this is the end of.
    pub fn ends(self) -> Option<EventKind> {
        match self {
            EventKind::DataFresh => Some(EventKind::DataStale),
            EventKind::UpstreamBack => Some(EventKind::UpstreamDown),
            EventKind::StorageWell => Some(EventKind::StorageTrouble),
            _ => None,
        }
    }

    /// How much it matters, with these findings.
    pub fn urgency(self, codes: &[Code]) -> Urgency {
        let attack = |code: &Code| {
            matches!(
                code,
                Code::Revoked | Code::MaliciousPackage | Code::Virus | Code::TagRollback
            )
        };
        let worst = match self {
            EventKind::SuspectedBypass | EventKind::StorageTrouble | EventKind::Revoked => {
                Urgency::Critical
            }
            EventKind::VerdictChanged | EventKind::UpstreamDown | EventKind::SignerChanged => {
                Urgency::Error
            }
            EventKind::Blocked | EventKind::Guessing => Urgency::Error,
            EventKind::WouldBlock
            | EventKind::NewFinding
            | EventKind::TagMoved
            | EventKind::WaiverExpiring
            | EventKind::WaiverExpired
            | EventKind::DataStale
            | EventKind::Digest => Urgency::Warning,
            EventKind::Waived
            | EventKind::FirstSeen
            | EventKind::DataFresh
            | EventKind::UpstreamBack
            | EventKind::StorageWell => Urgency::Info,
        };
        match worst >= Urgency::Warning && codes.iter().any(attack) {
            true => Urgency::Critical,
            false => worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_stands_for_one_thing() {
        for (kind, word) in EventKind::ALL {
            assert_eq!(EventKind::parse(word), Some(*kind));
            assert_eq!(serde_json::json!(kind), *word);
        }
        for (level, word) in Urgency::ALL {
            assert_eq!(Urgency::parse(word), Some(level));
            assert_eq!(level.as_str(), word);
        }
        assert_eq!(EventKind::parse("Blocked"), None);
    }

    #[test]
    fn what_an_attacker_does_is_critical_and_good_news_never_is() {
        let urgency = EventKind::urgency;
        assert_eq!(
            urgency(EventKind::Blocked, &[Code::NameSquat]),
            Urgency::Error
        );
        assert_eq!(
            urgency(EventKind::Blocked, &[Code::Vulnerability, Code::Virus]),
            Urgency::Critical
        );
        assert_eq!(
            urgency(EventKind::WouldBlock, &[Code::RootUser]),
            Urgency::Warning
        );
        assert_eq!(
            urgency(EventKind::Waived, &[Code::MaliciousPackage]),
            Urgency::Info
        );
        for (kind, _) in EventKind::ALL {
            if kind.ends().is_some() {
                assert_eq!(urgency(*kind, &[]), Urgency::Info, "{kind:?}");
            }
        }
    }
}

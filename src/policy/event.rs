//! What people may want to hear of.

use serde::Serialize;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A pull was refused.
    Blocked,
    /// A pull was served that would be refused if the policy enforced.
    WouldBlock,
    /// A pull was served because a waiver excuses it.
    Waived,
    /// An image that was admitted is admitted no more.
    VerdictChanged,
    /// Something was revoked.
    Revoked,
}

impl EventKind {
    /// All, as they are written.
    pub const ALL: [(EventKind, &'static str); 5] = [
        (EventKind::Blocked, "blocked"),
        (EventKind::WouldBlock, "would-block"),
        (EventKind::Waived, "waived"),
        (EventKind::VerdictChanged, "verdict-changed"),
        (EventKind::Revoked, "revoked"),
    ];

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
}

//! What the ledger keeps of events and who has heard of them.

use jiff::Timestamp;

use super::{DecisionId, Event, Known, Owed, Pending};

/// What people are to hear of. What a decision gives to hear is written with it; a target hears of everything once it
/// is known here, perhaps twice, under the same id.
pub trait Outbox: Send + Sync {
    /// Writes down an event, or counts it with its like of the last hour.
    fn note(&self, event: Event) -> Pending<'_, ()>;

    /// The newest events, newest first.
    fn events(&self, most: u32) -> Pending<'_, Vec<Event>>;

    /// What people were to hear of a decision, oldest first.
    fn events_of(&self, decision: DecisionId, most: u32) -> Pending<'_, Vec<Event>>;

    /// A target that is new hears of what happens from now on.
    fn begin(&self, target: String) -> Pending<'_, ()>;

    /// What a target has not looked at yet, in order.
    fn news(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>>;

    /// It has looked at all up to a number, and is owed these of them.
    fn take(&self, target: String, wanted: Vec<Taken>, up_to: i64) -> Pending<'_, ()>;

    /// What a target is owed now, in order.
    fn due(&self, target: String, now: Timestamp, most: u32) -> Pending<'_, Vec<Owed>>;

    /// It heard of it.
    fn heard(&self, target: String, sequence: i64) -> Pending<'_, ()>;

    /// It could not be reached: to be tried again at `next`, or never.
    fn missed(
        &self,
        target: String,
        sequence: i64,
        next: Option<Timestamp>,
        why: String,
    ) -> Pending<'_, ()>;

    /// What it is owed becomes one event, for it alone.
    fn fold(
        &self,
        target: String,
        sequences: Vec<i64>,
        into: Event,
        now: Timestamp,
    ) -> Pending<'_, ()>;

    /// How a target stands.
    fn backlog(&self, target: String) -> Pending<'_, Backlog>;

    /// What was given up, oldest first.
    fn given_up(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>>;

    /// What failed, given up or not, is tried at once.
    fn retry(&self, target: String, now: Timestamp) -> Pending<'_, ()>;

    /// The troubles that people have heard of and that last.
    fn troubles(&self) -> Pending<'_, Vec<Known>>;

    /// A trouble begins: written down and told, unless it is known.
    fn begin_trouble(&self, subject: String, event: Event) -> Pending<'_, ()>;

    /// A trouble is over; its end is told where there is a word for it.
    fn end_trouble(&self, known: Known, told: Option<Event>) -> Pending<'_, ()>;
}

/// An event that a target wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number in the ledger.
    pub sequence: i64,
    /// From when.
    pub next: Timestamp,
    /// Why not before; may be empty.
    pub why: String,
}

/// How a target stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Events that wait for a try.
    pub waiting: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// The last reason.
    pub why: Option<String>,
}

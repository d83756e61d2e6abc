//! What of the ledger the deliveries need: so that a test can put something in between.

use crate::ledger::{Decision, DecisionId, Ledger, Outbox, Pending};
use crate::oci::Repository;

/// Where messages come from.
pub trait Desk: Send + Sync {
    /// What people are to hear of, and who has.
    fn outbox(&self) -> &dyn Outbox;

    /// The decision behind an event.
    fn decision(&self, id: DecisionId) -> Pending<'_, Option<Decision>>;

    /// The newest decisions about a repository.
    fn decisions(&self, repository: Repository, most: u32) -> Pending<'_, Vec<Decision>>;
}

impl<L: Ledger + ?Sized> Desk for L {
    fn outbox(&self) -> &dyn Outbox {
        Ledger::outbox(self)
    }

    fn decision(&self, id: DecisionId) -> Pending<'_, Option<Decision>> {
        Ledger::decision(self, id)
    }

    fn decisions(&self, repository: Repository, most: u32) -> Pending<'_, Vec<Decision>> {
        Ledger::decisions(self, Some(repository), most)
    }
}

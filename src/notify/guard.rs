//! The ledger under watch: that it can be written, and that it is as it was written.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Alarm, Trouble, settle};
use crate::ledger::{Event, Ledger};
use crate::policy::EventKind;
use crate::telemetry;

/// What the ledger is called in events.
const LEDGER: &str = "ledger";
/// What its chain is called.
const CHAIN: &str = "the ledger's chain";

/// Looks after one ledger.
pub struct Guard {
    ledger: Arc<dyn Ledger>,
    /// Transactions that had failed at the last look.
    errors: u64,
    /// What is wrong with the chain, as far as was read.
    broken: Option<String>,
    alarm: watch::Sender<Option<Event>>,
}

impl Guard {
    /// The alarm tells of the ledger, which cannot tell of itself.
    pub fn new(ledger: Arc<dyn Ledger>) -> (Guard, Alarm) {
        let (alarm, heard) = watch::channel(None);
        let guard = Guard {
            ledger,
            errors: telemetry::metrics().ledger_errors.get(),
            broken: None,
            alarm,
        };
        (guard, heard)
    }

    /// Writes down which troubles began and which are over, those of the ledger with them. Sounds the alarm while it
    /// cannot be written, and ends it when a look found nothing wrong.
    pub async fn look(&mut self, mut seen: Vec<Trouble>, now: Timestamp) {
        if let Some(what) = &self.broken {
            seen.push(Trouble {
                kind: EventKind::StorageTrouble,
                subject: CHAIN.to_owned(),
                detail: what.clone(),
            });
        }
        let settled = settle(self.ledger.as_ref(), &seen, now).await;
        let written = self.ledger.flush().await;
        let failure = settled.and(written).err().map(|error| error.to_string());
        self.sound(failure, now);
    }

    /// Reads the whole ledger: from the next look on it is a trouble where it is not as it was written.
    pub async fn prove(&mut self) {
        match self.ledger.broken().await {
            Ok(broken) => {
                telemetry::metrics()
                    .ledger_broken
                    .set(i64::from(broken.is_some()));
                if let Some(what) = &broken {
                    tracing::error!(what, "the ledger is not as it was written");
                }
                self.broken = broken;
            }
            // That it cannot be read is told where it is written.
            Err(error) => {
                tracing::error!(%error, "whether the ledger is as it was written cannot be said")
            }
        }
    }

    fn sound(&mut self, failure: Option<String>, now: Timestamp) {
        let errors = telemetry::metrics().ledger_errors.get();
        let new = errors.saturating_sub(std::mem::replace(&mut self.errors, errors));
        let failing = failure.or_else(|| (new > 0).then(|| format!("{new} transactions failed")));
        let sounds = self.alarm.borrow().is_some();
        match failing {
            Some(why) if !sounds => {
                tracing::error!(
                    why,
                    "the ledger is in trouble: what cannot be recorded is blocked"
                );
                let mut event = Event::new(EventKind::StorageTrouble, LEDGER.to_owned(), now);
                event.detail = why;
                self.alarm.send_replace(Some(event));
            }
            None if sounds => {
                self.alarm.send_replace(None);
                let mut event = Event::new(EventKind::StorageWell, LEDGER.to_owned(), now);
                event.detail = "every transaction of the last half minute was written".to_owned();
                let ledger = self.ledger.clone();
                tokio::spawn(async move {
                    if let Err(error) = ledger.outbox().note(event).await {
                        tracing::error!(%error, "that the ledger is well is not told");
                    }
                });
            }
            _ => {}
        }
    }
}

//! A server that looks after itself: what lasts and is not as it should be becomes an event.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::wire::Built;
use crate::admission::Admission;
use crate::config::Server;
use crate::ledger::{Event, Ledger};
use crate::notify::{Alarm, Trouble, settle, watchlist};
use crate::policy::EventKind;
use crate::telemetry;
use crate::upstream::Upstreams;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(30);
/// What the ledger is called in events.
const LEDGER: &str = "ledger";

struct Watch {
    admission: Arc<Admission>,
    upstreams: Arc<Upstreams>,
    ledger: Arc<dyn Ledger>,
    folder: PathBuf,
    errors: u64,
    alarm: watch::Sender<Option<Event>>,
}

/// Begins to look. The alarm tells of the ledger, which cannot tell of itself.
pub(super) fn start(server: &Server, built: &Built) -> Alarm {
    let (alarm, heard) = watch::channel(None);
    let watch = Watch {
        admission: built.admission.clone(),
        upstreams: built.upstreams.clone(),
        ledger: built.ledger.clone(),
        folder: server.data_dir.clone(),
        errors: telemetry::metrics().ledger_errors.get(),
        alarm,
    };
    tokio::spawn(watch.run());
    heard
}

impl Watch {
    async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = telemetry::now();
            let seen = self.troubles(now);
            let settled = settle(self.ledger.as_ref(), &seen, now).await;
            let written = self.ledger.flush().await;
            self.sound(
                settled.and(written).err().map(|error| error.to_string()),
                now,
            );
        }
    }

    fn troubles(&self, now: Timestamp) -> Vec<Trouble> {
        let policy = self.admission.policy();
        let data = self.admission.scanner().advisories().current();
        let mut troubles = watchlist::waivers(&policy, now);
        troubles.extend(watchlist::roots(&policy, now));
        troubles.extend(watchlist::advisories(&policy, &data.fetched, now));
        troubles.extend(watchlist::upstreams(self.upstreams.down()));
        // A disk that cannot be asked is told of by what cannot be written.
        if let Ok(disk) = rustix::fs::statvfs(&self.folder) {
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let folder = self.folder.display().to_string();
            let (free, all) = (bytes(disk.f_bavail), bytes(disk.f_blocks));
            troubles.extend(watchlist::disk(&folder, free, all));
        }
        troubles
    }

    /// Sounds the alarm while the ledger fails, and ends it when a look found nothing wrong.
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

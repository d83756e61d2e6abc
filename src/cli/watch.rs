//! A server that looks after itself: what lasts and is not as it should be becomes an event.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::wire::Built;
use crate::admission::Admission;
use crate::config::Server;
use crate::notify::{Alarm, Guard, Trouble, watchlist};
use crate::telemetry;
use crate::upstream::Upstreams;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(30);
/// Between two readings of the whole ledger: a few seconds of one core for a million entries.
const PROVED_EVERY: Duration = Duration::from_secs(86_400);

struct Watch {
    admission: Arc<Admission>,
    upstreams: Arc<Upstreams>,
    folder: PathBuf,
    guard: Guard,
}

/// Begins to look. The alarm tells of the ledger, which cannot tell of itself.
pub(super) fn start(server: &Server, built: &Built) -> Alarm {
    let (guard, heard) = Guard::new(built.ledger.clone());
    let watch = Watch {
        admission: built.admission.clone(),
        upstreams: built.upstreams.clone(),
        folder: server.data_dir.clone(),
        guard,
    };
    tokio::spawn(watch.run());
    heard
}

impl Watch {
    async fn run(mut self) {
        let mut proved: Option<Instant> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            if proved.is_none_or(|at| at.elapsed() >= PROVED_EVERY) {
                self.guard.prove().await;
                proved = Some(Instant::now());
            }
            let now = telemetry::now();
            let seen = self.troubles(now);
            self.guard.look(seen, now).await;
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
}

//! The admin listener of a server.

use std::sync::Arc;

use tokio::sync::watch;

use super::wire::Built;
use super::{roots, sbom, today};
use crate::console::{self, Console};
use crate::gateway::{self, Gateway, Limits, Listener};
use crate::store::Store;
use crate::telemetry;

/// Pages, metrics, health and documents, until it is time to stop.
pub(super) fn pages(
    listener: Listener,
    built: &Built,
    path: Arc<Gateway>,
    stopping: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send + use<> {
    let (store, ledger) = (built.store.clone(), built.ledger.clone());
    let (dropped, admission) = (built.ledger.clone(), built.admission.clone());
    let metrics = move || {
        observe(&store);
        let mut text = telemetry::metrics().render();
        text.push_str("# HELP lazaret_pulls_unrecorded_total Pulls that the ledger did not take.\n# TYPE lazaret_pulls_unrecorded_total counter\n");
        text.push_str(&format!(
            "lazaret_pulls_unrecorded_total {}\n",
            dropped.dropped_pulls()
        ));
        text.push_str(&roots::metrics(&admission.policy()));
        text
    };
    let console = Arc::new(Console {
        ledger,
        metrics: Box::new(metrics),
        sbom: sbom::sbom(built.admission.clone()),
        today: today::today(built.admission.clone()),
        canary: Box::new({
            let admission = built.admission.clone();
            move |nonce| {
                serde_json::json!({
                    "nonce": nonce,
                    "mode": admission.policy().mode(),
                    "version": env!("CARGO_PKG_VERSION"),
                    "seen": path.sightings(nonce),
                })
            }
        }),
    });
    gateway::serve(listener, Limits::default(), stopping, move |request, _| {
        console::admin(console.clone(), request)
    })
}

/// Carries the store's own numbers over.
fn observe(store: &Store) {
    let (stats, metrics) = (store.stats(), telemetry::metrics());
    metrics
        .store_bytes
        .set(i64::try_from(stats.bytes).unwrap_or(i64::MAX));
    metrics
        .store_evictions
        .add(stats.evicted.saturating_sub(metrics.store_evictions.get()));
    for (result, count) in [("complete", stats.filled), ("failed", stats.failed)] {
        if let Some(counter) = metrics.fills.with(&[result]) {
            counter.add(count.saturating_sub(counter.get()));
        }
    }
}

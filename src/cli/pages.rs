//! The admin listener of a server.

use std::sync::Arc;

use tokio::sync::watch;

use super::wire::{Built, Trouble};
use super::{ca, roots, sbom, today};
use crate::api::Api;
use crate::ca::Authority;
use crate::config::Server;
use crate::console::{self, Console};
use crate::gateway::{self, Gateway, Limits, Listener};
use crate::store::Store;
use crate::telemetry;

/// Pages, metrics, health and documents, until it is time to stop.
pub(super) fn pages(
    listener: Listener,
    server: &Server,
    built: &Built,
    path: Arc<Gateway>,
    authority: Option<Arc<Authority>>,
    stopping: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send + use<>, Trouble> {
    let api = super::api::start(server, built)?;
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
                let authority = authority.as_ref();
                let trusted = authority.map(|by| ca::fingerprints(by, telemetry::now()));
                serde_json::json!({
                    "nonce": nonce,
                    "mode": admission.policy().mode(),
                    "version": env!("CARGO_PKG_VERSION"),
                    "authorities": trusted.unwrap_or_default(),
                    "seen": path.sightings(nonce),
                })
            }
        }),
    });
    let answer = move |request: hyper::Request<hyper::body::Incoming>, _| {
        let api = api.clone().filter(|_| Api::answers(request.uri().path()));
        let console = console.clone();
        async move {
            match api {
                Some(api) => api.answer(request).await,
                None => console::admin(console, request).await,
            }
        }
    };
    Ok(gateway::serve(
        listener,
        Limits::default(),
        stopping,
        answer,
    ))
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

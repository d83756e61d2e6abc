//! Single flight: any number of callers, one run, which no caller's leaving stops.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Runs in progress by key.
pub(super) struct Flights<K, V> {
    running: Mutex<HashMap<K, watch::Receiver<Option<V>>>>,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Arc<Flights<K, V>> {
        Arc::new(Flights {
            running: Mutex::new(HashMap::new()),
        })
    }

    /// Joins the run for `key` or starts it. `None`: the run crashed.
    pub(super) async fn join<F>(self: &Arc<Self>, key: K, start: impl FnOnce() -> F) -> Option<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut landing = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            match running.get(&key) {
                Some(landing) => landing.clone(),
                None => {
                    let (land, landing) = watch::channel(None);
                    running.insert(key.clone(), landing.clone());
                    let (work, departure) = (
                        start(),
                        Departure {
                            flights: self.clone(),
                            key,
                        },
                    );
                    tokio::spawn(async move {
                        let value = work.await;
                        land.send_replace(Some(value));
                        drop(departure);
                    });
                    landing
                }
            }
        };
        landing
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|value| value.clone())
    }
}

/// Takes the flight off the board, also when it crashes.
struct Departure<K: Eq + Hash, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Departure<K, V> {
    fn drop(&mut self) {
        self.flights
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_hundred_callers_share_one_run_and_a_leaver_stops_nothing() {
        let flights = Flights::<&str, usize>::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(tokio::sync::Notify::new());
        let start = || {
            let (runs, gate) = (runs.clone(), gate.clone());
            async move {
                gate.notified().await;
                runs.fetch_add(1, Ordering::SeqCst) + 1
            }
        };
        let leaver =
            tokio::time::timeout(std::time::Duration::ZERO, flights.join("key", start)).await;
        assert!(leaver.is_err());
        let callers: Vec<_> = (0..100)
            .map(|_| {
                let (flights, work) = (flights.clone(), start());
                tokio::spawn(async move { flights.join("key", move || work).await })
            })
            .collect();
        tokio::task::yield_now().await;
        gate.notify_one();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Some(1));
        }
        assert!(flights.running.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_crash_is_told_and_forgotten() {
        let flights = Flights::<&str, usize>::new();
        assert_eq!(
            flights.join("key", || async { panic!("on purpose") }).await,
            None
        );
        assert_eq!(flights.join("key", || async { 7 }).await, Some(7));
    }
}

//! Clients that ask for one refused name after another: somebody, or some program, tries what there is.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::{Client, Event};
use crate::oci::{Reference, Repository};
use crate::policy::{EventKind, Level};
use crate::telemetry;

use super::admit::Admission;

/// So many different refused names make a guesser: whoever mistypes gets it right at the third try.
const MANY: usize = 10;
/// Within so long; and so long one message is enough.
const WITHIN: Duration = Duration::from_secs(600);
/// Most clients that are watched; the ones that began longest ago are forgotten.
const MAX_CLIENTS: usize = 10_000;

/// Names that a client was refused lately.
struct Tries {
    since: Instant,
    names: Vec<Repository>,
    told: bool,
}

/// Who tries names.
#[derive(Default)]
pub(super) struct Guessing(Mutex<HashMap<String, Tries>>);

impl Guessing {
    /// Notes a refused name; the names of a client that is to be told of now.
    fn refused(&self, client: &str, name: &Repository) -> Option<Vec<Repository>> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(client) {
            clients.retain(|_, tries| now.duration_since(tries.since) < WITHIN);
            if clients.len() >= MAX_CLIENTS {
                let oldest = clients.iter().min_by_key(|(_, tries)| tries.since);
                let oldest = oldest.map(|(client, _)| client.clone());
                oldest
                    .into_iter()
                    .for_each(|client| drop(clients.remove(&client)));
            }
        }
        let fresh = || Tries {
            since: now,
            names: Vec::new(),
            told: false,
        };
        let tries = clients.entry(client.to_owned()).or_insert_with(fresh);
        if now.duration_since(tries.since) >= WITHIN {
            *tries = fresh();
        }
        if tries.told || tries.names.contains(name) {
            return None;
        }
        tries.names.push(name.clone());
        if tries.names.len() < MANY {
            return None;
        }
        tries.told = true;
        Some(std::mem::take(&mut tries.names))
    }
}

impl Admission {
    /// A name was refused: tells of a client that is refused one after another.
    pub(super) async fn refused_name(&self, reference: &Reference, client: &Client) {
        if self.policy.load().anomaly().guessing == Level::Note || client.listener == "cli" {
            return;
        }
        let known = client.identity.as_ref().map(ToString::to_string);
        let key = known.unwrap_or_else(|| client.address.to_string());
        let Some(names) = self.guessing.refused(&key, reference.repository()) else {
            return;
        };
        let names: Vec<String> = names.iter().map(Repository::to_string).collect();
        tracing::warn!(
            client = client.who(),
            "a client asks for one refused name after another"
        );
        let event = Event {
            address: Some(client.address),
            identity: client.identity.clone(),
            detail: format!(
                "{} refused names within {} minutes: {}",
                names.len(),
                WITHIN.as_secs() / 60,
                names.join(", ")
            ),
            ..Event::new(EventKind::Guessing, reference.to_string(), telemetry::now())
        };
        if let Err(error) = self.ledger.outbox().note(event).await {
            tracing::error!(%error, "nobody is told of a client that guesses names");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(at: usize) -> Repository {
        Repository::new("docker.io", &format!("acme/n{at}")).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn ten_names_in_ten_minutes_are_told_once() {
        let guessing = Guessing::default();
        for at in 0..MANY - 1 {
            assert_eq!(guessing.refused("a", &name(at)), None);
            assert_eq!(guessing.refused("a", &name(at)), None, "the same again");
        }
        assert_eq!(guessing.refused("b", &name(9)), None, "somebody else");
        let told = guessing.refused("a", &name(9)).unwrap();
        assert_eq!((told.len(), &told[0]), (MANY, &name(0)));
        for at in 10..40 {
            assert_eq!(guessing.refused("a", &name(at)), None, "told already");
        }
        tokio::time::advance(WITHIN).await;
        for at in 0..MANY - 1 {
            assert_eq!(guessing.refused("a", &name(at)), None);
        }
        assert!(guessing.refused("a", &name(9)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_is_not_told_of() {
        let guessing = Guessing::default();
        for at in 0..100 {
            assert_eq!(guessing.refused("a", &name(at)), None);
            tokio::time::advance(WITHIN / 8).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_takes_no_more_than_its_room() {
        let guessing = Guessing::default();
        for at in 0..MANY - 1 {
            guessing.refused("first", &name(at));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        for client in 0..MAX_CLIENTS + 5 {
            guessing.refused(&client.to_string(), &name(0));
        }
        assert_eq!(guessing.0.lock().unwrap().len(), MAX_CLIENTS);
        assert_eq!(
            guessing.refused("first", &name(9)),
            None,
            "it was forgotten"
        );
    }
}

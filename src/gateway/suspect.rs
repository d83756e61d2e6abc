//! Who seems to get images past the gate: seen on the path of pulls, told in log, metrics and the outbox.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::ledger::{Event, Ledger};
use crate::oci::{Digest, Repository, media_type};
use crate::policy::EventKind;
use crate::telemetry;

use super::bypass::{Step, Suspicion, Watch};
use super::pull::{Gateway, Side};
use super::refuse::Shape;
use super::request::Ask;

/// Between two looks at who is overdue.
const LOOKS: Duration = Duration::from_secs(30);
/// How the programs that pull images are called; others read indexes and leave it at that.
const PULL: [&str; 7] = [
    "docker",
    "containerd",
    "buildkit",
    "containers",
    "cri-o",
    "nerdctl",
    "Buildah",
];

/// The memory of what clients did, shared by all listeners.
#[derive(Default)]
pub(super) struct Suspects(Mutex<Watch>);

impl Suspects {
    fn watch<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a manifest that was served is to the watch.
pub(super) fn took(ask: &Ask, media_type: &str) -> Step {
    let index = [media_type::OCI_INDEX, media_type::DOCKER_LIST].contains(&media_type);
    let program = ask.client.user_agent.split(['/', ' ']).next();
    let pulls = program.is_some_and(|program| PULL.contains(&program));
    match index && pulls && !ask.head {
        true => Step::TookIndex,
        false => Step::Took,
    }
}

/// What content is to the watch that is not open; `known`: it belongs to an image that is refused by now. The empty
/// object is what tombstones name as their configuration: who asks for that has it from here.
pub(super) fn unopened(digest: &Digest, known: bool) -> Step {
    match *digest == Digest::of(b"{}") {
        true => Step::Took,
        false => Step::Unopened { known },
    }
}

/// What a refusal is to the watch: some programs ask once more, by `GET`, to read it.
pub(super) fn denied(side: Side, ask: &Ask, by: Option<crate::ledger::DecisionId>) -> Step {
    let shape = Shape::choose(side, &ask.client.user_agent);
    let again = ask.head && matches!(shape, Shape::BareHead | Shape::QuietTombstone);
    Step::Denied { again, by }
}

impl Gateway {
    /// Notes what a client did.
    pub(super) async fn saw(&self, ask: &Ask, repository: &Repository, step: Step) {
        let now = Instant::now();
        let suspicion = self
            .suspects
            .watch(|watch| watch.see(now, &ask.client, repository, step));
        if let Some(suspicion) = suspicion {
            self.tell(&suspicion).await;
        }
    }

    /// Looks for clients whose next step is overdue, until it is time to stop.
    pub async fn watch_for_bypass(&self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOKS) => {}
            }
            let overdue = self.suspects.watch(|watch| watch.overdue(Instant::now()));
            for suspicion in overdue {
                self.tell(&suspicion).await;
            }
        }
    }

    async fn tell(&self, suspicion: &Suspicion) {
        let Suspicion {
            client,
            repository,
            sign,
            decision,
            times,
        } = suspicion;
        telemetry::metrics().suspected(sign.as_str());
        tracing::warn!(
            client = client.who(), listener = client.listener, user_agent = %client.user_agent, %repository, sign = sign.as_str(), times,
            "a client {}", sign.sentence()
        );
        let now = Instant::now();
        if !self.suspects.watch(|watch| watch.tells(now, suspicion)) {
            return;
        }
        let event = Event {
            decision: *decision,
            address: Some(client.address),
            identity: client.identity.clone(),
            detail: format!("{} {}", client.who(), sign.sentence()),
            ..Event::new(
                EventKind::SuspectedBypass,
                repository.to_string(),
                telemetry::now(),
            )
        };
        let ledger: &dyn Ledger = self.admission.ledger().as_ref();
        if let Err(error) = ledger.outbox().note(event).await {
            tracing::error!(%error, "nobody is told of a suspected bypass");
        }
    }
}

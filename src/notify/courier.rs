//! From the outbox to a target, until it has heard.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::digest::{digest, may_fold};
use super::message::{Around, Message};
use super::pace::Pace;
use super::{Desk, Target, send};
use crate::ledger::{Event, LedgerError, Owed, Taken};
use crate::oci::Reference;
use crate::policy::EventKind;
use crate::telemetry;

/// Between two looks into the outbox.
const LOOK: Duration = Duration::from_millis(500);
/// Events that are looked at in one step.
const PAGE: u32 = 500;
/// Most events that become one: what is more becomes another.
const MAX_FOLD: u32 = 20_000;
/// How long the second try waits; each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Most tries: a day and a half with these pauses.
const MAX_TRIES: u32 = 48;
/// Why an event waits for the end of quiet hours.
const QUIET: &str = "quiet hours";
/// Decisions in which an image is looked for that was admitted.
const LOOKED_THROUGH: u32 = 50;

/// What is told past the ledger, as it is the ledger that is in trouble.
pub type Alarm = watch::Receiver<Option<Event>>;

/// Who tells one target.
pub struct Courier<D: Desk + ?Sized> {
    target: Target,
    desk: Arc<D>,
    pace: Pace,
    alarm: Option<Alarm>,
    alarmed: Option<Event>,
}

/// Tells a target what it is owed, for as long as the server runs.
pub async fn deliver<D: Desk + ?Sized>(target: Target, desk: Arc<D>) {
    Courier::new(target, desk).run().await;
}

impl<D: Desk + ?Sized> Courier<D> {
    /// One for a target.
    pub fn new(target: Target, desk: Arc<D>) -> Courier<D> {
        Courier {
            pace: Pace::new(target.most_per_minute),
            target,
            desk,
            alarm: None,
            alarmed: None,
        }
    }

    /// The same, who heeds an alarm too.
    pub fn heeding(mut self, alarm: Alarm) -> Courier<D> {
        self.alarm = Some(alarm);
        self
    }

    /// Tells what is owed, for ever.
    pub async fn run(mut self) {
        let begun = self.desk.outbox().begin(self.name()).await;
        let mut failed = begun.is_err();
        loop {
            tokio::time::sleep(LOOK).await;
            self.heed().await;
            match self.round().await {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    tracing::error!(%error, target = self.target.name, "nobody is told");
                    failed = true;
                }
                Err(_) => {}
            }
        }
    }

    fn name(&self) -> String {
        self.target.name.clone()
    }

    /// Looks once, and sends what may be sent now.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn round(&mut self) -> Result<(), LedgerError> {
        let now = telemetry::now();
        self.take(now).await?;
        let room = self.pace.room(Instant::now());
        if room == 0 {
            return Ok(());
        }
        // What is told one by one needs not be read all at once.
        let most = match self.target.most_per_minute {
            Some(_) => MAX_FOLD,
            None => PAGE,
        };
        let due = self.desk.outbox().due(self.name(), now, most).await?;
        let mut due = self.folded(due, now).await?;
        due.sort_by_key(|owed| Reverse(owed.event.kind.urgency(&owed.event.codes)));
        self.pace.hold(due.len() > room);
        for owed in due.into_iter().take(room) {
            if !self.told(owed).await {
                // It is down: what else it is owed is not tried in a row.
                break;
            }
        }
        Ok(())
    }

    /// Looks at what is new: what is wanted is owed from then on, at once or after quiet hours.
    async fn take(&self, now: Timestamp) -> Result<(), LedgerError> {
        let outbox = self.desk.outbox();
        loop {
            let news = outbox.news(self.name(), PAGE).await?;
            let Some(last) = news.last().map(|owed| owed.sequence) else {
                return Ok(());
            };
            let page = news.len();
            let wanted = news.iter().filter(|owed| self.target.wants(&owed.event));
            let wanted = wanted.map(|owed| self.taken(owed, now)).collect();
            outbox.take(self.name(), wanted, last).await?;
            if page < PAGE as usize {
                return Ok(());
            }
        }
    }

    fn taken(&self, owed: &Owed, now: Timestamp) -> Taken {
        let urgency = owed.event.kind.urgency(&owed.event.codes);
        let quiet = self.target.quiet.as_ref();
        let until = quiet.and_then(|quiet| quiet.until(now, urgency));
        Taken {
            sequence: owed.sequence,
            next: until.unwrap_or(now),
            why: until.map(|_| QUIET.to_owned()).unwrap_or_default(),
        }
    }

    /// What is left when that became one which came in quiet hours or is more than a target reads. What has been tried keeps
    /// its id, for it may have arrived.
    async fn folded(&self, due: Vec<Owed>, now: Timestamp) -> Result<Vec<Owed>, LedgerError> {
        if self.target.most_per_minute.is_none() {
            return Ok(due);
        }
        let apart = |owed: &Owed| owed.tries == 0 && may_fold(owed.event.kind);
        let all = due.iter().filter(|owed| apart(owed)).count();
        let flood = self.pace.folds(all);
        let folds = |owed: &Owed| apart(owed) && (flood || owed.why == QUIET);
        let (folded, left): (Vec<Owed>, Vec<Owed>) = due.into_iter().partition(folds);
        if folded.len() < 2 {
            return Ok(left.into_iter().chain(folded).collect());
        }
        let sequences = folded.iter().map(|owed| owed.sequence).collect();
        let into = digest(&folded, now);
        let outbox = self.desk.outbox();
        outbox.fold(self.name(), sequences, into, now).await?;
        let due = outbox.due(self.name(), now, MAX_FOLD).await?;
        Ok(due)
    }

    /// Whether the target was reached.
    async fn told(&mut self, owed: Owed) -> bool {
        let (sequence, tries) = (owed.sequence, owed.tries);
        let message = self.message(owed.event).await;
        let sent = send(&self.target, &message).await;
        self.note(&sent);
        let outbox = self.desk.outbox();
        let kept = match &sent {
            Ok(()) => outbox.heard(self.name(), sequence).await,
            Err(why) => {
                let next = (tries + 1 < MAX_TRIES).then(|| telemetry::now() + pause(tries));
                tracing::warn!(
                    target = self.target.name,
                    why,
                    given_up = next.is_none(),
                    "not told"
                );
                outbox
                    .missed(self.name(), sequence, next, why.clone())
                    .await
            }
        };
        if let Err(error) = kept {
            tracing::error!(%error, target = self.target.name, "whether it was told is not recorded: it may be told twice");
        }
        sent.is_ok()
    }

    fn note(&mut self, sent: &Result<(), String>) {
        match sent {
            Ok(()) => self.pace.reached(Instant::now()),
            Err(_) => self.pace.failed(Instant::now()),
        }
        telemetry::metrics().told(sent.is_ok());
    }

    /// The event with what the ledger knows of it.
    async fn message(&self, event: Event) -> Message {
        let decision = match event.decision {
            Some(id) => self.desk.decision(id).await.ok().flatten(),
            None => None,
        };
        let instead = self.instead(&event).await;
        let (title, text) = &self.target.words;
        let around = Around {
            decision: decision.as_ref(),
            instead: instead.as_ref(),
            source: &self.target.source,
            teams: &self.target.teams,
            words: (title.as_ref(), text.as_ref()),
            now: telemetry::now(),
        };
        Message::new(event, &around)
    }

    /// An image with another tag of the same repository that was admitted last, for who was blocked by the content.
    async fn instead(&self, event: &Event) -> Option<(Reference, Timestamp)> {
        let blocked = matches!(event.kind, EventKind::Blocked | EventKind::VerdictChanged);
        let digest = event.digest.filter(|_| blocked)?;
        let asked: Reference = event.reference.parse().ok()?;
        let repository = asked.repository().clone();
        let decisions = self.desk.decisions(repository, LOOKED_THROUGH).await.ok()?;
        let other = decisions.into_iter().find(|decision| {
            let tagged = decision.reference.digest().is_none();
            tagged && decision.verdict.allows() && decision.digest.is_some_and(|one| one != digest)
        })?;
        (other.reference != asked).then_some((other.reference, other.at))
    }

    /// Tells of a trouble with the ledger itself, once.
    pub async fn heed(&mut self) {
        let changed = self
            .alarm
            .as_mut()
            .filter(|alarm| alarm.has_changed().unwrap_or(false))
            .map(|alarm| alarm.borrow_and_update().clone());
        if let Some(event) = changed {
            self.alarmed = event.filter(|event| self.target.wants(event));
        }
        if self.alarmed.is_none() || self.pace.room(Instant::now()) == 0 {
            return;
        }
        if let Some(event) = self.alarmed.clone() {
            let message = self.message(event).await;
            let sent = send(&self.target, &message).await;
            self.note(&sent);
            match sent {
                Ok(()) => self.alarmed = None,
                Err(why) => {
                    tracing::warn!(target = self.target.name, why, "not told of the ledger")
                }
            }
        }
    }
}

fn pause(tries: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries));
    doubled.min(LONGEST_PAUSE)
}

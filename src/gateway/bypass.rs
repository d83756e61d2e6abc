//! What clients leave behind that get images past the gate. Pure: a bounded memory of who is owed which next step.
//!
//! A client that goes round a refusal is not seen doing so, but a pull has a known order: whoever was refused stops, whoever
//! was sent round comes back, whoever took an index takes one of its images. Somebody who does not, or who asks for layers
//! that no manifest of ours names, has got the manifest elsewhere.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::ledger::{Client, DecisionId};
use crate::oci::Repository;

/// Most clients that are remembered; whoever was silent longest is forgotten first.
const MAX_CLIENTS: usize = 4_096;
/// Most steps that are remembered of one client; the oldest is forgotten first. A node that starts pulls some dozen
/// images at once.
const MAX_STEPS: usize = 64;
/// Within so long a client takes the next step: it has nothing to wait for.
const FOLLOWS: Duration = Duration::from_secs(120);
/// Within so long a client that has an index asks for an image in it, though it may have to make room first.
const CHILDREN: Duration = Duration::from_secs(600);
/// So long a refusal is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// So many indexes of which nothing was taken are suspicious within [`TOGETHER`]; of one or two the client had the image.
const MANY_INDEXES: usize = 3;
const TOGETHER: Duration = Duration::from_secs(3_600);
/// After so long a client is told of again for the same repository.
const QUIET: Duration = Duration::from_secs(3_600);
/// Most that people are told of within [`TOGETHER`], whoever it is about: somebody who makes names and addresses up must
/// not bury the rest. All are counted and logged.
const MOST_TOLD: u32 = 100;

/// Why a client is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    /// It was refused an image, and asks for content of that repository.
    ContentAfterDenial,
    /// It asks for content that nothing here has named.
    UnknownContent,
    /// It was refused in a way that makes its program ask again, and it did not.
    NoFollowUp,
    /// It was sent round to wait for a verdict, and did not come back.
    LeftWaiting,
    /// It takes indexes, and none of the images in them.
    IndexOnly,
}

impl Sign {
    /// For metrics and logs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Sign::ContentAfterDenial => "content-after-denial",
            Sign::UnknownContent => "unknown-content",
            Sign::NoFollowUp => "no-follow-up",
            Sign::LeftWaiting => "left-waiting",
            Sign::IndexOnly => "index-only",
        }
    }

    /// Whether there is no innocent way to leave it. Who gives up waiting leaves the others too.
    pub(super) fn is_sure(self) -> bool {
        matches!(self, Sign::ContentAfterDenial | Sign::UnknownContent)
    }

    /// A sentence behind who it is.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Sign::ContentAfterDenial => {
                "was refused this image, and then asked for its content: it has the manifest from elsewhere"
            }
            Sign::UnknownContent => {
                "asked for content that no manifest served here names: it has the manifest from elsewhere"
            }
            Sign::NoFollowUp => {
                "was refused this image and did not ask again, as its program does: it may have gone elsewhere"
            }
            Sign::LeftWaiting => {
                "was sent round to wait for the verdict and did not come back: it may have gone elsewhere"
            }
            Sign::IndexOnly => {
                "takes indexes and none of the images in them: they may come from elsewhere"
            }
        }
    }
}

/// What a client did, as the gate saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A manifest was refused. `again`: its program asks once more, by `GET`.
    Denied { again: bool, by: Option<DecisionId> },
    /// It was sent round.
    SentRound,
    /// It was given an index, by `GET`.
    TookIndex,
    /// It was given anything else of the repository.
    Took,
    /// It asked for content that is not open to it. `known`: that of an image which is refused by now.
    Unopened { known: bool },
}

/// Somebody is suspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suspicion {
    pub(super) client: Client,
    pub(super) repository: Repository,
    pub(super) sign: Sign,
    /// The decision that was gone round, where there is one.
    pub(super) decision: Option<DecisionId>,
    /// How often this client has been suspected, this time included.
    pub(super) times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Refused; `again`: and owes a `GET`.
    Denied {
        again: bool,
    },
    Waits,
    Index,
    /// Told of.
    Told(Sign),
    /// An index of which nothing was taken in its time.
    Untouched,
}

#[derive(Debug)]
struct Trace {
    repository: Repository,
    mark: Mark,
    decision: Option<DecisionId>,
    at: Instant,
}

#[derive(Debug)]
struct Trail {
    client: Client,
    traces: VecDeque<Trace>,
    times: u64,
    seen: Instant,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Watch {
    trails: HashMap<Client, Trail>,
    /// How many were told since when.
    told: Option<(Instant, u32)>,
}

impl Watch {
    /// Notes a step; who is suspected by it is told at once.
    pub(super) fn see(
        &mut self,
        now: Instant,
        client: &Client,
        repository: &Repository,
        step: Step,
    ) -> Option<Suspicion> {
        let known = self.trails.contains_key(client);
        if !known && matches!(step, Step::Took) {
            return None;
        }
        if !known && self.trails.len() >= MAX_CLIENTS {
            self.forget_one();
        }
        let trail = self.trails.entry(client.clone()).or_insert_with(|| Trail {
            client: client.clone(),
            traces: VecDeque::new(),
            times: 0,
            seen: now,
        });
        trail.seen = now;
        trail.take(repository, step);
        match step {
            Step::Took => None,
            Step::Denied { again, by } => {
                trail.leave(now, repository, Mark::Denied { again }, by);
                None
            }
            Step::SentRound => {
                trail.leave(now, repository, Mark::Waits, None);
                None
            }
            Step::TookIndex => {
                trail.leave(now, repository, Mark::Index, None);
                None
            }
            Step::Unopened { known } => {
                let denied = trail.denied(now, repository);
                let sign = match denied {
                    Some(_) => Sign::ContentAfterDenial,
                    // It was admitted when the pull began.
                    None if known => return None,
                    None => Sign::UnknownContent,
                };
                trail.suspect(now, repository, sign, denied.flatten())
            }
        }
    }

    /// Whose next step is overdue. Forgets what is of no use any more.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Suspicion> {
        let mut found = Vec::new();
        for trail in self.trails.values_mut() {
            trail.overdue(now, &mut found);
        }
        self.trails
            .retain(|_, trail| !trail.traces.is_empty() || now - trail.seen < QUIET);
        found
    }

    /// Whether people are told of a suspicion: of sure ones, of others from a client's second on, and of so many only.
    pub(super) fn tells(&mut self, now: Instant, suspicion: &Suspicion) -> bool {
        if !suspicion.sign.is_sure() && suspicion.times < 2 {
            return false;
        }
        let (since, count) = self.told.unwrap_or((now, 0));
        let (since, count) = match now - since < TOGETHER {
            true => (since, count),
            false => (now, 0),
        };
        self.told = Some((since, count.saturating_add(1)));
        count < MOST_TOLD
    }

    fn forget_one(&mut self) {
        let longest = self.trails.values().min_by_key(|trail| trail.seen);
        if let Some(client) = longest.map(|trail| trail.client.clone()) {
            self.trails.remove(&client);
        }
    }
}

impl Trail {
    /// What the step settles: whoever comes again for the repository has followed.
    fn take(&mut self, repository: &Repository, step: Step) {
        for trace in &mut self.traces {
            if trace.repository != *repository {
                continue;
            }
            if let Mark::Denied { again } = &mut trace.mark {
                // The refusal itself is remembered on: what follows it may be worse.
                *again = false;
            }
        }
        self.traces.retain(|trace| {
            let settled = match trace.mark {
                Mark::Waits => true,
                Mark::Index => step != Step::TookIndex,
                _ => false,
            };
            trace.repository != *repository || !settled
        });
    }

    fn leave(
        &mut self,
        now: Instant,
        repository: &Repository,
        mark: Mark,
        decision: Option<DecisionId>,
    ) {
        let same = |trace: &Trace| {
            trace.repository == *repository
                && std::mem::discriminant(&trace.mark) == std::mem::discriminant(&mark)
        };
        self.traces.retain(|trace| !same(trace));
        if self.traces.len() >= MAX_STEPS {
            self.traces.pop_front();
        }
        self.traces.push_back(Trace {
            repository: repository.clone(),
            mark,
            decision,
            at: now,
        });
    }

    /// Whether it was lately refused something of the repository, and by which decision.
    fn denied(&self, now: Instant, repository: &Repository) -> Option<Option<DecisionId>> {
        let mut traces = self.traces.iter();
        let denied = traces.find(|trace| {
            trace.repository == *repository
                && matches!(trace.mark, Mark::Denied { .. })
                && now - trace.at < REMEMBERED
        })?;
        Some(denied.decision)
    }

    /// Tells, unless that was told lately: a pull asks for many layers.
    fn suspect(
        &mut self,
        now: Instant,
        repository: &Repository,
        sign: Sign,
        decision: Option<DecisionId>,
    ) -> Option<Suspicion> {
        let told = self.traces.iter().any(|trace| {
            trace.repository == *repository
                && trace.mark == Mark::Told(sign)
                && now - trace.at < QUIET
        });
        if told {
            return None;
        }
        self.leave(now, repository, Mark::Told(sign), decision);
        self.times += 1;
        Some(Suspicion {
            client: self.client.clone(),
            repository: repository.clone(),
            sign,
            decision,
            times: self.times,
        })
    }

    fn overdue(&mut self, now: Instant, found: &mut Vec<Suspicion>) {
        let mut late = Vec::new();
        for trace in &mut self.traces {
            let age = now - trace.at;
            let sign = match trace.mark {
                Mark::Denied { again: true } if age >= FOLLOWS => Sign::NoFollowUp,
                Mark::Waits if age >= FOLLOWS => Sign::LeftWaiting,
                Mark::Index if age >= CHILDREN => {
                    trace.mark = Mark::Untouched;
                    continue;
                }
                _ => continue,
            };
            late.push((trace.repository.clone(), sign, trace.decision));
        }
        for (repository, _, _) in &late {
            self.take(repository, Step::Took);
        }
        let indexes: Vec<_> = self
            .traces
            .iter()
            .filter(|trace| trace.mark == Mark::Untouched && now - trace.at < TOGETHER)
            .map(|trace| trace.repository.clone())
            .collect();
        if let Some(last) = indexes.last().filter(|_| indexes.len() >= MANY_INDEXES) {
            late.push((last.clone(), Sign::IndexOnly, None));
            self.traces.retain(|trace| trace.mark != Mark::Untouched);
        }
        for (repository, sign, decision) in late {
            found.extend(self.suspect(now, &repository, sign, decision));
        }
        self.traces.retain(|trace| {
            let kept = match trace.mark {
                Mark::Denied { .. } => REMEMBERED,
                Mark::Waits => FOLLOWS,
                Mark::Index => CHILDREN,
                Mark::Untouched => TOGETHER,
                Mark::Told(_) => QUIET,
            };
            now - trace.at < kept
        });
    }
}

#[cfg(test)]
#[path = "bypass_tests.rs"]
mod tests;

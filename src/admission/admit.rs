//! The way from a reference to an answer: recall, name, resolve, judge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use crate::evidence::{Content, NameCollector, Reputations, Scanner, Tools};
use crate::ledger::{Client, Ledger};
use crate::oci::{Digest, Reference, Repository, Tag, Target};
use crate::policy::{Permit, Policy};
use crate::telemetry;

use super::approvals::Approvals;
use super::flight::Flights;
use super::guessing::Guessing;
use super::memory::Memory;
use super::revoking::Revoking;
use super::ruling::{AdmissionError, Epoch, Ruling, ServedManifest};
use super::through::Through;

/// What an [`Admission`] is built from.
pub struct Parts {
    /// The policy to begin with.
    pub policy: Arc<Policy>,
    /// The name engine.
    pub names: NameCollector,
    /// Figures about names, where policies may ask for them.
    pub reputations: Option<Arc<Reputations>>,
    /// Store and registries.
    pub content: Arc<Content>,
    /// Looks into layers.
    pub scanner: Arc<Scanner>,
    /// Where decisions are kept.
    pub ledger: Arc<dyn Ledger>,
    /// How long a tag's digest is believed without asking the registry.
    pub tag_freshness: Duration,
}

/// What a flight of judging lands with.
type Judged = Result<Arc<Ruling>, AdmissionError>;

/// The gate's mind: shared by all listeners.
pub struct Admission {
    pub(super) policy: ArcSwap<Policy>,
    pub(super) trust_epoch: AtomicU64,
    pub(super) names: NameCollector,
    pub(super) reputations: Option<Arc<Reputations>>,
    pub(super) tools: Tools,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) memory: Memory,
    pub(super) approvals: Approvals,
    pub(super) revoking: Revoking,
    pub(super) guessing: Guessing,
    pub(super) resolving:
        Arc<Flights<(Repository, Tag), Result<super::tags::Resolution, AdmissionError>>>,
    pub(super) judging: Arc<Flights<(Repository, Digest), Judged>>,
}

/// What to tell a client that asked for a manifest.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Serve it.
    Serve {
        /// That it may be served.
        permit: Permit,
        /// What to serve.
        manifest: Arc<ServedManifest>,
        /// Why.
        ruling: Arc<Ruling>,
        /// Since when the registry cannot be asked what the tag points to, if that is so.
        stale_since: Option<Timestamp>,
    },
    /// Refuse it.
    Refuse(Arc<Ruling>),
}

/// How often a ruling is made anew because policy changed while it was made.
const MAX_REJUDGE: usize = 3;

impl Admission {
    /// Wires the parts.
    pub fn new(parts: Parts) -> Arc<Admission> {
        Arc::new(Admission {
            policy: ArcSwap::new(parts.policy),
            trust_epoch: AtomicU64::new(0),
            names: parts.names,
            reputations: parts.reputations,
            tools: Tools {
                content: parts.content,
                scanner: parts.scanner,
            },
            revoking: Revoking::default(),
            guessing: Guessing::default(),
            approvals: Approvals::new(parts.ledger.clone()),
            ledger: parts.ledger,
            memory: Memory::new(parts.tag_freshness),
            resolving: Flights::new(),
            judging: Flights::new(),
        })
    }

    /// Looks into layers.
    pub fn scanner(&self) -> &Arc<Scanner> {
        &self.tools.scanner
    }

    /// Whose advisories are here, and when they were fetched.
    pub fn advisories(&self) -> Vec<(String, Timestamp)> {
        let current = self.tools.scanner.advisories().current();
        let fetched = current.fetched.iter();
        fetched.map(|(name, at)| (name.clone(), *at)).collect()
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// Puts another policy in force; every ruling made under the old one is made anew when next asked for.
    pub fn replace_policy(&self, policy: Arc<Policy>) {
        self.policy.store(policy);
    }

    /// Store and registries.
    pub fn content(&self) -> &Arc<Content> {
        &self.tools.content
    }

    /// The ledger.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    pub(super) fn epoch(&self, policy: &Policy) -> Epoch {
        Epoch {
            policy: policy.epoch(),
            trust: self.trust_epoch.load(Ordering::Acquire),
            advisories: self.tools.scanner.advisories().epoch(),
            revocations: self.revoking.epoch(),
        }
    }

    /// Answers a client that asks for a manifest. Leaving the future stops no work.
    ///
    /// # Errors
    /// [`AdmissionError`]: there is neither content nor a ruling; it blocks as well.
    pub async fn admit(
        self: &Arc<Self>,
        reference: &Reference,
        client: &Client,
    ) -> Result<Answer, AdmissionError> {
        if let Some(answer) = self.recall(reference) {
            return Ok(answer);
        }
        if let Some(ruling) = self.refuse_by_name(reference, client).await? {
            self.refused_name(reference, client).await;
            return Ok(Answer::Refuse(ruling));
        }
        let repository = reference.repository();
        let (digest, stale_since) = match reference.target() {
            Target::Digest(digest) => (digest, None),
            Target::Tag(tag) => match self.resolve(reference, &tag, client).await? {
                super::tags::Resolution::At {
                    digest,
                    stale_since,
                } => (digest, stale_since),
                super::tags::Resolution::Unjudged(ruling) => return Ok(Answer::Refuse(ruling)),
            },
        };
        let indexes = match self.through_root(repository, &digest, client).await? {
            Through::Served(answer) => return Ok(answer),
            Through::Within(indexes) => indexes,
        };
        let ruling = self.rule(reference, digest, &indexes, client).await?;
        let answer = self.answer(ruling, repository, digest).await?;
        Ok(match answer {
            Answer::Serve {
                permit,
                manifest,
                ruling,
                ..
            } => Answer::Serve {
                permit,
                manifest,
                ruling,
                stale_since,
            },
            Answer::Refuse(ruling) if ruling.verdict.revoked() => Answer::Refuse(ruling),
            Answer::Refuse(ruling) => self
                .attachment(reference, digest, client)
                .await?
                .unwrap_or(Answer::Refuse(ruling)),
        })
    }

    /// The hot path: a tag learnt lately or a digest, with a live ruling and the manifest in memory.
    fn recall(&self, reference: &Reference) -> Option<Answer> {
        let repository = reference.repository();
        let digest = match reference.target() {
            Target::Digest(digest) => digest,
            Target::Tag(tag) => self.memory.fresh_tag(repository, &tag)?,
        };
        let epoch = self.epoch(&self.policy.load());
        let ruling = self
            .memory
            .ruling(repository, &digest, epoch, telemetry::now())?;
        // What leans on an index is looked at together with that.
        let permit = *ruling
            .permit()
            .filter(|_| ruling.within.is_empty() && ruling.is_for(reference))?;
        let manifest = self.memory.manifest(&digest)?;
        Some(Answer::Serve {
            permit,
            manifest,
            ruling,
            stale_since: None,
        })
    }

    /// The live ruling on a digest, made now if there is none. `indexes`: the permitted ones that list it and whose
    /// ruling leaves it to be judged for itself.
    pub(super) async fn rule(
        self: &Arc<Self>,
        reference: &Reference,
        digest: Digest,
        indexes: &[Digest],
        client: &Client,
    ) -> Result<Arc<Ruling>, AdmissionError> {
        let repository = reference.repository();
        for _ in 0..MAX_REJUDGE {
            let epoch = self.epoch(&self.policy.load());
            if let Some(ruling) = self
                .memory
                .ruling(repository, &digest, epoch, telemetry::now())
                .filter(|ruling| ruling.fits(indexes) && ruling.is_for(reference))
            {
                return Ok(ruling);
            }
            let (this, name, client) = (self.clone(), reference.clone(), client.clone());
            let within: Arc<[Digest]> = indexes.into();
            let key = (repository.clone(), digest);
            let run = self.judging.join(key, move || async move {
                this.judge(name, digest, &within, &client).await
            });
            let ruling = run.await.unwrap_or(Err(AdmissionError::Crashed))?;
            let epoch = self.epoch(&self.policy.load());
            let live = ruling.is_live(epoch, telemetry::now());
            if live && ruling.fits(indexes) && ruling.is_for(reference) {
                return Ok(ruling);
            }
        }
        Err(AdmissionError::Crashed)
    }

    pub(super) async fn answer(
        &self,
        ruling: Arc<Ruling>,
        repository: &Repository,
        digest: Digest,
    ) -> Result<Answer, AdmissionError> {
        let Some(permit) = ruling.permit().copied() else {
            return Ok(Answer::Refuse(ruling));
        };
        let manifest = self.manifest(&permit, repository, digest).await?;
        Ok(Answer::Serve {
            permit,
            manifest,
            ruling,
            stale_since: None,
        })
    }

    /// A manifest's bytes for a client; the permit is the proof that they may be seen.
    async fn manifest(
        &self,
        _permit: &Permit,
        repository: &Repository,
        digest: Digest,
    ) -> Result<Arc<ServedManifest>, AdmissionError> {
        if let Some(manifest) = self.memory.manifest(&digest) {
            return Ok(manifest);
        }
        let read = self.content().manifest(repository, &digest).await;
        let (bytes, manifest) =
            read.map_err(|error| AdmissionError::Upstream(error.to_string()))?;
        let served = Arc::new(ServedManifest {
            bytes,
            media_type: manifest.media_type(),
            digest,
        });
        self.memory.keep_manifest(&served);
        Ok(served)
    }
}

//! Judging one digest and settling the verdict: recorded first, answered after.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::evidence::{ContentError, Opened, Structure, Within, gather};
use crate::ledger::{Approval, Client, Decision, DecisionId, Holdings};
use crate::oci::{Digest, Manifest, Reference, Repository};
use crate::policy::{Evidence, Gathered, Level, NameEvidence, Policy, Standing, Subject, Verdict};
use crate::telemetry;
use crate::upstream::Kind;

use super::admit::Admission;
use super::holdings;
use super::ruling::{AdmissionError, Epoch, Ruling, ServedManifest};

/// A verdict with all that its record says of it.
struct Settling<'a> {
    reference: &'a Reference,
    digest: Option<Digest>,
    verdict: Verdict,
    policy: Arc<Policy>,
    epoch: Epoch,
    judged: bool,
    indexes: &'a [Digest],
    client: &'a Client,
    started: Instant,
    /// What was found in the layers.
    holdings: Holdings,
}

/// The verdict, away from the threads that serve: conditions over a large statement take a while.
pub(super) async fn weighed(
    policy: &Arc<Policy>,
    subject: &Arc<Subject>,
    evidence: Evidence,
) -> Result<Verdict, AdmissionError> {
    let (policy, subject) = (policy.clone(), subject.clone());
    let judged =
        tokio::task::spawn_blocking(move || policy.judge(&subject, &evidence, telemetry::now()));
    judged.await.map_err(|_| AdmissionError::Crashed)
}

/// What a permit for the subject opens.
fn opened(
    structure: &Structure,
    verdict: &Verdict,
    within: &[Within],
    subject: &Digest,
) -> Vec<Opened> {
    let mut opened = structure.opened.clone();
    if verdict.defers() {
        // The index itself and the knowledge of what it lists; each image opens its own content.
        opened.retain(|opened| matches!(opened, Opened::Manifest(_)));
    }
    // They ride on the image's permit where the index's does not carry them.
    let attestations = within.iter().flat_map(|of| of.attestations_of(subject));
    opened.extend(attestations.map(|entry| Opened::Manifest(entry.digest)));
    opened
}

impl Admission {
    /// Refuses a name before anything is fetched for it, if the policy says so.
    pub(super) async fn refuse_by_name(
        &self,
        reference: &Reference,
        client: &Client,
    ) -> Result<Option<Arc<Ruling>>, AdmissionError> {
        let (policy, started) = (self.policy.load_full(), Instant::now());
        let (epoch, now) = (self.epoch(&policy), telemetry::now());
        if let Some(ruling) = self.memory.refusal(reference, epoch, now) {
            return Ok(ruling.permit().is_none().then_some(ruling));
        }
        let name = self.name(reference, &policy).await?;
        let verdict = policy.judge_name(reference, &name, now);
        if verdict.permit(policy.mode()).is_some() {
            return Ok(None);
        }
        let settling = Settling {
            reference,
            digest: None,
            verdict,
            policy,
            epoch,
            judged: true,
            indexes: &[],
            client,
            started,
            holdings: Holdings::default(),
        };
        self.settle(settling, &[]).await.map(Some)
    }

    /// What is known of a name. The ledger is asked where the policy minds new ones, Docker Hub where the policy
    /// weighs suspicions by its figures and there is one.
    pub(super) async fn name(
        &self,
        reference: &Reference,
        policy: &Policy,
    ) -> Result<Gathered<NameEvidence>, AdmissionError> {
        let mut name = self.name_by_memory(reference, policy).await?;
        if let Gathered::Found(found) = &mut name
            && policy.names().weighs(&found.suspicions)
            && let Some(reputations) = &self.reputations
        {
            found.reputation = reputations.of(reference.repository()).await;
        }
        Ok(name)
    }

    /// The same without asking Docker Hub.
    pub(super) async fn name_by_memory(
        &self,
        reference: &Reference,
        policy: &Policy,
    ) -> Result<Gathered<NameEvidence>, AdmissionError> {
        let (names, repository) = (policy.names(), reference.repository());
        let mut name = self.names.collect(reference, names);
        let Gathered::Found(found) = &mut name else {
            return Ok(name);
        };
        found.revoked = self.revoked_names(repository);
        let minds = names.first_seen != Level::Note || policy.anomaly().minds_names();
        if minds && found.standing == Standing::New {
            self.whether_met(found, repository, policy).await?;
        }
        Ok(name)
    }

    /// One judgement of one digest: fetch, gather, evaluate, settle.
    pub(super) async fn judge(
        &self,
        reference: Reference,
        digest: Digest,
        indexes: &[Digest],
        client: &Client,
    ) -> Result<Arc<Ruling>, AdmissionError> {
        let (policy, started) = (self.policy.load_full(), Instant::now());
        let epoch = self.epoch(&policy);
        let content = self.content();
        let (bytes, manifest) = match content.manifest(reference.repository(), &digest).await {
            Ok(read) => read,
            Err(ContentError::Upstream(error)) if error.kind() == Kind::NotFound => {
                return Err(AdmissionError::NotFound(reference.to_string()));
            }
            Err(error) => {
                return self
                    .unjudged(&reference, Some(digest), error.to_string(), client)
                    .await;
            }
        };
        let media_type = manifest.media_type();
        let subject = Arc::new(Subject {
            reference: reference.clone(),
            digest,
            manifest,
        });
        let within: Arc<[Within]> = self
            .within(reference.repository(), &subject, bytes.len(), indexes)
            .await
            .into();
        let structure = match Structure::read(content, &subject, policy.platforms()).await {
            Ok(structure) => Arc::new(structure),
            Err(error) => {
                return self
                    .unjudged(&reference, Some(digest), error.to_string(), client)
                    .await;
            }
        };
        let name = self.name(&reference, &policy).await?;
        let mut evidence = gather(&self.tools, &subject, &structure, &policy, name, &within).await;
        self.revoke(&policy, &subject, &structure, &mut evidence);
        self.recollect(&policy, &subject, &mut evidence).await?;
        evidence.newest_signed = self.newest_signed(&policy, &subject).await?;
        evidence.predecessor = self.predecessor(&policy, &subject, &structure).await?;
        let holdings = holdings::of_scan(&evidence.scan);
        let verdict = weighed(&policy, &subject, evidence).await?;
        self.memory.keep_manifest(&Arc::new(ServedManifest {
            bytes,
            media_type,
            digest,
        }));
        let settling = Settling {
            reference: &reference,
            digest: Some(digest),
            verdict,
            policy,
            epoch,
            judged: true,
            indexes,
            client,
            started,
            holdings,
        };
        let opened = opened(&structure, &settling.verdict, &within, &digest);
        self.settle(settling, &opened).await
    }

    /// Adds what is remembered of the subject itself, whatever its tag leads to.
    pub(super) async fn recollect(
        &self,
        policy: &Policy,
        subject: &Subject,
        evidence: &mut Evidence,
    ) -> Result<(), AdmissionError> {
        evidence.admitted = self.admitted(policy, subject).await?;
        Ok(())
    }

    /// The indexes in full, those that do list the image.
    async fn within(
        &self,
        repository: &Repository,
        subject: &Subject,
        size: usize,
        indexes: &[Digest],
    ) -> Vec<Within> {
        let mut within = Vec::new();
        for digest in indexes {
            let Ok((bytes, Manifest::Index(index))) =
                self.content().manifest(repository, digest).await
            else {
                continue;
            };
            let lists = index.manifests.iter().any(|entry| {
                entry.digest == subject.digest
                    && entry.size == size as u64
                    && entry.media_type == subject.manifest.media_type()
                    && !entry.is_attestation()
            });
            if lists {
                within.push(Within {
                    digest: *digest,
                    bytes,
                    index,
                });
            }
        }
        within
    }

    /// The ruling for what nobody can judge: it denies in every mode, for there is nothing to serve.
    pub(super) async fn unjudged(
        &self,
        reference: &Reference,
        digest: Option<Digest>,
        why: String,
        client: &Client,
    ) -> Result<Arc<Ruling>, AdmissionError> {
        let policy = self.policy.load_full();
        let epoch = self.epoch(&policy);
        if let Some(ruling) = self.memory.refusal(reference, epoch, telemetry::now()) {
            return Ok(ruling);
        }
        let verdict = policy.unjudged(reference, why);
        let settling = Settling {
            reference,
            digest,
            verdict,
            policy,
            epoch,
            judged: false,
            indexes: &[],
            client,
            started: Instant::now(),
            holdings: Holdings::default(),
        };
        self.settle(settling, &[]).await
    }

    /// Remembers what an image holds, before it is served, for those who ask later who has it.
    async fn index(
        &self,
        image: Option<Digest>,
        holdings: Holdings,
        verdict: &Verdict,
        opened: &[Opened],
    ) -> Result<(), AdmissionError> {
        let Some(image) = image else {
            return Ok(());
        };
        let held = holdings::with(holdings, verdict, &image, opened);
        Ok(self.ledger.hold(image, held).await?)
    }

    /// Opens what an admitted image consists of, and remembers what its tag leads to and who signed it.
    async fn open(
        &self,
        ruling: &Ruling,
        digest: Digest,
        at: Timestamp,
        opened: &[Opened],
    ) -> Result<(), AdmissionError> {
        let repository = ruling.reference.repository();
        let approval = Approval {
            repository: repository.clone(),
            digest,
            decision: ruling.decision,
            at,
        };
        self.approvals.open(approval, opened).await?;
        self.keep_signed(ruling, digest).await?;
        self.keep_led(ruling, digest, at).await?;
        self.keep_failing(&ruling.policy, repository, digest, &ruling.verdict)
            .await
    }

    /// Makes a verdict a ruling: durable in the ledger before anybody hears of it.
    async fn settle(
        &self,
        settling: Settling<'_>,
        opened: &[Opened],
    ) -> Result<Arc<Ruling>, AdmissionError> {
        let Settling {
            reference,
            digest,
            verdict,
            policy,
            epoch,
            judged,
            indexes,
            client,
            started,
            holdings,
        } = settling;
        let (at, decision) = (telemetry::now(), DecisionId::new(telemetry::now()));
        let ruling = Ruling::new(
            reference.clone(),
            digest,
            verdict,
            decision,
            policy.clone(),
            epoch,
            judged,
        )
        .within(indexes);
        let record = Decision {
            id: decision,
            at,
            reference: reference.clone(),
            digest,
            client: client.clone(),
            allowed: ruling.permit().is_some(),
            mode: policy.mode(),
            verdict: ruling.verdict.clone(),
            policy_epoch: policy.epoch(),
            policy_file: policy.source().to_owned(),
            gathered_ms: u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX),
        };
        let seen = digest.filter(|_| judged);
        self.index(seen, holdings, &ruling.verdict, opened).await?;
        self.ledger.record_decision(record).await?;
        if let Some(digest) = digest {
            if ruling.permit().is_some() {
                self.open(&ruling, digest, at, opened).await?;
            } else if judged {
                let told = self.ended(&ruling, digest, client).await?;
                let repository = reference.repository().clone();
                self.ledger.withdraw(repository, digest, told).await?;
            }
        }
        telemetry::metrics().verdict(
            &ruling.verdict,
            ruling.permit().is_some(),
            started.elapsed(),
        );
        let ruling = Arc::new(ruling);
        self.memory.remember(&ruling);
        Ok(ruling)
    }
}

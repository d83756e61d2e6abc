//! Judging one digest and settling the verdict: recorded first, answered after.

use std::sync::Arc;

use tokio::time::Instant;

use crate::evidence::{ContentError, Opened, Structure, gather};
use crate::ledger::{Approval, Client, Decision, DecisionId};
use crate::oci::{Digest, Reference};
use crate::policy::{Gathered, Level, NameEvidence, Policy, Standing, Subject, Verdict};
use crate::telemetry;
use crate::upstream::Kind;

use super::admit::Admission;
use super::ruling::{AdmissionError, Epoch, Ruling, ServedManifest};

/// A verdict with all that its record says of it.
struct Settling<'a> {
    reference: &'a Reference,
    digest: Option<Digest>,
    verdict: Verdict,
    policy: Arc<Policy>,
    epoch: Epoch,
    judged: bool,
    client: &'a Client,
    started: Instant,
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
            client,
            started,
        };
        self.settle(settling, &[]).await.map(Some)
    }

    /// What is known of a name. The ledger is asked where the policy minds new ones, Docker Hub where the policy
    /// weighs suspicions by its figures and there is one.
    async fn name(
        &self,
        reference: &Reference,
        policy: &Policy,
    ) -> Result<Gathered<NameEvidence>, AdmissionError> {
        let (names, repository) = (policy.names(), reference.repository());
        let mut name = self.names.collect(reference, names);
        let Gathered::Found(found) = &mut name else {
            return Ok(name);
        };
        if names.first_seen != Level::Note && found.standing == Standing::New {
            let known = self.ledger.known_name(repository.clone());
            if known.await?.is_some() {
                found.standing = Standing::Met;
            }
        }
        if names.weighs(&found.suspicions)
            && let Some(reputations) = &self.reputations
        {
            found.reputation = reputations.of(repository).await;
        }
        Ok(name)
    }

    /// One judgement of one digest: fetch, gather, evaluate, settle.
    pub(super) async fn judge(
        &self,
        reference: Reference,
        digest: Digest,
        client: &Client,
    ) -> Result<Arc<Ruling>, AdmissionError> {
        let (policy, started) = (self.policy.load_full(), Instant::now());
        let epoch = self.epoch(&policy);
        let (bytes, manifest) = match self.content.manifest(reference.repository(), &digest).await {
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
        let structure = match Structure::read(&self.content, &subject, policy.platforms()).await {
            Ok(structure) => Arc::new(structure),
            Err(error) => {
                return self
                    .unjudged(&reference, Some(digest), error.to_string(), client)
                    .await;
            }
        };
        let name = self.name(&reference, &policy).await?;
        let evidence = gather(&self.content, &subject, &structure, &policy, name).await;
        let verdict = policy.judge(&subject, &evidence, telemetry::now());
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
            client,
            started,
        };
        self.settle(settling, &structure.opened).await
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
            client,
            started: Instant::now(),
        };
        self.settle(settling, &[]).await
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
            client,
            started,
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
        );
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
        self.ledger.record_decision(record).await?;
        let repository = reference.repository();
        if let Some(digest) = digest {
            if ruling.permit().is_some() {
                let approval = Approval {
                    repository: repository.clone(),
                    digest,
                    decision,
                    at,
                };
                self.approvals.open(approval, opened).await?;
            } else if judged {
                self.ledger.withdraw(repository.clone(), digest).await?;
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

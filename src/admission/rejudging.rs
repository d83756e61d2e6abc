//! Admitted images, looked at anew when policy, advisories or revocations change: from what is kept, in the background.
//!
//! No ruling outlives such a change anyway; this is for those who run an image and will not pull it soon.

use std::sync::Arc;
use std::time::Duration;

use crate::evidence::recall;
use crate::ledger::{About, Approval, Client, Event, LedgerError, Who};
use crate::oci::{Digest, MAX_MANIFEST_BYTES, Manifest, Reference};
use crate::policy::{Code, EventKind, Finding, Gathered, Subject, explain_finding};
use crate::telemetry;

use super::admit::{Admission, Answer};
use super::grace::new_findings;
use super::ruling::Ruling;
use super::{holdings, pullers};

/// Between two looks at whether something changed.
const LOOK: Duration = Duration::from_secs(5);
/// Images that are read from the ledger at once.
const PAGE: u32 = 200;
/// Most new findings of an image that a message has, and most of those who pulled it.
const MAX_TOLD: u32 = 10;
/// Who asks, in the ledger.
const LISTENER: &str = "background";

/// What would become of an admitted image.
enum Standing {
    /// It is served.
    Stands,
    /// So it is, and this is new in it.
    New(Vec<Finding>),
    /// It is refused.
    Falls,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejudged {
    /// Admitted images that were looked at.
    pub images: u64,
    /// Those that are not admitted any more.
    pub refused: u64,
    /// Those in which something is new that people are told of, and that are served all the same.
    pub told: u64,
    /// Those of which too little is kept to say: they are judged when somebody pulls them.
    pub unknown: u64,
}

impl Admission {
    /// Looks at all that is admitted whenever something changes, for ever; at the start too.
    pub async fn follow_changes(self: Arc<Self>) {
        let mut judged = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let epoch = self.epoch(&self.policy.load());
            if judged == Some(epoch) {
                continue;
            }
            match self.rejudge().await {
                Ok(Rejudged { images: 0, .. }) => {}
                Ok(done) => tracing::info!(
                    images = done.images,
                    refused = done.refused,
                    told = done.told,
                    unknown = done.unknown,
                    "admitted images judged anew"
                ),
                Err(error) => {
                    tracing::error!(%error, "admitted images are not judged anew");
                    continue;
                }
            }
            judged = Some(epoch);
        }
    }

    /// Looks at all that is admitted, once. What would be refused by what is kept of it is judged in full.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn rejudge(self: &Arc<Self>) -> Result<Rejudged, LedgerError> {
        let mut done = Rejudged::default();
        let mut after = None;
        loop {
            let page = self.ledger.admitted_images(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(done);
            };
            after = Some((last.repository.clone(), last.digest));
            for approval in &page {
                done.images += 1;
                match self.stands(approval).await? {
                    Some(Standing::Stands) => {}
                    Some(Standing::New(found)) => {
                        self.tell(approval, found).await?;
                        done.told += 1;
                    }
                    Some(Standing::Falls) if self.refused(approval).await? => done.refused += 1,
                    Some(Standing::Falls) => {}
                    None => done.unknown += 1,
                }
            }
        }
    }

    /// The name under which an image was admitted, with its digest.
    async fn name_of(&self, approval: &Approval) -> Result<Reference, LedgerError> {
        let decision = self.ledger.decision(approval.decision).await?;
        let asked = decision.map(|decision| decision.reference);
        let tagged = asked.filter(|asked| asked.digest().is_none());
        let pinned = tagged.and_then(|asked| format!("{asked}@{}", approval.digest).parse().ok());
        Ok(pinned.unwrap_or_else(|| approval.repository.at_digest(approval.digest)))
    }

    /// Whether it would still be admitted by what is kept of it; none where too little is.
    async fn stands(
        self: &Arc<Self>,
        approval: &Approval,
    ) -> Result<Option<Standing>, LedgerError> {
        let policy = self.policy.load_full();
        let store = self.content().store();
        let bytes = store.read_small(&approval.digest, MAX_MANIFEST_BYTES).await;
        let Some(manifest) = bytes.and_then(|bytes| Manifest::parse(&bytes, None).ok()) else {
            return Ok(None);
        };
        let subject = Subject {
            reference: self.name_of(approval).await?,
            digest: approval.digest,
            manifest,
        };
        let name = match self.name(&subject.reference, &policy).await {
            Ok(name) => name,
            Err(error) => Gathered::unavailable(error.to_string()),
        };
        let recalled = recall(&self.tools, &subject, &policy, name).await;
        let Some((structure, mut evidence)) = recalled else {
            return Ok(None);
        };
        self.revoke(&policy, &subject, &structure, &mut evidence);
        if let Ok(admitted) = self.admitted(&policy, &subject).await {
            evidence.admitted = admitted;
        }
        let found = holdings::of_scan(&evidence.scan);
        let verdict = policy.judge_kept(&subject, &evidence, telemetry::now());
        // Advisories that came since are found by name too, though nothing is decided anew.
        self.ledger.hold(approval.digest, found).await?;
        if verdict.permit(policy.mode()).is_none() {
            return Ok(Some(Standing::Falls));
        }
        let known = evidence
            .admitted
            .is_none_or(|admitted| admitted.failing_since.is_some());
        let new: Vec<Finding> = new_findings(&verdict).cloned().collect();
        Ok(Some(match known || new.is_empty() {
            true => Standing::Stands,
            false => Standing::New(new),
        }))
    }

    /// Tells of what is new in an image that is served all the same; its time begins now, if it has any. Told first: who is
    /// killed in between tells it once more, and not never.
    async fn tell(&self, approval: &Approval, found: Vec<Finding>) -> Result<(), LedgerError> {
        let now = telemetry::now();
        let (repository, digest) = (approval.repository.clone(), approval.digest);
        let reference = self.name_of(approval).await?;
        let told = found.iter().take(MAX_TOLD as usize);
        let mut lines: Vec<String> = told.map(explain_finding).collect();
        let mut codes: Vec<Code> = found.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        lines.extend(self.had(digest).await);
        let event = Event {
            digest: Some(digest),
            decision: Some(approval.decision),
            detail: lines.join("\n"),
            codes,
            ..Event::new(EventKind::NewFinding, reference.to_string(), now)
        };
        tracing::warn!(
            image = event.reference,
            "something is new in an admitted image"
        );
        self.ledger.outbox().note(event).await?;
        self.ledger
            .keep_failing(repository, digest, Some(now))
            .await
    }

    /// Who has an image, a line each.
    async fn had(&self, digest: Digest) -> Vec<String> {
        let who = Who::of(About::Digest(digest), MAX_TOLD);
        pullers::lines(self.ledger.pullers(who)).await
    }

    /// What people are to hear of a ruling that ends what was admitted, whoever's pull it was that found out; none where
    /// nothing was.
    pub(super) async fn ended(
        &self,
        ruling: &Ruling,
        digest: Digest,
        client: &Client,
    ) -> Result<Option<Event>, LedgerError> {
        let repository = ruling.reference.repository().clone();
        let admitted = self.ledger.admitted(repository, digest).await?;
        if admitted.is_none() || client.listener == "cli" {
            return Ok(None);
        }
        tracing::warn!(image = %ruling.reference, decision = %ruling.decision, "an admitted image is refused from now on");
        Ok(Some(self.changed(ruling, &ruling.reference, digest).await))
    }

    async fn changed(&self, ruling: &Ruling, reference: &Reference, digest: Digest) -> Event {
        let event = Event {
            digest: Some(digest),
            decision: Some(ruling.decision),
            ..Event::new(
                EventKind::VerdictChanged,
                reference.to_string(),
                telemetry::now(),
            )
        };
        let mut event = event.because(&ruling.verdict);
        for line in self.had(digest).await {
            event.detail.push_str(&format!("\n{line}"));
        }
        event
    }

    /// Judges it in full; people hear of it when it is refused.
    async fn refused(self: &Arc<Self>, approval: &Approval) -> Result<bool, LedgerError> {
        let reference = self.name_of(approval).await?;
        let client = Client {
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            user_agent: "lazaret".into(),
            listener: LISTENER,
            identity: None,
        };
        let ruling = match self.admit(&reference, &client).await {
            Ok(Answer::Refuse(ruling)) => ruling,
            Ok(Answer::Serve { .. }) | Err(_) => return Ok(false),
        };
        let (repository, digest) = (approval.repository.clone(), approval.digest);
        // A judgement told of it when it took the approval back. One that is refused by its name alone keeps it, for names are
        // let in again.
        if self.ledger.admitted(repository, digest).await?.is_some() {
            tracing::warn!(image = %reference, decision = %ruling.decision, "an admitted image is refused by its name");
            let event = self.changed(&ruling, &reference, digest).await;
            self.ledger.outbox().note(event).await?;
        }
        Ok(true)
    }
}

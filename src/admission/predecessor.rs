//! What was here before: whether a name was met, what a tag led to and who signed that. What is unusual shows beside it.

use crate::evidence::{Structure, changes};
use crate::ledger::Led;
use crate::oci::{Digest, Repository};
use crate::policy::{Level, NameEvidence, Policy, Predecessor, Standing, Subject};

use super::admit::Admission;
use super::ruling::{AdmissionError, Ruling};

impl Admission {
    /// Looks up a stranger's name: whether it was met here, and where it was not, what the policy minds of it.
    pub(super) async fn whether_met(
        &self,
        found: &mut NameEvidence,
        repository: &Repository,
        policy: &Policy,
    ) -> Result<(), AdmissionError> {
        if self.ledger.known_name(repository.clone()).await?.is_some() {
            found.standing = Standing::Met;
            return Ok(());
        }
        let anomaly = policy.anomaly();
        if anomaly.new_registry != Level::Note {
            found.namesake = self.ledger.namesake(repository.clone()).await?;
        }
        if anomaly.new_publisher != Level::Note {
            let publisher = repository.publisher().to_owned();
            found.new_publisher = !self.ledger.known_publisher(publisher).await?;
        }
        Ok(())
    }

    /// The image that the subject's tag led to, or else the one that was admitted last in its repository; none where the
    /// policy minds neither, no tag was asked for, or it is the same image.
    pub(super) async fn predecessor(
        &self,
        policy: &Policy,
        subject: &Subject,
        structure: &Structure,
    ) -> Result<Option<Predecessor>, AdmissionError> {
        let (repository, anomaly) = (subject.reference.repository(), policy.anomaly());
        let minds_moves = anomaly.tag_moved != Level::Note;
        let minds_signers =
            anomaly.signer_changed != Level::Note && policy.needs(repository).signature;
        // Who names a digest beside the tag gets that image wherever the tag leads.
        let tag = match subject.reference.digest() {
            None => subject.reference.tag(),
            Some(_) => None,
        };
        let Some(tag) = tag.filter(|_| minds_moves || minds_signers) else {
            return Ok(None);
        };
        let led = self.ledger.led(repository.clone(), tag.clone()).await?;
        let Some(led) = led.filter(|led| led.digest != subject.digest) else {
            return Ok(None);
        };
        let same_tag = led.tag == *tag;
        let changes = match same_tag && minds_moves {
            true => changes(&self.tools, subject, structure, policy, led.digest).await,
            false => Vec::new(),
        };
        Ok(Some(Predecessor {
            tag: led.tag.to_string(),
            same_tag,
            digest: led.digest,
            at: led.at,
            signers: led.signers,
            changes,
        }))
    }

    /// Remembers what the tag of an admitted image leads to now. The image that it led to before is judged anew when it
    /// comes again.
    pub(super) async fn keep_led(
        &self,
        ruling: &Ruling,
        digest: Digest,
        at: jiff::Timestamp,
    ) -> Result<(), AdmissionError> {
        let (reference, policy) = (&ruling.reference, &ruling.policy);
        let (None, Some(tag)) = (reference.digest(), reference.tag()) else {
            return Ok(());
        };
        let repository = reference.repository();
        let led = Led {
            tag: tag.clone(),
            digest,
            at,
            signers: ruling.verdict.signers(),
        };
        if policy.tag_matters(repository)
            && let Some(before) = self.ledger.led(repository.clone(), tag.clone()).await?
            && before.tag == *tag
            && before.digest != digest
        {
            self.memory.forget_ruling(repository, &before.digest);
        }
        Ok(self.ledger.keep_led(repository.clone(), led).await?)
    }
}

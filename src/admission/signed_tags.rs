//! The newest signature that each tag has led to: a tag that goes back is told.

use crate::oci::Digest;
use crate::policy::{Level, Policy, SignedTag, Subject};

use super::admit::Admission;
use super::ruling::{AdmissionError, Ruling};

impl Admission {
    /// What is known of the subject's tag, where the rule minds and it is another image.
    pub(super) async fn newest_signed(
        &self,
        policy: &Policy,
        subject: &Subject,
    ) -> Result<Option<SignedTag>, AdmissionError> {
        let repository = subject.reference.repository();
        let minds = policy.rule_for(repository).tag_rollback != Level::Note
            && policy.needs(repository).signature;
        let Some(tag) = subject.reference.tag().filter(|_| minds) else {
            return Ok(None);
        };
        let known = self.ledger.signed_tag(repository.clone(), tag.clone());
        let known = known.await?;
        Ok(known.filter(|known| known.digest != subject.digest))
    }

    /// Remembers what an allowed image's signature says of its tag. The image that the tag led to before is judged anew
    /// when it comes again.
    pub(super) async fn keep_signed(
        &self,
        ruling: &Ruling,
        digest: Digest,
    ) -> Result<(), AdmissionError> {
        let repository = ruling.reference.repository();
        let (Some(tag), Some(at)) = (ruling.reference.tag(), ruling.verdict.signed_at()) else {
            return Ok(());
        };
        let known = self.ledger.signed_tag(repository.clone(), tag.clone());
        if let Some(known) = known.await? {
            if known.at >= at {
                return Ok(());
            }
            if known.digest != digest {
                self.memory.forget_ruling(repository, &known.digest);
            }
        }
        let newest = SignedTag { digest, at };
        let kept = self
            .ledger
            .keep_signed_tag(repository.clone(), tag.clone(), newest);
        Ok(kept.await?)
    }
}

//! An image that was judged before, judged again by what is kept of it: nobody is asked, nothing is recorded.

use crate::evidence::{Lacking, remember};
use crate::oci::{Digest, Reference};
use crate::policy::{Gathered, Verdict};
use crate::telemetry;

use super::admit::Admission;
use super::judge::weighed;
use super::ruling::AdmissionError;

/// What would be said of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// This, whatever was not kept.
    Judged(Verdict),
    /// Nobody can say without asking a registry: what is lacking, a sentence each.
    Lacking(Vec<String>),
}

impl Admission {
    /// Judges by the policy in force and the evidence that is kept. `digest`: what was judged then; none where the name
    /// alone was refused.
    ///
    /// # Errors
    /// The ledger does not answer, or judging crashes.
    pub async fn replay(
        &self,
        reference: &Reference,
        digest: Option<Digest>,
    ) -> Result<Replayed, AdmissionError> {
        let policy = self.policy.load_full();
        let name = self.name_by_memory(reference, &policy).await?;
        let verdict = policy.judge_name(reference, &name, telemetry::now());
        if !verdict.allows() {
            return Ok(Replayed::Judged(verdict));
        }
        if let Gathered::Found(found) = &name
            && policy.names().weighs(&found.suspicions)
        {
            let why = "it depends on figures of Docker Hub, which are not kept";
            return Ok(Replayed::Lacking(vec![why.to_owned()]));
        }
        let Some(digest) = digest else {
            let why = "it was refused by its name, or could not be reached: it was never looked at";
            return Ok(Replayed::Lacking(vec![why.to_owned()]));
        };
        let remembered = remember(&self.tools, reference, digest, &policy, name).await;
        let mut remembered = match remembered {
            Ok(remembered) => remembered,
            Err(why) => return Ok(Replayed::Lacking(vec![why])),
        };
        let (subject, structure) = (&remembered.subject, &remembered.structure);
        self.revoke(&policy, subject, structure, &mut remembered.evidence);
        self.recollect(&policy, subject, &mut remembered.evidence)
            .await?;
        let verdict = weighed(&policy, subject, remembered.evidence).await?;
        if remembered.lacking.is_empty() || denied_anyway(&verdict, &remembered.lacking) {
            return Ok(Replayed::Judged(verdict));
        }
        let why = remembered.lacking.into_iter().map(|lacking| lacking.why);
        Ok(Replayed::Lacking(why.collect()))
    }
}

/// Whether something stops the pull that has nothing to do with what is lacking.
fn denied_anyway(verdict: &Verdict, lacking: &[Lacking]) -> bool {
    verdict.findings.iter().any(|finding| {
        let unknown = |lacking: &Lacking| lacking.codes.contains(&finding.code);
        finding.denies() && !lacking.iter().any(unknown)
    })
}

//! What it means that an image was admitted before: what is new in it warns first, and denies later; in a lockdown nothing
//! else is let in.

use crate::oci::{Digest, Repository};
use crate::policy::{Admitted, Finding, Mode, Policy, RespiteOf, Subject, Verdict};
use crate::telemetry;

use super::admit::Admission;
use super::ruling::AdmissionError;

/// Whether the rule gives admitted images time.
fn gives_time(policy: &Policy, repository: &Repository) -> bool {
    let scan = policy.rule_for(repository).scan.as_ref();
    scan.is_some_and(|profile| profile.admitted_grace.is_some() || profile.only_tell_new)
}

/// What would deny the image if it had not been admitted before.
pub(super) fn new_findings(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    verdict.findings.iter().filter(|finding| {
        let of = finding.respite.map(|respite| respite.of);
        matches!(of, Some(RespiteOf::Admitted | RespiteOf::Told))
    })
}

impl Admission {
    /// Whether the subject was admitted before, where that gives it time or lets it in.
    pub(super) async fn admitted(
        &self,
        policy: &Policy,
        subject: &Subject,
    ) -> Result<Option<Admitted>, AdmissionError> {
        let repository = subject.reference.repository();
        if !gives_time(policy, repository) && policy.mode() != Mode::Lockdown {
            return Ok(None);
        }
        let known = self.ledger.admitted(repository.clone(), subject.digest);
        Ok(known.await?)
    }

    /// Remembers when its time began, or that it needs none any more.
    pub(super) async fn keep_failing(
        &self,
        policy: &Policy,
        repository: &Repository,
        digest: Digest,
        verdict: &Verdict,
    ) -> Result<(), AdmissionError> {
        if !gives_time(policy, repository) {
            return Ok(());
        }
        let failing = new_findings(verdict).next().is_some();
        let since = failing.then(telemetry::now);
        let kept = self.ledger.keep_failing(repository.clone(), digest, since);
        Ok(kept.await?)
    }
}

//! What was revoked: read from the ledger, minded by every judgement, and by downloads that are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::evidence::Structure;
use crate::ledger::LedgerError;
use crate::oci::{Digest, Repository};
use crate::policy::{Evidence, Gathered, Policy, Revocation, Revocations, Subject};

use super::admit::Admission;
use super::blob::ApprovedBlob;

/// How often the ledger is asked for revocations: another process writes them.
const REREAD: Duration = Duration::from_secs(1);

/// The revocations in force.
#[derive(Default)]
pub(super) struct Revoking {
    current: ArcSwap<Revocations>,
    epoch: AtomicU64,
}

impl Revoking {
    /// Changes with them.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

impl Admission {
    /// Reads the revocations from the ledger; from then on no ruling stands that was made without a new one.
    ///
    /// # Errors
    /// The ledger cannot be read; what was known stands.
    pub async fn reread_revocations(&self) -> Result<(), LedgerError> {
        let read = Revocations::new(self.ledger.revocations().await?);
        if **self.revoking.current.load() != read {
            self.revoking.current.store(Arc::new(read));
            self.revoking.epoch.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Does so for ever.
    pub async fn follow_revocations(self: Arc<Self>) {
        let mut known = true;
        loop {
            tokio::time::sleep(REREAD).await;
            let read = self.reread_revocations().await;
            if let (Err(error), true) = (&read, known) {
                tracing::error!(%error, "revocations are not known anew; those that were stand");
            }
            known = read.is_ok();
        }
    }

    /// Those of a name.
    pub(super) fn revoked_names(&self, repository: &Repository) -> Vec<Revocation> {
        let current = self.revoking.current.load();
        current.of_name(repository).cloned().collect()
    }

    /// Puts into the evidence what was revoked of a subject, and takes out what revoked signers vouched for.
    pub(super) fn revoke(
        &self,
        policy: &Policy,
        subject: &Subject,
        structure: &Structure,
        evidence: &mut Evidence,
    ) {
        let current = self.revoking.current.load();
        let opened = structure.opened.iter().map(|opened| opened.digest());
        let digests = std::iter::once(&subject.digest).chain(opened);
        for revocation in digests.flat_map(|digest| current.of_content(digest)) {
            if !evidence.revoked.contains(revocation) {
                evidence.revoked.push(revocation.clone());
            }
        }
        if let Gathered::Found(found) = &mut evidence.signature {
            current.without_revoked(policy, found);
        }
        if let Gathered::Found(found) = &mut evidence.attestation {
            current.without_revoked_statements(policy, found);
        }
    }

    /// Minds revocations while a blob is sent.
    pub fn mind(self: &Arc<Self>, digest: Digest, approved: ApprovedBlob) -> Minder {
        Minder {
            epoch: self.revoking.epoch(),
            admission: self.clone(),
            digest,
            approved,
        }
    }
}

/// Knows whether what is being sent was revoked since it began.
pub struct Minder {
    admission: Arc<Admission>,
    epoch: u64,
    digest: Digest,
    approved: ApprovedBlob,
}

impl Minder {
    /// Whether it was; costs nothing while nothing is revoked. What a revoked signer vouched for counts, whoever else
    /// did: the next request finds out.
    pub fn revoked(&mut self) -> bool {
        let revoking = &self.admission.revoking;
        let epoch = revoking.epoch();
        if epoch == self.epoch {
            return false;
        }
        self.epoch = epoch;
        let (current, ruling) = (revoking.current.load(), &self.approved.ruling);
        let images = [Some(self.digest), Some(self.approved.image), ruling.digest];
        let content = images
            .iter()
            .flatten()
            .any(|digest| current.of_content(digest).next().is_some());
        let signer = |name: &str| current.of_signer(&ruling.policy, name).is_some();
        let vouched = ruling.verdict.vouched.iter();
        let mut names = current.of_name(&self.approved.repository);
        content || names.next().is_some() || vouched.clone().any(|vouched| signer(&vouched.signer))
    }
}

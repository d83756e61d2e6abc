//! What is known of a manifest through those that opened it: indexes, and images with attachments.
//!
//! An index whose ruling [defers](crate::policy::Verdict::defers) opens nothing but itself: its images are judged each
//! for itself, and what is signed over the index counts for them.

use std::sync::Arc;

use crate::ledger::Client;
use crate::oci::{Digest, Manifest, Reference, Repository};
use crate::policy::Subject;

use super::admit::{Admission, Answer};
use super::approvals::Root;
use super::ruling::{AdmissionError, Ruling};

/// How many indexes one image is looked at as part of; each costs the requests of an image.
const MAX_WITHIN: usize = 3;

/// What is known of a manifest through those that opened it.
pub(super) enum Through {
    /// The answer.
    Served(Answer),
    /// The indexes that list it and leave it to be judged for itself.
    Within(Vec<Digest>),
}

impl Admission {
    /// A child of an index, or any manifest that a live ruling opened, is served under that ruling, unless that says
    /// that its images are judged each for itself.
    pub(super) async fn through_root(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        client: &Client,
    ) -> Result<Through, AdmissionError> {
        let mut indexes = Vec::new();
        for root in self.roots_of(repository, digest).await? {
            let reference = repository.at_digest(root.digest);
            let of_root = self.indexes_of(repository, &root.digest, client).await?;
            let Some(ruling) = self.allowed(&reference, &root, &of_root, client).await? else {
                continue;
            };
            if ruling.verdict.defers() {
                indexes.push(root.digest);
                continue;
            }
            let answer = self.answer(ruling, repository, *digest).await?;
            if !self.is_part(&root, digest, &answer).await {
                continue;
            }
            self.open_further(repository, root.digest, &answer).await?;
            return Ok(Through::Served(answer));
        }
        indexes.truncate(MAX_WITHIN);
        Ok(Through::Within(indexes))
    }

    /// Whether a manifest that a root opened was judged with it: as one of its images, or as a document that nobody can
    /// run. An index's word that an entry is an attestation does not make it one.
    async fn is_part(&self, root: &Root, digest: &Digest, answer: &Answer) -> bool {
        let Answer::Serve {
            manifest, ruling, ..
        } = answer
        else {
            return true;
        };
        if let Ok(Manifest::Image(image)) = Manifest::parse(&manifest.bytes, None)
            && !image.is_container()
        {
            return true;
        }
        let of = self
            .content()
            .manifest(&root.repository, &root.digest)
            .await;
        let Ok((_, of)) = of else {
            return false;
        };
        let of = Subject {
            reference: root.repository.at_digest(root.digest),
            digest: root.digest,
            manifest: of,
        };
        let mut judged = of.judged_children(ruling.policy.platforms());
        judged.any(|image| image.digest == *digest)
    }

    /// The permitted indexes of the repository that list the digest and leave it to be judged for itself.
    pub(super) async fn indexes_of(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        client: &Client,
    ) -> Result<Vec<Digest>, AdmissionError> {
        let mut indexes = Vec::new();
        for root in self.roots_of(repository, digest).await? {
            let reference = repository.at_digest(root.digest);
            let allowed = self.allowed(&reference, &root, &[], client).await?;
            if allowed.is_some_and(|ruling| ruling.verdict.defers()) {
                indexes.push(root.digest);
            }
        }
        indexes.truncate(MAX_WITHIN);
        Ok(indexes)
    }

    /// The live ruling on a root, if it permits; a root that is gone from its registry permits nothing any more.
    async fn allowed(
        self: &Arc<Self>,
        reference: &Reference,
        root: &Root,
        indexes: &[Digest],
        client: &Client,
    ) -> Result<Option<Arc<Ruling>>, AdmissionError> {
        match self.rule(reference, root.digest, indexes, client).await {
            Ok(ruling) => Ok(ruling.permit().is_some().then_some(ruling)),
            Err(AdmissionError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The other images of the repository that opened a manifest.
    async fn roots_of(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Root>, AdmissionError> {
        let mut roots = self.approvals.roots(repository, digest).await?;
        roots.retain(|root| root.digest != *digest && root.repository == *repository);
        Ok(roots)
    }
}

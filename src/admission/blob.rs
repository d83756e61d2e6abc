//! Blobs are served when a live ruling opened them, and only then.

use std::sync::Arc;

use crate::evidence::Opened;
use crate::ledger::{Client, OpenedKind};
use crate::oci::{Descriptor, Digest, Manifest, Reference, Repository};
use crate::policy::Permit;

use super::admit::{Admission, Answer};
use super::ruling::{AdmissionError, Ruling};

/// A blob that may be served.
#[derive(Clone, Debug)]
pub struct ApprovedBlob {
    /// That it may be served.
    pub permit: Permit,
    /// Why.
    pub ruling: Arc<Ruling>,
    /// The repository whose image opened it: where to fetch it.
    pub repository: Repository,
    /// The image that opened it.
    pub image: Digest,
}

impl Admission {
    /// The blob's approval through any image that opened it and whose ruling is live; rulings that are
    /// not are made anew first.
    ///
    /// # Errors
    /// The ruling that refuses the blob's name or its images, or [`AdmissionError`].
    pub async fn admit_blob(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        client: &Client,
    ) -> Result<Result<ApprovedBlob, Arc<Ruling>>, AdmissionError> {
        let mut refused = None;
        for root in self.approvals.roots(repository, digest).await? {
            // Which of its manifests an image's verdict covers is asked where manifests are: some clients try content
            // when they were refused it as a manifest.
            if root.kind == OpenedKind::Manifest {
                continue;
            }
            let reference = root.repository.at_digest(root.digest);
            let indexes = self
                .indexes_of(&root.repository, &root.digest, client)
                .await?;
            let ruling = match self.rule(&reference, root.digest, &indexes, client).await {
                Ok(ruling) => ruling,
                Err(AdmissionError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let Some(permit) = ruling.permit().copied() else {
                refused = Some(ruling);
                continue;
            };
            // Only the image itself, judged for itself, opens its content then.
            if ruling.verdict.defers() && root.kind != OpenedKind::Attachment {
                continue;
            }
            return Ok(Ok(ApprovedBlob {
                permit,
                ruling,
                repository: root.repository,
                image: root.digest,
            }));
        }
        if refused.is_none() {
            refused = self
                .refuse_by_name(&repository.at_digest(*digest), client)
                .await?;
        }
        refused.map(Err).ok_or(AdmissionError::NotApproved(*digest))
    }

    /// Type and exact size of an approved blob, from the manifests of the image that opened it.
    pub async fn describe(&self, approved: &ApprovedBlob, digest: &Digest) -> Option<Descriptor> {
        let (_, manifest) = self
            .content()
            .manifest(&approved.repository, &approved.image)
            .await
            .ok()?;
        let children = match manifest {
            Manifest::Image(_) => return find(&manifest, digest),
            Manifest::Index(index) => index.manifests,
        };
        for child in children {
            // Children that were never judged are not in the store and are not fetched for this.
            if !self.content().store().contains(&child.digest) {
                continue;
            }
            let (_, manifest) = self
                .content()
                .manifest(&approved.repository, &child.digest)
                .await
                .ok()?;
            if let Some(descriptor) = find(&manifest, digest) {
                return Some(descriptor);
            }
        }
        None
    }

    /// What an attestation manifest or an attachment points to is opened when the manifest is served.
    pub(super) async fn open_further(
        &self,
        repository: &Repository,
        root: Digest,
        answer: &Answer,
    ) -> Result<(), AdmissionError> {
        let Answer::Serve {
            manifest, ruling, ..
        } = answer
        else {
            return Ok(());
        };
        let Ok(Manifest::Image(image)) = Manifest::parse(&manifest.bytes, None) else {
            return Ok(());
        };
        let known = self
            .approvals
            .roots(repository, &image.config.digest)
            .await?;
        let mut known = known.iter();
        if known.any(|known| known.digest == root && known.repository == *repository) {
            return Ok(());
        }
        let opened = |blob: &Descriptor| match image.is_container() {
            true => Opened::Blob(blob.digest),
            false => Opened::Attachment(blob.digest),
        };
        let opened: Vec<_> = std::iter::once(&image.config)
            .chain(&image.layers)
            .map(opened)
            .collect();
        let approval = crate::ledger::Approval {
            repository: repository.clone(),
            digest: root,
            decision: ruling.decision,
            at: crate::telemetry::now(),
        };
        self.approvals.open(approval, &opened).await
    }

    /// Reads a name only: for lists, which carry no image bytes.
    ///
    /// # Errors
    /// The ruling that refuses it, or [`AdmissionError`].
    pub async fn admit_name(
        &self,
        reference: &Reference,
        client: &Client,
    ) -> Result<Result<(), Arc<Ruling>>, AdmissionError> {
        Ok(self
            .refuse_by_name(reference, client)
            .await?
            .map_or(Ok(()), Err))
    }
}

fn find(manifest: &Manifest, digest: &Digest) -> Option<Descriptor> {
    manifest
        .references()
        .find(|descriptor| descriptor.digest == *digest)
        .cloned()
}

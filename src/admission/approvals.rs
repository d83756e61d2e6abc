//! Which digests a permit opened: in memory, and in the ledger behind it.

use std::sync::Arc;

use moka::sync::Cache;

use crate::evidence::Opened;
use crate::ledger::{Approval, Ledger, OpenedKind};
use crate::oci::{Digest, Repository};

use super::ruling::AdmissionError;

/// Most digests whose roots are kept in memory: about 40 per image.
const MAX_DIGESTS: u64 = 200_000;
/// Most roots per digest: a base layer has thousands, and any live one will do.
const MAX_ROOTS: usize = 8;

/// A judged image that opened other digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) repository: Repository,
    pub(super) digest: Digest,
    /// As what it opened it.
    pub(super) kind: OpenedKind,
}

fn kind(opened: &Opened) -> OpenedKind {
    match opened {
        Opened::Manifest(_) => OpenedKind::Manifest,
        Opened::Blob(_) => OpenedKind::Blob,
        Opened::Attachment(_) => OpenedKind::Attachment,
    }
}

pub(super) struct Approvals {
    ledger: Arc<dyn Ledger>,
    roots: Cache<Digest, Arc<[Root]>>,
}

impl Approvals {
    pub(super) fn new(ledger: Arc<dyn Ledger>) -> Approvals {
        Approvals {
            ledger,
            roots: Cache::new(MAX_DIGESTS),
        }
    }

    /// Records, durably, that `approval` opened these digests.
    pub(super) async fn open(
        &self,
        approval: Approval,
        opened: &[Opened],
    ) -> Result<(), AdmissionError> {
        let (repository, image) = (approval.repository.clone(), approval.digest);
        let rows = opened.iter().map(|one| (*one.digest(), kind(one)));
        self.ledger.approve(approval, rows.collect()).await?;
        for content in opened {
            let root = Root {
                repository: repository.clone(),
                digest: image,
                kind: kind(content),
            };
            let others = self
                .roots
                .get(content.digest())
                .unwrap_or_else(|| Arc::new([]));
            let others = others
                .iter()
                .filter(|other| other.digest != image || other.repository != repository)
                .take(MAX_ROOTS - 1)
                .cloned();
            let roots: Arc<[Root]> = std::iter::once(root.clone()).chain(others).collect();
            self.roots.insert(*content.digest(), roots);
        }
        Ok(())
    }

    /// The images that opened `digest`, those of `repository` first.
    pub(super) async fn roots(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Root>, AdmissionError> {
        let known = match self.roots.get(digest) {
            Some(roots) => roots,
            None => {
                let approvals = self.ledger.roots_of(*digest).await?;
                let roots: Arc<[Root]> = approvals
                    .into_iter()
                    .take(MAX_ROOTS)
                    .map(|(approval, kind)| Root {
                        repository: approval.repository,
                        digest: approval.digest,
                        kind,
                    })
                    .collect();
                if !roots.is_empty() {
                    self.roots.insert(*digest, roots.clone());
                }
                roots
            }
        };
        let mut roots = known.to_vec();
        roots.sort_by_key(|root| root.repository != *repository);
        Ok(roots)
    }
}

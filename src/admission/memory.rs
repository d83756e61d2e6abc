//! What the hot path remembers: rulings by digest, refused names, manifests, tags. All bounded.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::oci::{Digest, Reference, Repository, Tag};
use crate::telemetry;

use super::ruling::{Epoch, Ruling, ServedManifest};

/// Most rulings and tags kept in memory; the ledger and the store hold what is forgotten.
const MAX_ENTRIES: u64 = 50_000;
/// Most bytes of manifests kept in memory.
const MAX_MANIFEST_MEMORY: u64 = 32 * 1024 * 1024;

pub(super) struct Memory {
    rulings: Cache<(Repository, Digest), Arc<Ruling>>,
    refusals: Cache<Reference, Arc<Ruling>>,
    manifests: Cache<Digest, Arc<ServedManifest>>,
    tags: Cache<(Repository, Tag), Resolved>,
    tag_freshness: Duration,
}

#[derive(Clone, Copy)]
struct Resolved {
    digest: Digest,
    at: Instant,
}

impl Memory {
    /// `tag_freshness`: how long a tag's digest is believed without asking the registry.
    pub(super) fn new(tag_freshness: Duration) -> Memory {
        Memory {
            rulings: Cache::new(MAX_ENTRIES),
            refusals: Cache::new(MAX_ENTRIES),
            manifests: Cache::builder()
                .max_capacity(MAX_MANIFEST_MEMORY)
                .weigher(|_, manifest: &Arc<ServedManifest>| {
                    u32::try_from(manifest.bytes.len()).unwrap_or(u32::MAX)
                })
                .build(),
            tags: Cache::new(MAX_ENTRIES),
            tag_freshness,
        }
    }

    pub(super) fn ruling(
        &self,
        repository: &Repository,
        digest: &Digest,
        epoch: Epoch,
        now: Timestamp,
    ) -> Option<Arc<Ruling>> {
        self.rulings
            .get(&(repository.clone(), *digest))
            .filter(|ruling| ruling.is_live(epoch, now))
    }

    pub(super) fn refusal(
        &self,
        reference: &Reference,
        epoch: Epoch,
        now: Timestamp,
    ) -> Option<Arc<Ruling>> {
        self.refusals
            .get(reference)
            .filter(|ruling| ruling.is_live(epoch, now))
    }

    /// Remembers a ruling where it will be looked for: by digest, or by name where there is none.
    pub(super) fn remember(&self, ruling: &Arc<Ruling>) {
        match ruling.digest {
            Some(digest) => {
                self.rulings.insert(
                    (ruling.reference.repository().clone(), digest),
                    ruling.clone(),
                );
            }
            None => self
                .refusals
                .insert(ruling.reference.clone(), ruling.clone()),
        }
    }

    pub(super) fn forget_ruling(&self, repository: &Repository, digest: &Digest) {
        self.rulings.invalidate(&(repository.clone(), *digest));
    }

    pub(super) fn manifest(&self, digest: &Digest) -> Option<Arc<ServedManifest>> {
        let kept = self.manifests.get(digest);
        kept.inspect(|_| telemetry::metrics().cache("manifest", true))
    }

    pub(super) fn keep_manifest(&self, manifest: &Arc<ServedManifest>) {
        self.manifests.insert(manifest.digest, manifest.clone());
    }

    /// The tag's digest, if it was learnt lately.
    pub(super) fn fresh_tag(&self, repository: &Repository, tag: &Tag) -> Option<Digest> {
        let resolved = self.tags.get(&(repository.clone(), tag.clone()))?;
        let fresh = resolved.at.elapsed() < self.tag_freshness;
        fresh.then(|| {
            telemetry::metrics().cache("tag", true);
            resolved.digest
        })
    }

    pub(super) fn keep_tag(&self, repository: &Repository, tag: &Tag, digest: Digest) {
        self.tags.insert(
            (repository.clone(), tag.clone()),
            Resolved {
                digest,
                at: Instant::now(),
            },
        );
    }

    pub(super) fn forget_tag(&self, repository: &Repository, tag: &Tag) {
        self.tags.invalidate(&(repository.clone(), tag.clone()));
    }
}

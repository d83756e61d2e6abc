//! From a tag to a digest: bounded staleness, one question per tag at a time, last good when the registry is down.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ledger::Client;
use crate::oci::{Digest, Reference, Tag, Target};
use crate::telemetry;
use crate::upstream::{Kind, UpstreamError};

use super::admit::Admission;
use super::ruling::{AdmissionError, Ruling};

/// What became of a tag.
#[derive(Clone, Debug)]
pub(super) enum Resolution {
    /// It points here.
    At {
        digest: Digest,
        /// When this was learnt, if the registry could not be asked again.
        stale_since: Option<Timestamp>,
    },
    /// Nobody can say where it points.
    Unjudged(Arc<Ruling>),
}

impl Admission {
    pub(super) async fn resolve(
        self: &Arc<Self>,
        reference: &Reference,
        tag: &Tag,
        client: &Client,
    ) -> Result<Resolution, AdmissionError> {
        let repository = reference.repository();
        if let Some(digest) = self.memory.fresh_tag(repository, tag) {
            return Ok(Resolution::At {
                digest,
                stale_since: None,
            });
        }
        let key = (repository.clone(), tag.clone());
        let (this, reference, tag, client) =
            (self.clone(), reference.clone(), tag.clone(), client.clone());
        let run = self.resolving.join(key, move || async move {
            this.ask(&reference, &tag, &client).await
        });
        run.await.unwrap_or(Err(AdmissionError::Crashed))
    }

    async fn ask(
        &self,
        reference: &Reference,
        tag: &Tag,
        client: &Client,
    ) -> Result<Resolution, AdmissionError> {
        telemetry::metrics().cache("tag", false);
        let repository = reference.repository();
        let upstream = match self.content().upstream(repository) {
            Ok(upstream) => upstream,
            Err(error) => {
                return self
                    .unjudged(reference, None, error.to_string(), client)
                    .await
                    .map(Resolution::Unjudged);
            }
        };
        match upstream
            .resolve(repository, &Target::Tag(tag.clone()))
            .await
        {
            Ok(descriptor) => {
                self.memory.keep_tag(repository, tag, descriptor.digest);
                let kept = self.ledger.remember_tag(
                    repository.clone(),
                    tag.clone(),
                    descriptor.digest,
                    telemetry::now(),
                );
                if let Err(error) = kept.await {
                    tracing::warn!(%repository, %tag, %error, "the tag's digest is not kept for when the registry is down");
                }
                Ok(Resolution::At {
                    digest: descriptor.digest,
                    stale_since: None,
                })
            }
            Err(error) if error.kind() == Kind::NotFound => {
                self.memory.forget_tag(repository, tag);
                Err(AdmissionError::NotFound(reference.to_string()))
            }
            Err(error) => self.last_good(reference, tag, error, client).await,
        }
    }

    /// The registry fails: what it last said still stands, and the client is warned.
    async fn last_good(
        &self,
        reference: &Reference,
        tag: &Tag,
        error: UpstreamError,
        client: &Client,
    ) -> Result<Resolution, AdmissionError> {
        if error.temporary()
            && let Ok(Some((digest, at))) = self
                .ledger
                .last_tag(reference.repository().clone(), tag.clone())
                .await
        {
            tracing::warn!(%reference, %digest, %error, "the registry cannot be asked; its last answer is used");
            return Ok(Resolution::At {
                digest,
                stale_since: Some(at),
            });
        }
        self.unjudged(reference, None, error.to_string(), client)
            .await
            .map(Resolution::Unjudged)
    }
}

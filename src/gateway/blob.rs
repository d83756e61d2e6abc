//! Serving an approved blob: from disk, or joining the one download that fills the disk.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;

use crate::admission::ApprovedBlob;
use crate::oci::{Digest, ErrorCode, Repository};
use crate::store::{BoxChunks, Chunks, Coming, Length, Source, SourceError};
use crate::telemetry;
use crate::upstream::{BlobBody as UpstreamBody, Upstream, UpstreamError};

use super::body::{Account, BlobBody, Body};
use super::part::Part;
use super::pull::Gateway;
use super::request::Ask;
use super::respond;

/// Largest blob of an attachment: above the largest SBOMs, which reach some ten MiB.
const MAX_ATTACHMENT_BYTES: u64 = 256 * 1024 * 1024;

impl Gateway {
    pub(super) async fn serve_blob(
        &self,
        ask: &Ask,
        digest: &Digest,
        approved: ApprovedBlob,
    ) -> Response<Body> {
        let content = self.admission.content();
        let kept = content.store().get(digest).await;
        let size = match &kept {
            Some(blob) => Ok(blob.size()),
            None => match self.admission.describe(&approved, digest).await {
                Some(descriptor) => Ok(descriptor.size),
                None => self.measure(&approved.repository, digest).await,
            },
        };
        let size = match size {
            Ok(size) => size,
            Err(why) => return respond::error(ErrorCode::Unavailable, &why, ask.head),
        };
        let part = match Part::of(ask.range.as_deref(), size) {
            Ok(part) => part,
            Err(unsatisfiable) => return respond::unsatisfiable(unsatisfiable),
        };
        if ask.head {
            return respond::blob(digest, part, Body::Empty);
        }
        let cached = kept.is_some();
        telemetry::metrics().cache("blob", cached);
        let (reading, skip) = match kept {
            Some(blob) => (blob.read(part.start..part.end), 0),
            None => match self.source(&approved.repository, digest) {
                Ok(source) => (
                    content.store().fill(digest, Length::Exactly(size), source),
                    part.start,
                ),
                Err(why) => return respond::error(ErrorCode::Unavailable, &why, ask.head),
            },
        };
        let account = Account {
            ledger: self.admission.ledger().clone(),
            decision: approved.ruling.decision,
            digest: *digest,
            client: ask.client.clone(),
            cached,
        };
        let body = BlobBody::new(
            &approved.permit,
            reading,
            skip,
            part.end - part.start,
            account,
        );
        respond::blob(digest, part, Body::Blob(Box::new(body)))
    }

    /// The size of an attachment's blob, which the image's own manifests do not describe: all of it is fetched.
    async fn measure(&self, repository: &Repository, digest: &Digest) -> Result<u64, String> {
        let source = self.source(repository, digest)?;
        let store = self.admission.content().store();
        let mut reading = store.fill(digest, Length::AtMost(MAX_ATTACHMENT_BYTES), source);
        let mut size = 0;
        while let Some(chunk) = reading.chunk().await {
            size += chunk.map_err(|error| error.to_string())?.len() as u64;
        }
        Ok(size)
    }

    fn source(&self, repository: &Repository, digest: &Digest) -> Result<RegistrySource, String> {
        let upstream = self.admission.content().upstream(repository);
        Ok(RegistrySource {
            upstream: upstream.map_err(|error| error.to_string())?.clone(),
            repository: repository.clone(),
            digest: *digest,
        })
    }
}

/// A registry's blob as the store wants it: from any offset, again if the connection breaks.
struct RegistrySource {
    upstream: Arc<Upstream>,
    repository: Repository,
    digest: Digest,
}

impl Source for RegistrySource {
    fn open(&mut self, from: u64) -> Coming<'_, Result<BoxChunks, SourceError>> {
        Box::pin(async move {
            let body = self
                .upstream
                .blob(&self.repository, &self.digest, from)
                .await
                .map_err(failed)?;
            // A registry that does not know ranges begins at the beginning: what is here already is skipped.
            let skip = from.saturating_sub(body.offset);
            Ok(Box::new(RegistryChunks { body, skip }) as BoxChunks)
        })
    }
}

struct RegistryChunks {
    body: UpstreamBody,
    skip: u64,
}

impl Chunks for RegistryChunks {
    fn next(&mut self) -> Coming<'_, Option<Result<Bytes, SourceError>>> {
        Box::pin(async {
            let mut piece = self.body.chunk().await?.map_err(failed);
            if let Ok(bytes) = &mut piece {
                let skipped = usize::try_from(self.skip)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                *bytes = bytes.split_off(skipped);
                self.skip -= skipped as u64;
            }
            Some(piece)
        })
    }
}

fn failed(error: UpstreamError) -> SourceError {
    SourceError {
        why: error.to_string(),
        temporary: error.temporary(),
    }
}

//! Blobs of registries, for the store: from any offset, again if the connection breaks.

use std::sync::Arc;

use bytes::Bytes;

use crate::oci::{Descriptor, Digest, Repository};
use crate::store::{BoxChunks, Chunks, Coming, Length, Reading, Source, SourceError};
use crate::upstream::{BlobBody, Upstream, UpstreamError};

use super::{Content, ContentError};

impl Content {
    /// Where a blob of `repository` comes from, if it is not in the store.
    ///
    /// # Errors
    /// [`ContentError::UnknownRegistry`].
    pub fn source(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<impl Source + use<>, ContentError> {
        Ok(RegistrySource {
            upstream: self.upstream(repository)?.clone(),
            repository: repository.clone(),
            digest: *digest,
        })
    }

    /// A layer's bytes as they arrive, for the judge: from the store, or on their way into it. Their last byte comes
    /// only when all of them are right.
    ///
    /// # Errors
    /// [`ContentError`] says whose side failed.
    pub async fn layer(
        &self,
        repository: &Repository,
        layer: &Descriptor,
    ) -> Result<Reading, ContentError> {
        match self.store().get(&layer.digest).await {
            Some(blob) if blob.size() == layer.size => Ok(blob.read(0..layer.size)),
            Some(_) => Err(ContentError::WrongContent(layer.digest)),
            None => {
                let source = self.source(repository, &layer.digest)?;
                let length = Length::Exactly(layer.size);
                Ok(self.store().fill(&layer.digest, length, source))
            }
        }
    }
}

/// A registry's blob as the store wants it.
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
    body: BlobBody,
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

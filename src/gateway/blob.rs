//! Serving an approved blob: from disk, or joining the one download that fills the disk.

use hyper::Response;

use crate::admission::ApprovedBlob;
use crate::oci::{Digest, ErrorCode, Repository};
use crate::store::Length;
use crate::telemetry;

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
            None => match content.source(&approved.repository, digest) {
                Ok(source) => (
                    content.store().fill(digest, Length::Exactly(size), source),
                    part.start,
                ),
                Err(error) => {
                    return respond::error(ErrorCode::Unavailable, &error.to_string(), ask.head);
                }
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
            self.admission.mind(*digest, approved.clone()),
        );
        respond::blob(digest, part, Body::Blob(Box::new(body)))
    }

    /// The size of an attachment's blob, which the image's own manifests do not describe: all of it is fetched.
    async fn measure(&self, repository: &Repository, digest: &Digest) -> Result<u64, String> {
        let content = self.admission.content();
        let source = content.source(repository, digest);
        let source = source.map_err(|error| error.to_string())?;
        let store = content.store();
        let mut reading = store.fill(digest, Length::AtMost(MAX_ATTACHMENT_BYTES), source);
        let mut size = 0;
        while let Some(chunk) = reading.chunk().await {
            size += chunk.map_err(|error| error.to_string())?.len() as u64;
        }
        Ok(size)
    }
}

//! Blobs, piece by piece (distribution-spec 1.1, "Pulling blobs").

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use hyper::{Method, Response, StatusCode};
use url::Url;

use crate::oci::{Digest, Repository};

use super::client::Ask;
use super::{Kind, Upstream, UpstreamError, body};

/// The bytes of a blob as they come; whoever reads them must check the digest.
pub struct BlobBody {
    /// Size of the whole blob in bytes, where the registry tells it.
    pub total: Option<u64>,
    /// Position in the blob of the first byte that comes: what was asked for, or 0 where the
    /// registry starts anew.
    pub offset: u64,
    upstream: Arc<Upstream>,
    body: Incoming,
    read: u64,
    ended: bool,
}

impl fmt::Debug for BlobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobBody({:?} from {})", self.total, self.offset)
    }
}

impl BlobBody {
    /// The next piece; `None` at the end, which has been checked against `total`.
    /// After an error nothing more comes.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        if self.ended {
            return None;
        }
        let piece = body::next(
            &self.upstream,
            &mut self.body,
            self.upstream.timeouts().read,
        )
        .await;
        let expected = self.total.map(|total| total.saturating_sub(self.offset));
        let checked = match piece {
            Some(Ok(bytes)) => {
                self.read += bytes.len() as u64;
                match expected {
                    Some(expected) if self.read > expected => Some(Err(self
                        .upstream
                        .error(Kind::Malformed, "a blob longer than told"))),
                    _ => Some(Ok(bytes)),
                }
            }
            None if expected.is_some_and(|expected| self.read < expected) => Some(Err(self
                .upstream
                .error(Kind::Unreachable, "a blob shorter than told"))),
            other => other,
        };
        self.ended = !matches!(checked, Some(Ok(_)));
        if let Some(Err(e)) = &checked {
            self.upstream.stats().count_error(e.kind());
        }
        checked
    }
}

impl Upstream {
    /// A blob from byte `from` on.
    ///
    /// # Errors
    /// [`UpstreamError`]; `Malformed` where the registry answers another range.
    pub async fn blob(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        from: u64,
    ) -> Result<BlobBody, UpstreamError> {
        self.persist(|| self.blob_once(repository, digest, from))
            .await
    }

    async fn blob_once(
        self: &Arc<Self>,
        repository: &Repository,
        digest: &Digest,
        from: u64,
    ) -> Result<BlobBody, UpstreamError> {
        let url = self.url(repository, &format!("blobs/{digest}"))?;
        self.bytes(url, from, repository.path()).await
    }

    async fn bytes(
        self: &Arc<Self>,
        url: Url,
        from: u64,
        repository: &str,
    ) -> Result<BlobBody, UpstreamError> {
        let ask = Ask {
            method: Method::GET,
            url,
            accept: None,
            from,
            if_range: None,
            repository,
        };
        let (answer, _) = self.request(&ask).await?;
        self.body(answer, from)
    }

    /// The body of an answer to a request from byte `from` on.
    pub(super) fn body(
        self: &Arc<Self>,
        answer: Response<Incoming>,
        from: u64,
    ) -> Result<BlobBody, UpstreamError> {
        let headers = answer.headers();
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|coding| coding != "identity")
        {
            return Err(self.error(Kind::Malformed, "a blob that is encoded unasked"));
        }
        let (offset, total) = match answer.status() {
            StatusCode::OK => (0, number(headers)),
            StatusCode::PARTIAL_CONTENT if from > 0 => (from, self.ranged(headers, from)?),
            other => {
                return Err(self.error(
                    Kind::Malformed,
                    format!("HTTP {} to a blob", other.as_u16()),
                ));
            }
        };
        Ok(BlobBody {
            total,
            offset,
            upstream: Arc::clone(self),
            body: answer.into_body(),
            read: 0,
            ended: false,
        })
    }

    /// The total of `Content-Range: bytes from-last/total`, which must be our range to its end.
    fn ranged(&self, headers: &HeaderMap, from: u64) -> Result<Option<u64>, UpstreamError> {
        let parse = || {
            let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
            let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
            let end = last.checked_add(1)?;
            let total = if total == "*" {
                None
            } else {
                Some(total.parse::<u64>().ok()?)
            };
            (first == from && total.is_none_or(|total| total == end)).then_some(total)
        };
        parse()
            .ok_or_else(|| self.error(Kind::Malformed, format!("another range than from {from}")))
    }
}

fn number(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

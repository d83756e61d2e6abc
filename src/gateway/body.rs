//! Bodies of answers: nothing, bytes, or a blob that is counted while it flows.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::admission::Minder;
use crate::ledger::{Client, Outcome, Pull, PullKind};
use crate::oci::Digest;
use crate::policy::Permit;
use crate::store::{ReadError, Reading};
use crate::telemetry;

/// The body of any answer.
pub enum Body {
    /// No bytes.
    Empty,
    /// All bytes at once.
    Full(Option<Bytes>),
    /// A blob from disk, or while it is fetched.
    Blob(Box<BlobBody>),
}

impl Body {
    /// All bytes at once.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        Body::Full(Some(bytes.into()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Blob(blob) => Pin::new(blob.as_mut()).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_none(),
            Body::Blob(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Body::Blob(blob) => SizeHint::with_exact(blob.left),
        }
    }
}

/// What is told of a blob once the last byte is gone, or the client.
pub(super) struct Account {
    pub(super) ledger: Arc<dyn crate::ledger::Ledger>,
    pub(super) decision: crate::ledger::DecisionId,
    pub(super) digest: Digest,
    pub(super) client: Client,
    pub(super) cached: bool,
}

/// A part of a blob, first bytes skipped, cut at its length.
pub struct BlobBody {
    reading: Reading,
    skip: u64,
    left: u64,
    sent: u64,
    account: Account,
    minder: Minder,
}

impl BlobBody {
    /// Bytes `skip..skip + length` of `reading`, until they are revoked; the permit is the proof that a client may see
    /// them.
    pub(super) fn new(
        _permit: &Permit,
        reading: Reading,
        skip: u64,
        length: u64,
        account: Account,
        minder: Minder,
    ) -> BlobBody {
        BlobBody {
            reading,
            skip,
            left: length,
            sent: 0,
            account,
            minder,
        }
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        while self.left > 0 {
            let mut bytes = match ready!(Pin::new(&mut self.reading).poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    tracing::warn!(digest = %self.account.digest, %error, "a blob ended before its time");
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            };
            if self.minder.revoked() {
                tracing::warn!(digest = %self.account.digest, "a blob was revoked while it was sent");
                let why = "it was revoked while it was sent";
                return Poll::Ready(Some(Err(ReadError::Stopped(why))));
            }
            let skipped = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            bytes = bytes.split_off(skipped);
            self.skip -= skipped as u64;
            bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            if !bytes.is_empty() {
                self.left -= bytes.len() as u64;
                self.sent += bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }
}

impl Drop for BlobBody {
    fn drop(&mut self) {
        let Account {
            ledger,
            decision,
            digest,
            client,
            cached,
        } = &self.account;
        telemetry::metrics().pull_bytes.add(self.sent);
        tracing::debug!(%digest, decision = %decision, client = %client.address, bytes = self.sent,
            cached, complete = self.left == 0, "blob");
        ledger.record_pull(Pull {
            at: telemetry::now(),
            decision: *decision,
            digest: Some(*digest),
            client: client.clone(),
            kind: PullKind::Blob,
            outcome: Outcome::Served,
            bytes: self.sent,
        });
    }
}

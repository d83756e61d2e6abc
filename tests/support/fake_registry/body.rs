//! A response body that follows a script.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

const CHUNK_BYTES: usize = 16 * 1024;

/// Chunks, then perhaps an error or no end at all.
#[derive(Default)]
pub(crate) struct Scripted {
    chunks: VecDeque<io::Result<Bytes>>,
    endless: bool,
    /// Whether the pause before an error is over, in which what came before it is sent.
    flushed: bool,
    /// Whether the length is told (`Content-Length`) or not (chunked).
    told: bool,
}

impl Scripted {
    pub(super) fn full(mut content: Bytes) -> Scripted {
        let mut chunks = VecDeque::new();
        while !content.is_empty() {
            let next = content.split_to(content.len().min(CHUNK_BYTES));
            chunks.push_back(Ok(next));
        }
        Scripted {
            chunks,
            told: true,
            ..Scripted::default()
        }
    }

    /// Ends in an error after `bytes`; the caller promises the length in a header.
    pub(super) fn cut(content: &Bytes, bytes: usize) -> Scripted {
        let mut body = Scripted::full(content.slice(..bytes.min(content.len())));
        body.chunks.push_back(Err(io::Error::other("cut")));
        body.told = false;
        body
    }

    pub(super) fn with_empty_trailing_chunk(content: Bytes) -> Scripted {
        let mut body = Scripted::full(content);
        body.chunks.push_back(Ok(Bytes::new()));
        body.told = false;
        body
    }

    pub(super) fn endless() -> Scripted {
        Scripted {
            endless: true,
            ..Scripted::default()
        }
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.endless {
            static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))));
        }
        if matches!(self.chunks.front(), Some(Err(_))) && !self.flushed {
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.chunks.pop_front().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.endless
    }

    fn size_hint(&self) -> SizeHint {
        if !self.told {
            return SizeHint::default();
        }
        let bytes = |chunk: &io::Result<Bytes>| chunk.as_ref().map_or(0, |c| c.len() as u64);
        SizeHint::with_exact(self.chunks.iter().map(bytes).sum())
    }
}

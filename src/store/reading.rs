//! Readers of blobs: of complete ones by map, of arriving ones by file, at the pace of whoever is slower.

use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::fill::{Fill, FillError};
use super::mapped::{Mapped, STRETCH};
use super::window::Look;

/// One piece to the socket: large enough to be cheap, small enough that a thousand slow readers are.
const PIECE: u64 = 256 * 1024;
/// What one read of an arriving blob takes at most.
const LIVE_PIECE: u64 = 128 * 1024;

/// Bytes of a blob on their way to one reader.
pub struct Reading(State);

enum State {
    Mapped(Stretch),
    /// Between two pieces.
    Idle(Reader),
    /// On the way to the next piece.
    Busy(Step),
    Over,
}

type Piece = Option<Result<Bytes, ReadError>>;
type Step = Pin<Box<dyn Future<Output = (Reader, Piece)> + Send>>;

/// A part of a complete blob; the pages up to `ready` are in memory.
struct Stretch {
    mapped: Arc<Mapped>,
    at: u64,
    end: u64,
    ready: u64,
    reading: Option<tokio::task::JoinHandle<()>>,
}

/// A reader of an arriving blob.
struct Reader {
    fill: Arc<Fill>,
    id: u64,
    at: u64,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.fill
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .leave(self.id);
        self.fill.moved.notify_waiters();
    }
}

/// Why a reader gets no more bytes.
#[derive(Clone, Debug)]
pub enum ReadError {
    /// The download failed.
    Fill(FillError),
    /// The disk.
    Disk(String),
    /// The disk is full, and this reader fell behind what memory holds; another try may do.
    TooSlow,
    /// Who serves it stopped it, for this reason.
    Stopped(&'static str),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Fill(error) => error.fmt(f),
            ReadError::Stopped(why) => f.write_str(why),
            ReadError::Disk(why) => write!(f, "the cache's disk: {why}"),
            ReadError::TooSlow => {
                f.write_str("the cache's disk is full and the client fell behind; pull again")
            }
        }
    }
}

impl std::error::Error for ReadError {}

impl Reading {
    pub(super) fn mapped(mapped: Arc<Mapped>, range: Range<u64>) -> Reading {
        let Range { start, end } = range;
        Reading(State::Mapped(Stretch {
            mapped,
            at: start,
            end,
            ready: start,
            reading: None,
        }))
    }

    pub(super) fn live(fill: Arc<Fill>) -> Reading {
        let id = fill
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .enter();
        Reading(State::Idle(Reader { fill, id, at: 0 }))
    }

    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, ReadError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        loop {
            match std::mem::replace(&mut self.0, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Mapped(mut stretch) => {
                    let piece = stretch.poll_piece(cx);
                    self.0 = State::Mapped(stretch);
                    return piece.map(|piece| piece.map(Ok));
                }
                State::Idle(reader) => self.0 = State::Busy(Box::pin(reader.step())),
                State::Busy(mut step) => match step.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.0 = State::Busy(step);
                        return Poll::Pending;
                    }
                    Poll::Ready((reader, piece)) => {
                        if matches!(piece, Some(Ok(_))) {
                            self.0 = State::Idle(reader);
                        }
                        return Poll::Ready(piece);
                    }
                },
            }
        }
    }
}

impl Body for Reading {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        self.poll_chunk(cx)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

impl Stretch {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        if self.at >= self.ready {
            if !self.mapped.is_brought(self.at) {
                let (mapped, at) = (self.mapped.clone(), self.at);
                let reading = self
                    .reading
                    .get_or_insert_with(|| tokio::task::spawn_blocking(move || mapped.bring(at)));
                // A panic of the advice leaves the pages to be read when they are touched.
                let _ = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
            }
            self.ready = ((self.at / STRETCH + 1) * STRETCH).min(self.end);
        }
        let upto = (self.at + PIECE).min(self.ready);
        let piece = self.mapped.slice(self.at..upto);
        self.at = upto;
        Poll::Ready(Some(piece))
    }
}

impl Reader {
    /// Waits until there is more than was read, and reads it. The last byte that arrived is held back until the
    /// download has ended well: whatever follows it, a client never has all of a wrong blob.
    async fn step(mut self) -> (Reader, Piece) {
        let mut progress = self.fill.progress.subscribe();
        let seen = progress
            .wait_for(|progress| match &progress.ended {
                Some(_) => true,
                None => progress.arrived.saturating_sub(1) > self.at,
            })
            .await
            .map(|seen| seen.clone());
        let Ok(seen) = seen else {
            return (self, Some(Err(ReadError::Fill(FillError::Crashed))));
        };
        let upto = match seen.ended {
            Some(Err(error)) => return (self, Some(Err(ReadError::Fill(error)))),
            Some(Ok(())) => seen.arrived,
            None => seen.arrived - 1,
        };
        if self.at >= upto {
            return (self, None);
        }
        let piece = if self.at < seen.on_disk {
            self.read_disk(upto.min(seen.on_disk)).await
        } else {
            self.read_window(upto)
        };
        if let Ok(bytes) = &piece {
            self.at += bytes.len() as u64;
            self.fill
                .window
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .stands_at(self.id, self.at);
            self.fill.moved.notify_waiters();
        }
        (self, Some(piece))
    }

    async fn read_disk(&self, upto: u64) -> Result<Bytes, ReadError> {
        let file = self
            .fill
            .file
            .get()
            .cloned()
            .ok_or(ReadError::Fill(FillError::Crashed))?;
        let (at, length) = (self.at, (upto - self.at).min(LIVE_PIECE));
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut buffer, at)?;
            Ok::<_, io::Error>(Bytes::from(buffer))
        });
        read.await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| ReadError::Disk(error.to_string()))
    }

    fn read_window(&self, upto: u64) -> Result<Bytes, ReadError> {
        let window = self
            .fill
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match window.look(self.at) {
            Look::Here(mut bytes) => {
                bytes.truncate(usize::try_from(upto - self.at).unwrap_or(usize::MAX));
                Ok(bytes)
            }
            Look::Gone | Look::NotYet => Err(ReadError::TooSlow),
        }
    }
}

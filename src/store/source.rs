//! Where blobs come from, as the store sees it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// What is known of a blob's length before it is here, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Its descriptor was judged.
    Exactly(u64),
    /// Nobody said; more than this is refused.
    AtMost(u64),
}

/// Something on its way from a source.
pub type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a blob's bytes come from.
pub trait Source: Send + 'static {
    /// Begins to read at byte `from`, exactly.
    fn open(&mut self, from: u64) -> Coming<'_, Result<BoxChunks, SourceError>>;
}

/// The pieces of a blob in their order.
pub trait Chunks: Send {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> Coming<'_, Option<Result<Bytes, SourceError>>>;
}

/// [`Chunks`] of any source.
pub type BoxChunks = Box<dyn Chunks>;

/// Why a source gives no bytes.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// For people.
    pub why: String,
    /// Whether another try may help.
    pub temporary: bool,
}

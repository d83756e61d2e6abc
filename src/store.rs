//! Blobs by digest on local disk: one download with many readers, never a wrong byte, never more than the capacity.
//!
//! ```text
//! <dir>/blobs/sha256/ab/<hex>     complete, verified, never written again: only renamed in and unlinked
//! <dir>/partial/…                 downloads in progress; resumed or thrown away
//! ```
//!
//! The store knows nothing of permits: whoever serves a client from it must hold one. Content of refused images may
//! lie here (it was read to be judged); nothing serves it.

mod disk;
mod evict;
mod fill;
mod index;
mod mapped;
mod reading;
mod source;
mod window;

#[cfg(test)]
mod tests;

pub use disk::{Blob, Store, StoreStats};
pub use fill::{FillError, MAX_BLOB_BYTES};
pub use reading::{ReadError, Reading};
pub use source::{BoxChunks, Chunks, Coming, Length, Source, SourceError};

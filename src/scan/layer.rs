//! One pass over a layer: from its bytes, as they arrive, to the facts that it holds.
//!
//! ```text
//! bytes -> inflate, count, hash -> tar, strictly -> wanted files -> catalogue -> LayerFacts
//! ```
//!
//! Nothing is unpacked to disk, memory does not grow with the layer, and whatever readers of layers could see
//! differently is [`Unscannable`]. Synchronous: it belongs on a thread that may block, fed by a bounded channel.

mod attributes;
mod content;
mod executable;
mod facts;
mod header;
mod inflate;
mod limits;
mod pass;
mod path;
mod shown;
mod tar;
mod toc;
mod unscannable;

pub use facts::{Counts, FACTS_VERSION, Found, Gap, Gaps, LayerFacts};
pub use limits::Limits;
pub use pass::{read_layer, show_layer};
pub use path::{PathKey, Paths};
pub(super) use path::{above, follow};
pub use shown::Onlooker;
pub use toc::Toc;
pub use unscannable::{Bomb, Unscannable};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::{Archive, read, vector};

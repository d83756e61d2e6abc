//! Why a layer cannot be judged by its content. Each is a refusal: what cannot be read is never clean.

use std::fmt;

use crate::scan::catalogue::Malformed;

/// Why there are no facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unscannable {
    /// The media type is none that holds a file system.
    MediaType(String),
    /// Only its owner's key opens the layer.
    Encrypted,
    /// The layer lies elsewhere ("foreign", "nondistributable"): its bytes are not the registry's.
    Foreign,
    /// The bytes are compressed otherwise than the media type says: clients differ in what they then do.
    Mislabelled,
    /// The bytes did not arrive; another try may succeed.
    Interrupted(String),
    /// The bytes end early.
    Truncated,
    /// Bytes follow the end of the archive.
    TrailingData,
    /// The compression is broken.
    Compression(String),
    /// It unpacks to too much, in bytes, entries or against its size.
    Bomb(Bomb),
    /// The archive breaks the rules of tar, or readers of tar differ on it.
    Tar(&'static str),
    /// A header's checksum is wrong.
    Checksum,
    /// A name leads out of the root or through a link.
    Path {
        /// The name.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// One archive holds a package database twice: which one a client keeps is up to the client.
    Duplicate(String),
    /// A package database is larger than the bound.
    DatabaseTooLarge(String),
    /// A package database is there and cannot be read.
    Database {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A write-ahead log holds changes to a database that lies in another layer.
    SplitDatabase(String),
    /// There are more facts than are kept.
    TooManyFacts,
    /// The table of contents of a lazily loaded layer differs from its archive: a runtime may see other files.
    TableOfContents(&'static str),
    /// The unpacked layer is not the one that the image configuration names.
    DiffId,
}

/// Which bound a bomb breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bomb {
    /// Too many bytes.
    Size,
    /// Too many bytes for its compressed size.
    Ratio,
    /// Too many entries.
    Entries,
}

impl Unscannable {
    /// Whether another try may end otherwise: everything else is in the layer's digest for good.
    pub fn temporary(&self) -> bool {
        matches!(self, Unscannable::Interrupted(_))
    }
}

impl fmt::Display for Unscannable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unscannable::MediaType(kind) => write!(f, "unknown layer type {kind:?}"),
            Unscannable::Encrypted => f.write_str("the layer is encrypted"),
            Unscannable::Foreign => f.write_str("the layer is not distributed by the registry"),
            Unscannable::Mislabelled => f.write_str("the layer is not compressed as its type says"),
            Unscannable::Interrupted(why) => write!(f, "the layer could not be read: {why}"),
            Unscannable::Truncated => f.write_str("the layer ends early"),
            Unscannable::TrailingData => f.write_str("data follows the end of the layer's archive"),
            Unscannable::Compression(why) => write!(f, "the layer does not decompress: {why}"),
            Unscannable::Bomb(Bomb::Size) => f.write_str("the layer unpacks to too many bytes"),
            Unscannable::Bomb(Bomb::Ratio) => {
                f.write_str("the layer unpacks to far more than its size")
            }
            Unscannable::Bomb(Bomb::Entries) => f.write_str("the layer has too many entries"),
            Unscannable::Tar(why) => write!(f, "the layer is no sound tar: {why}"),
            Unscannable::Checksum => {
                f.write_str("the layer is no sound tar: a header's checksum is wrong")
            }
            Unscannable::Path { path, why } => write!(f, "the layer's {path:?} {why}"),
            Unscannable::Duplicate(path) => write!(f, "the layer holds {path:?} twice"),
            Unscannable::DatabaseTooLarge(path) => {
                write!(f, "the package database {path:?} is too large")
            }
            Unscannable::Database { path, why } => {
                write!(f, "the package database {path:?} cannot be read: {why}")
            }
            Unscannable::SplitDatabase(path) => {
                write!(f, "{path:?} changes a package database of another layer")
            }
            Unscannable::TooManyFacts => f.write_str("the layer has more packages than are kept"),
            Unscannable::TableOfContents(why) => {
                write!(f, "the layer's table of contents {why}")
            }
            Unscannable::DiffId => {
                f.write_str("the layer is not the one that the image configuration names")
            }
        }
    }
}

impl std::error::Error for Unscannable {}

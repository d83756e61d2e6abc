//! What lies in an image, and what is known to be wrong with it. Pure, but for the file that holds the advisories.
//!
//! ```text
//! packages of an image + index of advisories -> matches
//! ```
//!
//! Facts and judgement stay apart: packages are facts of layers and never change; matches are made anew, in
//! milliseconds, whenever the advisories do. What cannot be compared or is not covered is said to be so, never clean.

mod advisory;
mod ecosystem;
mod package;
mod version;

pub use advisory::{
    Advisories, Affected, Affects, BuildError, Builder, Built, Event, Exploited, ExploitedError,
    Header, Index, IndexError, MAX_EXPORT_BYTES, MAX_RECORD_BYTES, Match, Record, RecordError,
    Report, Severity, SourceError, Uncovered, Versions, build,
};
pub use ecosystem::{Ecosystem, OsRelease};
pub use package::{Package, Place};
pub use version::{Incomparable, MAX_VERSION_BYTES, Rule, compare};

//! What is known to be wrong with packages: OSV records, an index of them on disk, and the packages that they mean.
//!
//! ```text
//! export of OSV -> build (one file an ecosystem) -> Advisories -> findings(packages)
//! ```
//!
//! An index is written once, beside the old one, and then takes its name; it is read through a memory map. A file
//! that is not what was written is an error, and an ecosystem without a file is uncovered: neither is "nothing found".

mod amend;
mod build;
mod codec;
mod exploited;
mod format;
mod index;
mod lookup;
mod matching;
mod range;
mod raw;
mod record;
mod scope;
mod severity;
mod source;
#[cfg(test)]
mod tests;
mod write;

pub use build::{BuildError, Builder, Built, amend, build};
pub use exploited::{Exploited, ExploitedError};
pub use format::Header;
pub use index::{Affected, Index, IndexError};
pub use matching::{Advisories, Match, Report, Uncovered};
pub use range::{Affects, Event, Versions};
pub use record::{MAX_RECORD_BYTES, Record, RecordError};
pub use severity::Severity;
pub use source::{MAX_EXPORT_BYTES, SourceError};

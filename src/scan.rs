//! What lies in an image, and what is known to be wrong with it. Pure, but for the file that holds the advisories.
//!
//! ```text
//! bytes of a layer -> facts; facts of layers + configuration -> inventory
//! packages of an image + index of advisories -> matches
//! ```
//!
//! Facts and judgement stay apart: packages are facts of layers and never change; matches are made anew, in
//! milliseconds, whenever the advisories do. What cannot be compared or is not covered is said to be so, never clean.

mod advisory;
mod catalogue;
mod checks;
mod ecosystem;
mod image;
mod layer;
mod package;
mod version;

pub use advisory::{
    Advisories, Affected, Affects, BuildError, Builder, Built, Event, Exploited, ExploitedError,
    Header, Index, IndexError, MAX_EXPORT_BYTES, MAX_RECORD_BYTES, Match, Record, RecordError,
    Report, Severity, SourceError, Uncovered, Versions, amend, build,
};
pub use catalogue::{Database, Item, Kind, Malformed, System};
pub use checks::{Flaw, Observed, Secret, Setuid, Told, end_of_life};
pub use ecosystem::{Ecosystem, OsRelease};
pub use image::{Answer, Inventory, Source, merge};
pub use layer::{
    Bomb, Counts, FACTS_VERSION, Found, Gap, Gaps, LayerFacts, Limits, Onlooker, PathKey, Paths,
    Toc, Unscannable, read_layer, show_layer,
};
pub use package::{Package, Place};
pub use version::{Incomparable, MAX_VERSION_BYTES, Rule, compare};

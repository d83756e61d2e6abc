//! Collectors: they bring facts from the outside to the judge, one file per kind of evidence.
//!
//! No collector decides, and none fails: what cannot be learnt is `Gathered::Unavailable`.

mod advisories;
mod buildkit;
mod bundle;
mod changes;
mod clamd;
mod config;
mod content;
mod discover;
mod dossier;
mod facts;
mod gather;
mod issuers;
mod kept;
mod local;
mod looked;
mod name;
mod openpgp;
mod readers;
mod remember;
mod reputation;
mod roots;
mod scan;
mod scanners;
mod signature;
mod source;
mod statements;
mod structure;
mod weigh;
#[cfg(feature = "yara")]
mod yara;

pub use advisories::{
    AdvisoryData, AdvisorySource, Current, Exploitation, Fetched, PARTIAL, Progress,
};
pub use buildkit::Within;
pub use bundle::Unpacked;
pub use changes::changes;
pub use clamd::Clamd;
pub use content::{Content, ContentError, MANIFEST_TYPES};
pub use gather::{GATHER_DEADLINE, Tools, gather, recall};
pub use local::{LocalImage, open_local};
pub use name::NameCollector;
pub use readers::{adapter_report_speaks_of, report_speaks_of, statement_speaks_of};
pub use remember::{Lacking, Remembered, remember};
pub use reputation::Reputations;
pub use roots::{Refreshed, fetched as fetched_roots, refresh as refresh_root};
pub use scan::{Helpers, Scanner};
pub use scanners::{
    Adapter, Exhibit, Login, OtherScanner, OtherScanners, Program, ScannerWay, Shown, Webhook,
};
pub use signature::{Found, signatures_of};
pub use structure::{Opened, Structure};
#[cfg(feature = "yara")]
pub use yara::Yara;

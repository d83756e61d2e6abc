//! The judge: subject, evidence and time in, verdict out. Pure: no I/O, no clock, nothing that waits.

mod evidence;
mod finding;
mod subject;
mod verdict;

pub use evidence::{
    AttestationEvidence, ConfigEvidence, Evidence, Gathered, JudgedImage, NameEvidence,
    NameSuspicion, ScanEvidence, SignatureEvidence, SuspicionTier,
};
pub use finding::{Code, Finding, Level, Origin, Waived};
pub use subject::Subject;
pub use verdict::{Mode, Permit, Verdict};

//! The judge: subject, evidence and time in, verdict out. Pure: no I/O, no clock, nothing that waits.

mod anomaly;
mod condition;
mod egress;
mod event;
mod evidence;
mod explain;
mod finding;
mod hygiene;
mod judge;
mod markup;
mod model;
mod moving;
mod opinion;
mod pattern;
mod proposal;
mod revocation;
mod rules;
mod scan;
mod secrets;
mod subject;
mod telling;
mod unknown;
mod verdict;
mod waiver;

pub use anomaly::{AnomalyPolicy, Predecessor};
pub use condition::{Condition, ConditionError};
pub use egress::{AllowedHost, Egress};
pub use event::{EventKind, Urgency};
pub use evidence::{
    AttestationEvidence, ConfigEvidence, Evidence, Gathered, JudgedImage, NameEvidence,
    NameSuspicion, Refused, Reputation, SeenIdentity, SignatureEvidence, SignedTag, Standing,
    SuspicionTier, ValidSignature, ValidStatement,
};
pub use explain::{
    Paint, explain, explain_finding, explain_findings, is_hidden, printable, summary,
};
pub use finding::{Affected, Code, Finding, Level, Origin, Respite, RespiteOf, Waived};
pub use hygiene::{FileScan, Hygiene, HygieneProfile, LeftSecret, RaisingProgram};
pub use markup::Escaped;
pub use model::{
    ConfigProfile, NamePolicy, Needs, Parts, Policy, ReputationPolicy, Rule, SignaturePlace,
    SignedName, Unsigned, WantedAttestation,
};
pub use moving::MovingTags;
pub use opinion::{Exoneration, Opinion, Said};
pub use pattern::Pattern;
pub use proposal::{Excuse, PROPOSED, is_excusable, proposal, proposals};
pub use revocation::{Revocation, Revocations, Revoked};
pub use scan::{
    Admitted, AskedAdvisories, Contents, ScanEvidence, ScanProfile, ScannedImage, Severity,
    Uncovered, Vulnerability,
};
pub use subject::Subject;
pub use telling::{FIELDS, Quiet, Scope, Team, Teams, Template, TemplateError};
pub use unknown::{Unexplained, Unread};
pub use verdict::{Mode, Permit, Verdict, Vouched};
pub use waiver::{Concern, WaivedFinding, Waiver, last_day};

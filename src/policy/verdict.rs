//! Verdicts and the permits that only an allowing one can give.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AskedAdvisories, Code, Finding, Origin};
use crate::trust::Authority;

/// What the policy does with a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Blocks.
    Enforce,
    /// Records the true verdict and lets the pull go on.
    Audit,
    /// Blocks, and lets nothing in that was not admitted before.
    Lockdown,
}

/// The judge's answer. Whether it denies follows from its findings and is never stored beside them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Verdict {
    /// All that was found, worst first; waived ones are marked, not missing.
    pub findings: Vec<Finding>,
    /// The rule that decided.
    pub rule: Origin,
    /// When time alone may change this verdict: an image comes of age, a waiver ends. `None`: never.
    pub valid_until: Option<Timestamp>,
    /// The signatures and attestations that met what the rule asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vouched: Vec<Vouched>,
    /// The advisories that were asked, where a scan was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advisories: Vec<AskedAdvisories>,
}

/// Something signed that counted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vouched {
    /// What it is: `signature`, or the attestation's type as the rule calls it.
    pub what: String,
    /// Name of the policy's signer.
    pub signer: String,
    /// When it was signed, by the word of a log or a timestamp authority.
    pub at: Option<Timestamp>,
    /// Where it was found.
    pub found: String,
    /// On whose word it is believed: trusted root and log.
    #[serde(flatten)]
    pub authority: Authority,
}

/// When the newest signature was made among what is vouched for.
pub(super) fn signed_at(vouched: &[Vouched]) -> Option<Timestamp> {
    let signatures = vouched.iter().filter(|one| one.what == "signature");
    signatures.filter_map(|one| one.at).max()
}

/// Who signed among what is vouched for, sorted.
pub(super) fn signers(vouched: &[Vouched]) -> Vec<&str> {
    let signatures = vouched.iter().filter(|one| one.what == "signature");
    let mut names: Vec<&str> = signatures.map(|one| one.signer.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Verdict {
    /// The policy's signers whose signatures counted, sorted.
    pub fn signers(&self) -> Vec<String> {
        signers(&self.vouched)
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// When the newest signature was made that counted, by the word of a log or a timestamp authority.
    pub fn signed_at(&self) -> Option<Timestamp> {
        signed_at(&self.vouched)
    }

    /// Whether nothing stands against the pull.
    pub fn allows(&self) -> bool {
        !self.findings.iter().any(Finding::denies)
    }

    /// Whether the images of this index must be judged each for itself, as what the rule asks for was not found over the
    /// whole.
    pub fn defers(&self) -> bool {
        let deferred = |finding: &Finding| finding.code == Code::AttestationDeferred;
        self.findings.iter().any(deferred)
    }

    /// Whether it was revoked, which holds in every mode.
    pub fn revoked(&self) -> bool {
        let revoked = |finding: &Finding| finding.code == Code::Revoked;
        self.findings.iter().any(revoked)
    }

    /// The permit to serve what was judged, if the verdict allows it or `mode` blocks nothing.
    pub fn permit(&self, mode: Mode) -> Option<Permit> {
        let passes = self.allows() || (mode == Mode::Audit && !self.revoked());
        passes.then_some(Permit(()))
    }
}

/// Proof that a verdict allowed serving. Every function that yields image bytes to a client asks for one.
#[derive(Clone, Copy, Debug)]
pub struct Permit(());

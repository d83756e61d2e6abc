//! What was found in an image, for people and for other tools: text, JSON, SARIF, and bills of material (SBOM). Pure.

mod care;
mod cyclonedx;
mod json;
mod sarif;
mod spdx;
mod text;

use jiff::Timestamp;

use crate::oci::{Digest, Platform};
use crate::policy::{Contents, Severity, Vulnerability};
use crate::scan::Inventory;

pub use cyclonedx::cyclonedx;
pub use json::json;
pub use sarif::sarif;
pub use spdx::spdx;
pub use text::text;

/// An image that was looked into.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What was asked for: a reference, or where it lies.
    pub target: String,
    /// What it runs on.
    pub platform: Platform,
    /// When it says that it was built.
    pub created: Option<Timestamp>,
    /// Of its manifest, where it has one.
    pub manifest: Option<Digest>,
    /// Of its configuration.
    pub config: Digest,
    /// Of its layers, base first.
    pub layers: Vec<Digest>,
    /// When it was looked into.
    pub at: Timestamp,
    /// What is in it.
    pub inventory: Inventory,
    /// What is known about that.
    pub contents: Contents,
}

/// What this program is called in documents.
const TOOL: &str = "lazaret";
/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Where an advisory can be read.
const ADVISORIES: &str = "https://osv.dev/vulnerability/";

impl Survey {
    /// By what the image is told from others: its manifest, or what comes nearest.
    fn identity(&self) -> Digest {
        self.manifest.unwrap_or_else(|| {
            let mut parts = self.config.to_string();
            self.layers
                .iter()
                .for_each(|layer| parts.push_str(&layer.to_string()));
            Digest::of(parts.as_bytes())
        })
    }

    /// Vulnerabilities at least so bad, exploited and malicious ones among them whatever their severity.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Vulnerability> {
        let found = self.contents.vulnerabilities.iter();
        found.filter(move |one| one.severity >= severity || one.malicious || one.exploited)
    }
}

/// One word for a severity.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "unknown",
        Severity::Negligible => "negligible",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

/// The name that people know: the CVE, if it has one.
fn known_as(one: &Vulnerability) -> &str {
    let cve = one.ids.iter().find(|id| id.starts_with("CVE-"));
    cve.or(one.ids.first()).map_or("", String::as_str)
}

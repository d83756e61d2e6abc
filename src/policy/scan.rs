//! What a scan found, and what it is held to.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::oci::{Digest, Platform};

use super::{Exoneration, Hygiene, HygieneProfile, Level, Opinion, Origin, Unexplained, Unread};

/// How bad a vulnerability is, mildest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody says, which is not the same as harmless.
    #[default]
    Unknown,
    /// The vendor does not count it as a vulnerability.
    Negligible,
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 and more.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Unknown => "of unknown severity",
            Severity::Negligible => "negligible",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// `[scan.NAME]`.
#[derive(Clone, Debug)]
pub struct ScanProfile {
    /// The highest severity that still passes.
    pub max_severity: Severity,
    /// Whether only vulnerabilities with a fix count against `max_severity`.
    pub only_fixable: bool,
    /// The highest probability of exploitation within 30 days (EPSS) that still passes, in ten-thousandths.
    pub max_epss: Option<u16>,
    /// How long a vulnerability is only warned of after its fix was published.
    pub fix_grace: Option<Duration>,
    /// How long one is only warned of that shows in an image that was admitted before.
    pub admitted_grace: Option<Duration>,
    /// Whether one that shows in an image that was admitted before is only told.
    pub only_tell_new: bool,
    /// What a vulnerability meets of which nobody says how bad it is.
    pub unknown_severity: Level,
    /// What the number of those meets that pass.
    pub passing: Level,
    /// What a vulnerability meets that is known to be exploited, whatever its severity.
    pub known_exploited: Level,
    /// What a package meets that was made to do harm.
    pub malware: Level,
    /// What packages meet about which there are no advisories.
    pub unsupported: Level,
    /// What programs meet of which nothing says what they are made of.
    pub unidentified: Level,
    /// What files meet that may name packages and were not understood.
    pub unread: Level,
    /// How old advisory data may be.
    pub max_database_age: Option<Duration>,
    /// Other scanners that must have no more against the image.
    pub scanners: Vec<String>,
    /// Other scanners whose silence only warns.
    pub consulted: Vec<String>,
    /// Names of signers whose signed reports count like those of scanners.
    pub reports_by: Vec<String>,
    /// Names of signers whose word clears vulnerabilities (VEX).
    pub vex_by: Vec<String>,
    /// What the author's care is held to.
    pub hygiene: HygieneProfile,
    /// The table's name.
    pub name: String,
    /// Where the table stands.
    pub origin: Origin,
}

/// What is in the layers of the judged images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanEvidence {
    /// One entry per judged image, in the order of the index.
    pub images: Vec<ScannedImage>,
    /// What somebody whom the policy trusts for that says of vulnerabilities that do no harm.
    pub exonerations: Vec<Exoneration>,
}

/// One image, looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedImage {
    /// For which platform it is.
    pub platform: Platform,
    /// What it holds, or why that cannot be said for good.
    pub contents: Result<Contents, String>,
    /// What others say of it.
    pub opinions: Vec<Opinion>,
}

/// What an image holds and what is known about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many packages.
    pub packages: usize,
    /// Names and versions of the packages, and of their sources where those are called otherwise: no rule reads them, but
    /// people ask who has one.
    pub names: Vec<(String, String)>,
    /// Programs of which nothing says what they are made of.
    pub unexplained: Unexplained,
    /// Files that may name packages, and were not understood.
    pub unread: Vec<Unread>,
    /// What is wrong with its packages, worst first.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Packages about which nothing is known.
    pub uncovered: Vec<Uncovered>,
    /// The advisories that were asked.
    pub asked: Vec<AskedAdvisories>,
    /// Whether probabilities of exploitation are known.
    pub scored: bool,
    /// What it shows of its author's care.
    pub hygiene: Hygiene,
}

/// The advisories of an ecosystem at the moment when they were asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AskedAdvisories {
    /// Whose: `Debian`.
    pub ecosystem: String,
    /// When they were fetched.
    pub fetched: Timestamp,
    /// When the newest of them was changed.
    pub newest: Timestamp,
    /// Of the data: with the same digest the same would have been found.
    pub digest: Digest,
}

/// An image that was admitted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Since when something in it would deny it, if it has been admitted nevertheless.
    pub failing_since: Option<Timestamp>,
}

/// An advisory that means packages of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vulnerability {
    /// The advisory's id first, then its aliases: CVEs and others.
    pub ids: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// The packages: name and version, of one file.
    pub packages: Vec<(String, String)>,
    /// Their package URLs, as far as they are known.
    pub purls: Vec<String>,
    /// The file that names them.
    pub path: String,
    /// The least version that is fixed; none if there is none.
    pub fixed: Option<String>,
    /// One line for a person; may be empty.
    pub summary: String,
    /// A package made to do harm.
    pub malicious: bool,
    /// Known to be exploited.
    pub exploited: bool,
    /// The probability that it is exploited within 30 days, in ten-thousandths.
    pub epss: Option<u16>,
    /// When the advisory was published.
    pub published: Option<Timestamp>,
    /// The version could not be compared, so it is taken to be meant.
    pub unsure: bool,
    /// Other scanners on whose word it is here, or is as bad as it is.
    pub by: Vec<String>,
}

/// Packages about which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// Whose they are: `Debian:12`, or what a distribution calls itself.
    pub ecosystem: String,
    /// How many.
    pub packages: usize,
    /// Why there are no advisories, where that may change.
    pub why: Option<String>,
}

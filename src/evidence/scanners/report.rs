//! A report in our own words: what programs and servers may answer with, and what is kept of every answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::{Said, Severity, Vulnerability};

/// Most vulnerabilities of a report: an image of a year has some thousand.
const MAX_LISTED: usize = 100_000;
/// Longest word of a report in characters that people read.
const MAX_WORD: usize = 300;

/// What a scanner says of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::evidence) struct Report {
    /// Who looked.
    pub(super) scanner: Looker,
    /// Which image it is about.
    pub(super) artifact: Artifact,
    /// `fail` where the scanner is against the image altogether.
    #[serde(default)]
    pub(super) verdict: Word,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What it found.
    pub(super) vulnerabilities: Vec<Listed>,
    /// When it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
}

/// Who looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::evidence) struct Looker {
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    /// Of when its data is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data_from: Option<Timestamp>,
}

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::evidence) struct Artifact {
    /// Of its manifest.
    pub(super) digest: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::evidence) enum Word {
    #[default]
    Pass,
    Fail,
}

/// One vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::evidence) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) package: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) purl: Option<String>,
    #[serde(default)]
    pub(super) fixed_in: Option<String>,
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) exploited: bool,
    #[serde(default)]
    pub(super) published: Option<Timestamp>,
}

impl Report {
    /// What a program says that lists and does not judge.
    pub(super) fn of(scanner: Looker, digest: String, vulnerabilities: Vec<Listed>) -> Report {
        Report {
            scanner,
            artifact: Artifact { digest },
            vulnerabilities,
            ..Report::default()
        }
    }

    /// Whether it can be believed to be about the image: one that is about nothing in particular is no clean one.
    pub(super) fn checked(self, digest: &crate::oci::Digest) -> Result<Report, String> {
        if self.artifact.digest != digest.to_string() {
            return Err("its report is about another image".to_owned());
        }
        if self.scanner.name.is_empty() {
            return Err("its report does not say who looked".to_owned());
        }
        if self.vulnerabilities.len() > MAX_LISTED {
            return Err(format!(
                "its report lists more than {MAX_LISTED} vulnerabilities"
            ));
        }
        Ok(self)
    }

    /// In the words of the policy.
    pub(in crate::evidence) fn said(self, until: Option<Timestamp>) -> Said {
        let refuses = (self.verdict == Word::Fail).then(|| {
            let reason = self
                .reason
                .as_deref()
                .map(plain)
                .filter(|text| !text.is_empty());
            reason.unwrap_or_else(|| "it does not say why".to_owned())
        });
        Said {
            version: plain(&format!("{} {}", self.scanner.name, self.scanner.version)),
            data: self.scanner.data_from,
            until,
            refuses,
            vulnerabilities: self
                .vulnerabilities
                .into_iter()
                .map(vulnerability)
                .collect(),
        }
    }
}

fn vulnerability(one: Listed) -> Vulnerability {
    let mut ids = vec![plain(&one.id)];
    for alias in one.aliases.iter().map(|alias| plain(alias)) {
        if !ids.contains(&alias) {
            ids.push(alias);
        }
    }
    Vulnerability {
        malicious: ids.iter().any(|id| id.starts_with("MAL-")),
        ids,
        severity: severity(&one.severity),
        packages: vec![(plain(&one.package), plain(&one.version))],
        purls: one.purl.iter().map(|purl| plain(purl)).collect(),
        path: plain(&one.path),
        fixed: one
            .fixed_in
            .as_deref()
            .map(plain)
            .filter(|fixed| !fixed.is_empty()),
        summary: plain(&one.summary),
        exploited: one.exploited,
        published: one.published,
        ..Vulnerability::default()
    }
}

/// Words of a stranger: one line, and not too long.
pub(super) fn plain(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control());
    shown.take(MAX_WORD).collect::<String>().trim().to_owned()
}

/// Scanners agree on five words, in any case; Ubuntu's `untriaged` and all others are no word on it.
pub(in crate::evidence) fn severity(word: &str) -> Severity {
    match word.to_ascii_lowercase().as_str() {
        "negligible" | "none" => Severity::Negligible,
        "low" => Severity::Low,
        "medium" | "moderate" => Severity::Medium,
        "high" | "important" => Severity::High,
        "critical" => Severity::Critical,
        _ => Severity::Unknown,
    }
}

//! `[scan.NAME]`: what a scan is held to.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, ScanProfile, Severity};

use super::policy_build::Build;
use super::policy_file::{Action, At, Text};
use super::policy_tables::level;

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeverityWord {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanTable {
    /// The highest severity that still passes; default high.
    pub(super) max_severity: Option<SeverityWord>,
    /// Whether only vulnerabilities with a fix count; default false.
    pub(super) only_fixable: Option<bool>,
    /// What a vulnerability meets of which nobody says how bad it is; default warn.
    pub(super) unknown_severity: Option<Action>,
    /// What a vulnerability meets that is exploited in the wild; default deny.
    pub(super) known_exploited: Option<Action>,
    /// What a package meets that was made to do harm; default deny.
    pub(super) malware: Option<Action>,
    /// What packages meet about which there are no advisories; default deny.
    pub(super) unsupported: Option<Action>,
    /// What programs meet of which nothing says what they are made of; default deny.
    pub(super) unidentified: Option<Action>,
    /// How old the advisory data may be, as in "72h".
    pub(super) max_database_age: Option<Text>,
}

impl Build {
    pub(super) fn scan(&mut self, name: &str, table: &At<ScanTable>) -> ScanProfile {
        let written = table.get();
        let action = |action: Option<Action>, default| action.map_or(default, level);
        ScanProfile {
            max_severity: written.max_severity.map_or(Severity::High, severity),
            only_fixable: written.only_fixable.unwrap_or(false),
            unknown_severity: action(written.unknown_severity, Level::Warn),
            known_exploited: action(written.known_exploited, Level::Deny),
            malware: action(written.malware, Level::Deny),
            unsupported: action(written.unsupported, Level::Deny),
            unidentified: action(written.unidentified, Level::Deny),
            max_database_age: written
                .max_database_age
                .as_ref()
                .and_then(|age| self.duration(age)),
            name: name.to_owned(),
            origin: self.origin(&table.span(), format!("[scan.{name}]")),
        }
    }
}

fn severity(word: SeverityWord) -> Severity {
    match word {
        SeverityWord::Negligible => Severity::Negligible,
        SeverityWord::Low => Severity::Low,
        SeverityWord::Medium => Severity::Medium,
        SeverityWord::High => Severity::High,
        SeverityWord::Critical => Severity::Critical,
    }
}

//! `[scan.NAME]`: what a scan is held to.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::{Level, ScanProfile, Severity};

use super::policy_build::{Build, Offered, words};
use super::policy_file::{Action, At, Text};
use super::policy_tables::{level, suggestion};

/// What helps where a profile asks who is not there.
const CLAMD: &str = "name one: [clamd] address = \"unix:/run/clamav/clamd.ctl\"";
const YARA: &str = "name rules: [yara] rules = [\"/etc/lazaret/rules\"]";

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeverityWord {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnNewFinding {
    Block,
    Notify,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanTable {
    /// The highest severity that still passes; default high.
    pub(super) max_severity: Option<SeverityWord>,
    /// Whether only vulnerabilities with a fix count; default false.
    pub(super) only_fixable: Option<bool>,
    /// The highest probability of exploitation within 30 days (EPSS) that still passes, from 0 to 1; default: any.
    pub(super) max_epss: Option<At<f64>>,
    /// How long a vulnerability only warns after its fix was published, as in "7d"; default: not at all.
    pub(super) fix_grace: Option<Text>,
    /// How long a vulnerability only warns that shows in an image that was admitted before; default: not at all.
    pub(super) admitted_grace: Option<Text>,
    /// What one does that shows in an image that was admitted before: `block`, the default, or `notify`, which only tells.
    /// What is exploited or made to do harm blocks.
    pub(super) on_new_finding: Option<OnNewFinding>,
    /// What a vulnerability meets of which nobody says how bad it is; default warn.
    pub(super) unknown_severity: Option<Action>,
    /// What a vulnerability meets that is exploited in the wild; default deny.
    pub(super) known_exploited: Option<Action>,
    /// What a package meets that was made to do harm; default deny.
    pub(super) malware: Option<Action>,
    /// What the number of vulnerabilities meets that pass: `warn`, or `allow`, which only notes it; default allow.
    pub(super) passing: Option<At<Action>>,
    /// What packages meet about which there are no advisories; default deny.
    pub(super) unsupported: Option<Action>,
    /// What programs meet of which nothing says what they are made of; default deny.
    pub(super) unidentified: Option<Action>,
    /// What files meet that may name packages and were not understood; default warn.
    pub(super) unread: Option<Action>,
    /// How old the advisory data may be, as in "72h".
    pub(super) max_database_age: Option<Text>,
    /// Scanners that must have nothing more against the image, by their names in lazaret.toml.
    #[serde(default)]
    pub(super) scanners: Vec<Text>,
    /// Scanners that count as well, but whose silence only warns.
    #[serde(default)]
    pub(super) consult: Vec<Text>,
    /// Signers whose vulnerability reports count, which lie beside images as attestations.
    #[serde(default)]
    pub(super) reports_by: Vec<Text>,
    /// Signers whose OpenVEX statements clear vulnerabilities, which lie beside images as attestations.
    #[serde(default)]
    pub(super) vex_by: Vec<Text>,
    /// What a secret meets that was left in a file; default warn.
    pub(super) secrets: Option<Action>,
    /// What a setuid or setgid program meets that no package brought; default allow.
    pub(super) setuid: Option<Action>,
    /// What a file or folder meets that everybody may change; default allow.
    pub(super) world_writable: Option<Action>,
    /// What an account meets whose password is empty, or that is root under another name; default deny.
    pub(super) empty_password: Option<Action>,
    /// What a distribution meets that nobody looks after any longer; default warn.
    pub(super) end_of_life: Option<Action>,
    /// What a program meets that unpacks itself; default warn.
    pub(super) packed: Option<Action>,
    /// Programs and scripts that are denied: `sha256:…`, or the name of a file beside the policy with one a line.
    #[serde(default)]
    pub(super) denied_files: Vec<Text>,
    /// What an infected file meets. With it a virus scanner is required: `[clamd]` in lazaret.toml.
    pub(super) viruses: Option<At<Action>>,
    /// What a file meets that the virus scanner would not look into; default deny.
    pub(super) virus_unscanned: Option<Action>,
    /// What a file meets that a YARA rule matches. With it rules are required: `[yara]` in lazaret.toml.
    pub(super) yara: Option<At<Action>>,
    /// What a file meets that the rules were not tried on; default deny.
    pub(super) yara_unscanned: Option<Action>,
}

impl Build {
    pub(super) fn scan(&mut self, name: &str, table: &At<ScanTable>) -> ScanProfile {
        let written = table.get();
        let action = |action: Option<Action>, default| action.map_or(default, level);
        let [max_database_age, fix_grace, admitted_grace] = [
            &written.max_database_age,
            &written.fix_grace,
            &written.admitted_grace,
        ]
        .map(|time| time.as_ref().and_then(|time| self.duration(time)));
        ScanProfile {
            max_severity: written.max_severity.map_or(Severity::High, severity),
            only_fixable: written.only_fixable.unwrap_or(false),
            passing: self.passing(written.passing.as_ref()),
            unknown_severity: action(written.unknown_severity, Level::Warn),
            known_exploited: action(written.known_exploited, Level::Deny),
            malware: action(written.malware, Level::Deny),
            unsupported: action(written.unsupported, Level::Deny),
            unidentified: action(written.unidentified, Level::Deny),
            unread: action(written.unread, Level::Warn),
            max_database_age,
            scanners: words(&written.scanners),
            consulted: words(&written.consult),
            reports_by: words(&written.reports_by),
            vex_by: words(&written.vex_by),
            max_epss: written
                .max_epss
                .as_ref()
                .and_then(|share| self.share(share)),
            fix_grace,
            admitted_grace,
            only_tell_new: written.on_new_finding == Some(OnNewFinding::Notify),
            hygiene: self.hygiene(written),
            name: name.to_owned(),
            origin: self.origin(&table.span(), format!("[scan.{name}]")),
        }
    }
}

impl Build {
    /// What nobody set up would deny every image at its first pull, with words about the scanner.
    pub(super) fn offered(&mut self, written: &ScanTable, offered: &Offered) {
        let known = &offered.scanners;
        for name in written.scanners.iter().chain(&written.consult) {
            if !known.contains(name.get()) {
                let message = format!("there is no [scanner.{}] in lazaret.toml", name.get());
                let help = suggestion(name.get(), known.iter().map(String::as_str));
                self.error(name.span(), message).help(help);
            }
        }
        let lookers = [
            (&written.viruses, offered.clamd, "clamd", CLAMD),
            (&written.yara, offered.yara, "yara", YARA),
        ];
        for (asked, there, table, help) in lookers {
            if let Some(asked) = asked.as_ref().filter(|_| !there) {
                let message = format!("there is no [{table}] in lazaret.toml");
                self.error(asked.span(), message).help(help);
            }
        }
    }

    /// They pass, so they cannot deny.
    fn passing(&mut self, written: Option<&At<Action>>) -> Level {
        let Some(place) = written else {
            return Level::Note;
        };
        if matches!(place.get(), Action::Deny) {
            self.error(place.span(), "what passes cannot be denied")
                .help("lower max_severity, or write \"warn\"");
        }
        level(*place.get())
    }

    /// A part of one, in ten-thousandths.
    fn share(&mut self, written: &At<f64>) -> Option<u16> {
        let share = *written.get();
        if (0.0..=1.0).contains(&share) {
            return Some((share * 10_000.0).round() as u16);
        }
        self.error(written.span(), "this is no probability")
            .help("from 0 to 1, as in 0.2");
        None
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

//! Waivers: what is excused for a time, and what is doubtful about that.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::oci::Digest;

use super::{Code, Finding, Origin, Pattern};

/// So long before a waiver ends people are told.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A waiver that lasts longer will not be looked at by anybody who remembers why.
const LONG: SignedDuration = SignedDuration::from_hours(366 * 24);

/// `[[waiver]]`.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// Which findings.
    pub finding: WaivedFinding,
    /// Of which packages; empty for all. All packages of a finding must be named.
    pub packages: Vec<String>,
    /// In which files of the image; empty for all.
    pub paths: Vec<String>,
    /// For which images.
    pub images: Vec<Pattern>,
    /// Of these the ones with which digests; empty for all.
    pub digests: Vec<Digest>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it is discussed.
    pub ticket: Option<String>,
    /// When it ends.
    pub until: Timestamp,
    /// Where the table stands.
    pub origin: Origin,
}

/// What a waiver excuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaivedFinding {
    /// Findings of a kind.
    Code(Code),
    /// Findings about an advisory, by any of its names.
    Advisory(String),
}

impl fmt::Display for WaivedFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaivedFinding::Code(code) => code.fmt(f),
            WaivedFinding::Advisory(id) => f.write_str(id),
        }
    }
}

/// What is doubtful about a waiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// It is over.
    Ended(Timestamp),
    /// It is over soon.
    Ends(Timestamp, i64),
    /// It lasts very long.
    Long(Timestamp),
    /// It is for a whole registry.
    Registry(String),
    /// It is for all findings of a kind, those too that nobody knows yet.
    Everything(Code),
    /// It has excused nothing.
    Unused,
}

impl Concern {
    /// One word, for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Concern::Ended(_) => "ended",
            Concern::Ends(..) => "ends-soon",
            Concern::Long(_) => "lasts-long",
            Concern::Registry(_) => "whole-registry",
            Concern::Everything(_) => "every-finding",
            Concern::Unused => "unused",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Concern::Ended(at) => write!(f, "ended on {} and excuses nothing", last_day(*at)),
            Concern::Ends(at, 0) => write!(f, "ends on {}, within a day", last_day(*at)),
            Concern::Ends(at, 1) => write!(f, "ends on {}, in a day", last_day(*at)),
            Concern::Ends(at, days) => write!(f, "ends on {}, in {days} days", last_day(*at)),
            Concern::Long(at) => write!(
                f,
                "lasts until {}, more than a year: choose an earlier day to look at it again",
                last_day(*at)
            ),
            Concern::Registry(pattern) => write!(
                f,
                "is for a whole registry ({pattern}): name the images that it is about"
            ),
            Concern::Everything(code) => write!(
                f,
                "excuses every {code}, those too that nobody knows yet: name the advisory, or packages, paths or digests"
            ),
            Concern::Unused => {
                f.write_str("has excused nothing, as far as the ledger knows: is it still needed?")
            }
        }
    }
}

/// The day that `until` names: the last on which a waiver holds that ends at this moment.
pub fn last_day(until: Timestamp) -> String {
    let last = until - SignedDuration::from_secs(1);
    last.strftime("%Y-%m-%d").to_string()
}

/// Findings of which an image may have many, each of another thing.
fn is_of_many(code: Code) -> bool {
    matches!(
        code,
        Code::Vulnerability
            | Code::MaliciousPackage
            | Code::SecretInFile
            | Code::DeniedFile
            | Code::Virus
            | Code::YaraMatch
    )
}

impl Waiver {
    /// Its identity: stays the same where the reason, the owner, the end or the place in the file change.
    pub fn id(&self) -> String {
        let mut text = self.finding.to_string();
        let images = self.images.iter().map(ToString::to_string);
        let digests = self.digests.iter().map(ToString::to_string);
        for list in [
            self.packages.clone(),
            self.paths.clone(),
            images.collect(),
            digests.collect(),
        ] {
            let mut list: Vec<String> = list;
            list.sort_unstable();
            text.push_str(&format!("\n{list:?}"));
        }
        let hex = Digest::of(text.as_bytes()).hex();
        hex.get(..16).unwrap_or_default().to_owned()
    }

    /// Whether it is for this finding in an image with this digest, wherever that was found.
    pub(super) fn covers(&self, finding: &Finding, digest: Option<&Digest>) -> bool {
        let affected = finding.affected.as_ref();
        if finding.code == Code::Revoked {
            return false;
        }
        let meant = match &self.finding {
            WaivedFinding::Code(code) => finding.code == *code,
            WaivedFinding::Advisory(id) => affected.is_some_and(|of| of.ids.contains(id)),
        };
        // A finding of no package is none of theirs.
        let packages = self.packages.is_empty()
            || affected.is_some_and(|of| {
                let named = |one: &String| self.packages.contains(one);
                !of.packages.is_empty() && of.packages.iter().all(named)
            });
        let paths =
            self.paths.is_empty() || affected.is_some_and(|of| self.paths.contains(&of.path));
        let digests =
            self.digests.is_empty() || digest.is_some_and(|digest| self.digests.contains(digest));
        meant && packages && paths && digests
    }

    /// What somebody is told whom it helped until it ended.
    pub(super) fn epitaph(&self) -> String {
        let Origin { file, line, .. } = &self.origin;
        let day = last_day(self.until);
        format!(
            "a waiver for it ended on {day} ({file}:{line}, of {})",
            self.owner
        )
    }

    /// What is doubtful about it, by itself.
    pub fn concerns(&self, now: Timestamp) -> Vec<Concern> {
        let mut concerns = Vec::new();
        let left = self.until.duration_since(now);
        if left <= SignedDuration::ZERO {
            concerns.push(Concern::Ended(self.until));
        } else if left <= SOON {
            concerns.push(Concern::Ends(self.until, left.as_hours() / 24));
        } else if left > LONG {
            concerns.push(Concern::Long(self.until));
        }
        let whole = self
            .images
            .iter()
            .filter(|pattern| pattern.is_whole_registry());
        concerns.extend(whole.map(|pattern| Concern::Registry(pattern.to_string())));
        let bound = [&self.packages, &self.paths]
            .iter()
            .any(|list| !list.is_empty());
        if let WaivedFinding::Code(code) = self.finding
            && is_of_many(code)
            && !bound
            && self.digests.is_empty()
        {
            concerns.push(Concern::Everything(code));
        }
        concerns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Affected, Level};

    fn origin() -> Origin {
        Origin {
            file: "policy.toml".to_owned(),
            line: 1,
            table: "[[waiver]]".to_owned(),
        }
    }

    fn waiver(packages: &[&str], paths: &[&str]) -> Waiver {
        let texts = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        Waiver {
            finding: WaivedFinding::Code(Code::DeniedFile),
            packages: texts(packages),
            paths: texts(paths),
            images: Vec::new(),
            digests: Vec::new(),
            reason: "x".to_owned(),
            owner: "y".to_owned(),
            ticket: None,
            until: Timestamp::MAX,
            origin: origin(),
        }
    }

    /// A condition that does not fit a kind of finding is one that does not hold.
    #[test]
    fn a_waiver_covers_no_more_than_it_says() {
        for (packages, path, wanted, of) in [
            (&["openssl"][..], "lib/x", true, (&["openssl"][..], &[][..])),
            (&["openssl", "curl"], "lib/x", false, (&["openssl"], &[])),
            (&[], "lib/x", false, (&["openssl"], &[])),
            (&[], "lib/x", true, (&[], &["lib/x"])),
            (&[], "lib/xy", false, (&[], &["lib/x"])),
            (&["openssl"], "lib/x", false, (&["openssl"], &["lib/y"])),
            (&[], "lib/x", true, (&[], &[])),
        ] {
            let finding = Finding {
                code: Code::DeniedFile,
                level: Level::Deny,
                message: String::new(),
                help: None,
                origin: origin(),
                platform: None,
                affected: Some(Affected {
                    ids: Vec::new(),
                    packages: packages.iter().map(|&one| one.to_owned()).collect(),
                    path: path.to_owned(),
                }),
                respite: None,
                waived: None,
            };
            let covers = waiver(of.0, of.1).covers(&finding, None);
            assert_eq!(covers, wanted, "{packages:?} {path} by {of:?}");
            let bare = Finding {
                affected: None,
                ..finding
            };
            let unbound = of.0.is_empty() && of.1.is_empty();
            assert_eq!(waiver(of.0, of.1).covers(&bare, None), unbound);
        }
    }
}

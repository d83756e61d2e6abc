//! The part of a case that is about what is in the layers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::oci::Digest;
use crate::policy::{
    AskedAdvisories, Contents, Exoneration, FileScan, Hygiene, LeftSecret, Opinion, RaisingProgram,
    Said, Severity, Uncovered, Unexplained, Unread, Vulnerability,
};

use super::case::{maybe_time, time};

/// How many packages an image of a case has.
const PACKAGES: usize = 7;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scan {
    /// Why there is no result.
    pub(super) unavailable: Option<String>,
    /// It is no container image.
    #[serde(default)]
    pub(super) absent: bool,
    /// Why a layer cannot be read for good.
    pub(super) unscannable: Option<String>,
    #[serde(default)]
    unidentified: bool,
    /// Programs beside packages that do not say what they are made of.
    #[serde(default)]
    unexplained: Vec<String>,
    /// The distribution whose database of packages is gone.
    without_database: Option<String>,
    /// Files that were not understood: `path=why`.
    #[serde(default)]
    unread: Vec<String>,
    #[serde(default)]
    uncovered: Vec<UncoveredCase>,
    /// Whose advisories were asked, and when they were fetched.
    #[serde(default)]
    fetched: BTreeMap<String, Time>,
    #[serde(default)]
    found: Vec<FoundCase>,
    #[serde(default)]
    care: CareCase,
    #[serde(default)]
    pub(super) opinion: Vec<OpinionCase>,
    #[serde(default)]
    pub(super) harmless: Vec<HarmlessCase>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
struct Time(#[serde(deserialize_with = "time")] Timestamp);

/// What an image shows of its author's care: `path` alone, or `path=what`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CareCase {
    secrets: Vec<String>,
    buried: Vec<String>,
    setuid: Vec<String>,
    packaged_setuid: Vec<String>,
    world_writable: Vec<String>,
    empty_passwords: Vec<String>,
    second_roots: Vec<String>,
    packed: Vec<String>,
    programs: Vec<String>,
    undigested: u64,
    untold: u64,
    end_of_life: Option<(String, Time)>,
    infected: Option<Vec<String>>,
    unscanned: Vec<String>,
    yara: Option<Vec<String>>,
    yara_unscanned: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UncoveredCase {
    ecosystem: String,
    packages: usize,
    why: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundCase {
    ids: Vec<String>,
    severity: SeverityWord,
    packages: Vec<[String; 2]>,
    path: String,
    fixed: Option<String>,
    #[serde(default)]
    malicious: bool,
    #[serde(default)]
    exploited: bool,
    /// In ten-thousandths.
    epss: Option<u16>,
    #[serde(default, deserialize_with = "maybe_time")]
    published: Option<Timestamp>,
    #[serde(default)]
    unsure: bool,
    #[serde(default)]
    purls: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SeverityWord {
    Unknown,
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

/// What another scanner says, or why it says nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpinionCase {
    scanner: String,
    silent: Option<String>,
    #[serde(default, deserialize_with = "maybe_time")]
    data: Option<Timestamp>,
    refuses: Option<String>,
    #[serde(default)]
    found: Vec<FoundCase>,
}

/// What somebody says that does no harm.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HarmlessCase {
    ids: Vec<String>,
    #[serde(default)]
    purls: Vec<String>,
    why: String,
    by: String,
}

impl Scan {
    pub(super) fn contents(&self) -> Result<Contents, String> {
        let uncovered = self.uncovered.iter().map(|one| Uncovered {
            ecosystem: one.ecosystem.clone(),
            packages: one.packages,
            why: one.why.clone(),
        });
        let asked = self.fetched.iter().map(|(name, at)| AskedAdvisories {
            ecosystem: name.clone(),
            fetched: at.0,
            newest: at.0,
            digest: Digest::of(name.as_bytes()),
        });
        Ok(Contents {
            names: Vec::new(),
            packages: PACKAGES,
            unexplained: self.unexplained(),
            unread: self.unread()?,
            vulnerabilities: self.found.iter().map(FoundCase::vulnerability).collect(),
            uncovered: uncovered.collect(),
            asked: asked.collect(),
            scored: self.found.iter().any(|one| one.epss.is_some()),
            hygiene: self.care.hygiene()?,
        })
    }
}

impl Scan {
    fn unexplained(&self) -> Unexplained {
        let beside = self.unexplained.clone();
        match &self.without_database {
            Some(system) => Unexplained::Of(system.clone()),
            None if self.unidentified => Unexplained::All,
            None if beside.is_empty() => Unexplained::Nothing,
            None => Unexplained::Beside(beside.len() as u64, beside),
        }
    }

    fn unread(&self) -> Result<Vec<Unread>, String> {
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, why) in pairs(&self.unread)? {
            reasons.entry(why).or_default().push(path);
        }
        let unread = reasons.into_iter().map(|(why, first)| Unread {
            why,
            count: first.len() as u64,
            first,
        });
        Ok(unread.collect())
    }
}

impl OpinionCase {
    pub(super) fn opinion(&self) -> Opinion {
        let said = || Said {
            version: "1".to_owned(),
            data: self.data,
            until: None,
            refuses: self.refuses.clone(),
            vulnerabilities: self.found.iter().map(FoundCase::vulnerability).collect(),
        };
        Opinion {
            scanner: self.scanner.clone(),
            said: self.silent.clone().map_or_else(|| Ok(said()), Err),
        }
    }
}

impl HarmlessCase {
    pub(super) fn exoneration(&self) -> Exoneration {
        Exoneration {
            ids: self.ids.clone(),
            purls: self.purls.clone(),
            why: self.why.clone(),
            by: self.by.clone(),
        }
    }
}

impl FoundCase {
    fn vulnerability(&self) -> Vulnerability {
        let packages = self.packages.iter();
        let packages = packages.map(|[name, version]| (name.clone(), version.clone()));
        Vulnerability {
            ids: self.ids.clone(),
            severity: match self.severity {
                SeverityWord::Unknown => Severity::Unknown,
                SeverityWord::Negligible => Severity::Negligible,
                SeverityWord::Low => Severity::Low,
                SeverityWord::Medium => Severity::Medium,
                SeverityWord::High => Severity::High,
                SeverityWord::Critical => Severity::Critical,
            },
            packages: packages.collect(),
            purls: self.purls.clone(),
            path: self.path.clone(),
            fixed: self.fixed.clone(),
            summary: String::new(),
            malicious: self.malicious,
            exploited: self.exploited,
            epss: self.epss,
            published: self.published,
            unsure: self.unsure,
            by: Vec::new(),
        }
    }
}

/// `path=what`.
fn pairs(lines: &[String]) -> Result<Vec<(String, String)>, String> {
    let pair = |line: &String| {
        let (path, what) = line
            .split_once('=')
            .ok_or_else(|| format!("{line:?} is not written as path=what"))?;
        Ok((path.to_owned(), what.to_owned()))
    };
    lines.iter().map(pair).collect()
}

fn looked(scanner: &str, found: &[String], unscanned: &[String]) -> Result<FileScan, String> {
    Ok(FileScan {
        found: pairs(found)?,
        unscanned: pairs(unscanned)?,
        scanner: scanner.to_owned(),
    })
}

impl CareCase {
    fn hygiene(&self) -> Result<Hygiene, String> {
        let secret = |buried| {
            move |path: &String| LeftSecret {
                path: path.clone(),
                rule: "private-key".to_owned(),
                line: 1,
                buried,
            }
        };
        let raising = |packaged| {
            move |path: &String| RaisingProgram {
                path: path.clone(),
                user: true,
                packaged,
            }
        };
        let (left, buried) = (self.secrets.iter(), self.buried.iter());
        let (own, packaged) = (self.setuid.iter(), self.packaged_setuid.iter());
        let programs = self.programs.iter();
        let ends = self.end_of_life.clone();
        let viruses = self.infected.as_ref();
        let viruses = viruses.map(|found| looked("ClamAV 1.4.3", found, &self.unscanned));
        let yara = self.yara.as_ref();
        let yara = yara.map(|found| looked("YARA rules 9f86d081884c", found, &self.yara_unscanned));
        Ok(Hygiene {
            secrets: left
                .map(secret(false))
                .chain(buried.map(secret(true)))
                .collect(),
            setuid: own
                .map(raising(false))
                .chain(packaged.map(raising(true)))
                .collect(),
            world_writable: self.world_writable.clone(),
            empty_passwords: pairs(&self.empty_passwords)?,
            second_roots: pairs(&self.second_roots)?,
            packed: self.packed.clone(),
            digests: programs
                .map(|path| (path.clone(), Digest::of(path.as_bytes())))
                .collect(),
            undigested: self.undigested,
            untold: self.untold,
            end_of_life: ends.map(|(name, at)| (name, at.0)),
            viruses: viruses.transpose()?,
            yara: yara.transpose()?,
        })
    }
}

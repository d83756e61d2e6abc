//! OSV records (OSV schema 1.7), as far as they tell which versions of what are how badly affected.

use std::borrow::Cow;
use std::fmt;

use super::range::Versions;
use super::raw::{Raw, RawAffected, RawRange, RawSeverity, RawSpecific};
use super::severity::{Rating, Severity, rate};
use crate::scan::ecosystem::Ecosystem;
use jiff::Timestamp;

/// Largest record. The largest of 21,000 has 100 kB; those of kernels reach some MB.
pub const MAX_RECORD_BYTES: usize = 16 * 1024 * 1024;
/// Longest name, id or alias that is kept.
pub(super) const MAX_TEXT_BYTES: usize = 1024;
/// Most aliases and upstream ids that are kept: advisories of kernels name hundreds.
const MAX_IDS: usize = 4096;
/// Longest summary that is kept: one line for a person.
const MAX_SUMMARY_CHARS: usize = 160;
/// Most packages of a record.
const MAX_AFFECTED: usize = 200_000;

/// Why a record cannot be used. The publisher's side; asking again later may help.
#[derive(Debug)]
pub enum RecordError {
    /// Over [`MAX_RECORD_BYTES`], or with more packages, ids or text than any real one.
    TooLarge(&'static str),
    /// Not JSON, or not of the schema.
    Malformed(serde_json::Error),
    /// A date that is none.
    Date(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordError::TooLarge(what) => write!(f, "advisory with too large a {what}"),
            RecordError::Malformed(error) => write!(f, "malformed advisory: {error}"),
            RecordError::Date(date) => write!(f, "advisory with the date {date:?}"),
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RecordError::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

/// A record, read.
pub struct Record<'a> {
    raw: Raw<'a>,
    /// When it was published and last changed.
    pub(super) published: Option<Timestamp>,
    pub(super) modified: Timestamp,
}

/// A package that a record names.
pub(super) struct Subject<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) name: &'a str,
    pub(super) versions: Versions<'a>,
    pub(super) rating: Rating,
}

impl<'a> Record<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// If it is larger than real ones, or not of the schema.
    pub fn parse(json: &'a [u8]) -> Result<Record<'a>, RecordError> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge("record"));
        }
        let raw: Raw<'a> = serde_json::from_slice(json).map_err(RecordError::Malformed)?;
        let long = |text: &Cow<'_, str>| text.len() > MAX_TEXT_BYTES;
        let lists = [&raw.aliases, &raw.upstream, &raw.related];
        let ids = || lists.iter().copied().flatten();
        if ids().any(|list| list.len() > MAX_IDS || list.iter().any(long)) || long(&raw.id) {
            return Err(RecordError::TooLarge("list of ids"));
        }
        let affected = raw.affected.as_deref().unwrap_or_default();
        let named = affected
            .iter()
            .filter_map(|affected| affected.package.as_ref());
        if affected.len() > MAX_AFFECTED || named.into_iter().any(|package| long(&package.name)) {
            return Err(RecordError::TooLarge("list of packages"));
        }
        let ranges = affected
            .iter()
            .flat_map(|affected| affected.ranges.iter().flatten());
        let mut events = ranges.flat_map(RawRange::events);
        if events.any(|(_, version)| version.len() > MAX_TEXT_BYTES) {
            return Err(RecordError::TooLarge("version"));
        }
        let date = |text: &Cow<'_, str>| {
            let date = text.parse::<Timestamp>();
            date.map_err(|_| RecordError::Date(text.chars().take(40).collect()))
        };
        let modified = date(&raw.modified)?;
        let published = raw.published.as_ref().map(date).transpose()?;
        Ok(Record {
            raw,
            published,
            modified,
        })
    }

    /// The id, such as `GHSA-…`, `DSA-…`, `ALSA-…`.
    pub fn id(&self) -> &str {
        &self.raw.id
    }

    /// Whether it says anything about vulnerabilities: not withdrawn, and no mere update of a distribution.
    pub fn counts(&self) -> bool {
        // AlmaLinux and Rocky publish bug fixes and enhancements beside security advisories.
        let update = ["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RXBA-", "RXEA-"];
        let update = update.iter().any(|prefix| self.raw.id.starts_with(prefix));
        self.raw.withdrawn.is_none() && (!update || self.aliases().any(is_cve))
    }

    /// Other names of the same thing: aliases, upstream ids, and the CVEs that an advisory of a distribution relates to.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        let stated = [&self.raw.aliases, &self.raw.upstream];
        let stated = stated.into_iter().flatten().flatten().map(AsRef::as_ref);
        // AlmaLinux has its CVEs nowhere else.
        let related = self.raw.related.iter().flatten().map(AsRef::as_ref);
        stated.chain(related.filter(|id| is_cve(id) && self.is_advisory()))
    }

    /// Whether it is a distribution's advisory about its packages, not a vulnerability by itself.
    fn is_advisory(&self) -> bool {
        let prefix = self.raw.id.split('-').next().unwrap_or_default();
        matches!(
            prefix,
            "ALSA"
                | "ALBA"
                | "ALEA"
                | "RLSA"
                | "RLBA"
                | "RLEA"
                | "RXSA"
                | "RHSA"
                | "RHBA"
                | "RHEA"
                | "SUSE"
                | "openSUSE"
                | "DSA"
                | "DLA"
                | "USN"
                | "MGASA"
                | "OESA"
                | "PHSA"
        )
    }

    /// Whether it names malicious packages (`MAL-…`, OpenSSF).
    pub(super) fn malicious(&self) -> bool {
        self.raw.id.starts_with("MAL-")
    }

    /// One line for a person.
    pub(super) fn summary(&self) -> String {
        let summary = self.raw.summary.as_deref().unwrap_or_default();
        let line = summary
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c });
        line.take(MAX_SUMMARY_CHARS).collect()
    }

    /// The packages that it names, in ecosystems that are known here. Ranges of commits mean no package's versions.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Subject<'_>> {
        self.raw.affected.iter().flatten().filter_map(|affected| {
            let package = affected.package.as_ref()?;
            let ecosystem = Ecosystem::named(&package.ecosystem);
            let versions = affected.versions(&ecosystem);
            (!matches!(ecosystem, Ecosystem::Unsupported(_))).then(|| Subject {
                ecosystem,
                name: &package.name,
                versions,
                rating: self.rating(affected),
            })
        })
    }

    fn rating(&self, affected: &RawAffected<'_>) -> Rating {
        let scores = |list: &'_ Option<Vec<RawSeverity<'_>>>| {
            let scores = list.iter().flatten();
            rate(scores.map(|severity| (&*severity.kind, &*severity.score)))
        };
        let (own, general) = (scores(&affected.severity), scores(&self.raw.severity));
        let tenths = own.tenths.or(general.tenths);
        let scored = [own.severity, general.severity]
            .into_iter()
            .find(|found| *found != Severity::Unknown);
        let specific = [
            &affected.ecosystem_specific,
            &affected.database_specific,
            &self.raw.database_specific,
        ];
        let [by_ecosystem, by_database, by_record] =
            specific.map(|specific| specific.as_ref().and_then(RawSpecific::severity));
        let severity = if self.malicious() {
            Some(Severity::Critical)
        } else {
            by_ecosystem
                .or_else(|| self.leading_word())
                .or(scored)
                .or(by_database)
                .or(by_record)
        };
        Rating {
            severity: severity.unwrap_or_default(),
            tenths,
        }
    }

    /// Advisories of the Red Hat family begin with their severity: `Important: kernel security update`.
    fn leading_word(&self) -> Option<Severity> {
        let (word, _) = self.raw.summary.as_deref()?.split_once(':')?;
        let word = word.rsplit(' ').next().unwrap_or(word);
        Severity::from_word(word).filter(|_| self.is_advisory())
    }
}

pub(super) fn is_cve(id: &str) -> bool {
    id.starts_with("CVE-")
}

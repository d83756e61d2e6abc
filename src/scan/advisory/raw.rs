//! The fields of OSV records that are read, as they are written.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::range::{Affects, Event, Versions};
use super::severity::Severity;
use crate::scan::ecosystem::Ecosystem;
use crate::scan::version::{MAX_VERSION_BYTES, compare};

#[derive(Deserialize)]
pub(super) struct Raw<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    pub(super) modified: Cow<'a, str>,
    pub(super) published: Option<Cow<'a, str>>,
    pub(super) withdrawn: Option<Cow<'a, str>>,
    pub(super) aliases: Option<Vec<Cow<'a, str>>>,
    pub(super) upstream: Option<Vec<Cow<'a, str>>>,
    pub(super) related: Option<Vec<Cow<'a, str>>>,
    pub(super) summary: Option<Cow<'a, str>>,
    pub(super) severity: Option<Vec<RawSeverity<'a>>>,
    pub(super) affected: Option<Vec<RawAffected<'a>>>,
    pub(super) database_specific: Option<RawSpecific>,
}

#[derive(Deserialize)]
pub(super) struct RawSeverity<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    pub(super) score: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawAffected<'a> {
    #[serde(borrow)]
    pub(super) package: Option<RawPackage<'a>>,
    pub(super) ranges: Option<Vec<RawRange<'a>>>,
    pub(super) versions: Option<Vec<Cow<'a, str>>>,
    pub(super) severity: Option<Vec<RawSeverity<'a>>>,
    pub(super) ecosystem_specific: Option<RawSpecific>,
    pub(super) database_specific: Option<RawSpecific>,
}

#[derive(Deserialize)]
pub(super) struct RawPackage<'a> {
    #[serde(borrow)]
    pub(super) ecosystem: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawRange<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Cow<'a, str>,
    events: Option<Vec<RawEvent<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct RawEvent<'a> {
    #[serde(borrow)]
    introduced: Option<Cow<'a, str>>,
    fixed: Option<Cow<'a, str>>,
    last_affected: Option<Cow<'a, str>>,
}

/// Free-form fields, of which any database may put anything.
#[derive(Deserialize)]
pub(super) struct RawSpecific {
    pub(super) severity: Option<Value>,
    urgency: Option<Value>,
    informational: Option<Value>,
}

impl RawAffected<'_> {
    /// Ranges, and of the versions named one by one those that no range covers.
    pub(super) fn versions(&self, ecosystem: &Ecosystem) -> Versions<'_> {
        let ranges = self.ranges.iter().flatten();
        let ranges = ranges
            .filter(|range| range.kind != "GIT")
            .map(RawRange::events);
        let mut versions = Versions {
            ranges: ranges.filter(|events| !events.is_empty()).collect(),
            named: Vec::new(),
        };
        let rule = ecosystem.rule();
        let covered = |named: &str| {
            // What is no version by the rule is compared as text: only the list can mean it.
            rule.is_some_and(|rule| {
                compare(rule, named, named).is_ok()
                    && matches!(versions.affect(rule, named), Affects::Yes { .. })
            })
        };
        let named = self.versions.iter().flatten().map(AsRef::as_ref);
        versions.named = named
            .filter(|named: &&str| named.len() <= MAX_VERSION_BYTES && !covered(named))
            .collect();
        versions
    }
}

impl RawRange<'_> {
    pub(super) fn events(&self) -> Vec<(Event, &str)> {
        let events = self.events.iter().flatten().flat_map(|event| {
            let pairs = [
                (Event::Introduced, &event.introduced),
                (Event::Fixed, &event.fixed),
                (Event::LastAffected, &event.last_affected),
            ];
            pairs
                .into_iter()
                .filter_map(|(kind, at)| Some((kind, at.as_deref()?)))
        });
        events.collect()
    }
}

impl RawSpecific {
    pub(super) fn severity(&self) -> Option<Severity> {
        // RustSec publishes notices that a crate is no longer maintained: no vulnerability.
        if let Some(kind) = self.informational.as_ref().and_then(Value::as_str) {
            return Some(if kind == "unsound" {
                Severity::Low
            } else {
                Severity::Negligible
            });
        }
        let words = [&self.severity, &self.urgency].into_iter().flatten();
        words
            .filter_map(Value::as_str)
            .find_map(Severity::from_word)
    }
}

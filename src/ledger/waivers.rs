//! Which waivers were of use, in SQLite.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};
use serde::Serialize;

use super::Decision;
use super::row::time;
use crate::policy::{Concern, Waiver};

/// A waiver that excused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaiverUse {
    /// The waiver's identity.
    pub waiver: String,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// In how many decisions; an image that is pulled often has one an hour.
    pub decisions: u64,
}

/// What is doubtful about a waiver, with what is known of its use; none where nothing is known.
pub fn doubts(
    waiver: &Waiver,
    used: Option<&BTreeMap<String, WaiverUse>>,
    now: Timestamp,
) -> Vec<Concern> {
    let mut concerns = waiver.concerns(now);
    if used.is_some_and(|used| !used.contains_key(&waiver.id())) {
        concerns.push(Concern::Unused);
    }
    concerns
}

/// Counts the waivers of a decision, in its transaction.
pub(super) fn note(to: &Transaction<'_>, decision: &Decision) -> rusqlite::Result<()> {
    let waived = decision.verdict.findings.iter();
    let ids = waived.filter_map(|finding| finding.waived.as_ref().map(|by| by.id.as_str()));
    let ids: std::collections::BTreeSet<&str> = ids.filter(|id| !id.is_empty()).collect();
    for id in ids {
        to.prepare_cached(
            "INSERT INTO waiver_use (waiver, first, last, decisions) VALUES (?1, ?2, ?2, 1)
             ON CONFLICT (waiver) DO UPDATE SET last = excluded.last, decisions = decisions + 1",
        )?
        .execute(params![id, decision.at.as_millisecond()])?;
    }
    Ok(())
}

/// All that were ever of use.
pub(super) fn used(from: &Connection) -> rusqlite::Result<BTreeMap<String, WaiverUse>> {
    from.prepare_cached("SELECT waiver, first, last, decisions FROM waiver_use")?
        .query_map([], |row| {
            let waiver: String = row.get(0)?;
            let used = WaiverUse {
                waiver: waiver.clone(),
                first: time(row, 1)?,
                last: time(row, 2)?,
                decisions: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
            };
            Ok((waiver, used))
        })?
        .collect()
}

//! Events, in SQLite.

use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::row::{maybe_parsed, parsed_by, time};
use super::{DecisionId, Event, Known};
use crate::policy::{Code, EventKind};

/// Equal events within this time are one.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// The columns that [`event`] reads.
pub(super) const SELECT: &str = "SELECT id, at, kind, reference, digest, decision, address, detail, count, before, codes, identity, event.sequence";

/// Writes an event, or counts it with its like.
pub(super) fn note(to: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let (same, at) = (event.same(), event.at.as_millisecond());
    let window = i64::try_from(WINDOW.as_millis()).unwrap_or(i64::MAX);
    let counted = to
        .prepare_cached("UPDATE event SET count = count + 1 WHERE same = ?1 AND at > ?2")?
        .execute(params![same, at - window])?;
    if counted > 0 {
        return Ok(());
    }
    let before: Option<i64> = to
        .prepare_cached("SELECT count - 1 FROM event WHERE same = ?1 ORDER BY at DESC LIMIT 1")?
        .query_row([&same], |row| row.get(0))
        .optional()?;
    insert(to, event, before.unwrap_or_default(), None).map(drop)
}

/// Writes an event, for one target alone where there is one.
pub(super) fn insert(
    to: &Transaction<'_>,
    event: &Event,
    before: i64,
    target: Option<&str>,
) -> rusqlite::Result<i64> {
    let codes: Vec<&str> = event.codes.iter().map(|code| code.as_str()).collect();
    to.prepare_cached(
        "INSERT INTO event (id, at, kind, same, reference, digest, decision, address, detail, count, before, codes, target, identity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        event.id.to_string(),
        event.at.as_millisecond(),
        event.kind.as_str(),
        event.same(),
        event.reference,
        event.digest.map(|digest| digest.to_string()),
        event.decision.map(|decision| decision.to_string()),
        event.address.map(|address| address.to_string()),
        event.detail,
        i64::try_from(event.count).unwrap_or(i64::MAX),
        before,
        codes.join(" "),
        target,
        event.identity.as_ref().map(ToString::to_string),
    ])?;
    Ok(to.last_insert_rowid())
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let number = |at| {
        row.get::<_, i64>(at)
            .map(|n| u64::try_from(n).unwrap_or_default())
    };
    let codes: String = row.get(10)?;
    let code = |word| Code::ALL.iter().find(|code| code.as_str() == word);
    Ok(Event {
        id: parsed_by(row, 0, |text| text.parse().ok())?,
        at: time(row, 1)?,
        kind: parsed_by(row, 2, EventKind::parse)?,
        reference: row.get(3)?,
        digest: maybe_parsed(row, 4)?,
        decision: maybe_parsed(row, 5)?,
        address: maybe_parsed(row, 6)?,
        detail: row.get(7)?,
        count: number(8)?,
        before: number(9)?,
        codes: codes.split_whitespace().filter_map(code).copied().collect(),
        identity: maybe_parsed(row, 11)?,
    })
}

/// The newest, newest first.
pub(super) fn newest(from: &Connection, most: u32) -> rusqlite::Result<Vec<Event>> {
    from.prepare_cached(&format!(
        "{SELECT} FROM event ORDER BY sequence DESC LIMIT ?1"
    ))?
    .query_map([most], event)?
    .collect()
}

/// What people were to hear of a decision, oldest first.
pub(super) fn of_decision(
    from: &Connection,
    decision: DecisionId,
    most: u32,
) -> rusqlite::Result<Vec<Event>> {
    from.prepare_cached(&format!(
        "{SELECT} FROM event WHERE decision = ?1 ORDER BY sequence LIMIT ?2"
    ))?
    .query_map(params![decision.to_string(), most], event)?
    .collect()
}

/// A trouble begins: told unless it is known.
pub(super) fn begin_trouble(
    to: &Transaction<'_>,
    subject: &str,
    event: &Event,
) -> rusqlite::Result<()> {
    let new = to
        .prepare_cached("INSERT OR IGNORE INTO trouble (kind, subject, since) VALUES (?1, ?2, ?3)")?
        .execute(params![
            event.kind.as_str(),
            subject,
            event.at.as_millisecond()
        ])?;
    match new {
        0 => Ok(()),
        _ => insert(to, event, 0, None).map(drop),
    }
}

/// A trouble is over: told where its end is worth a word.
pub(super) fn end_trouble(
    to: &Transaction<'_>,
    known: &Known,
    told: Option<&Event>,
) -> rusqlite::Result<()> {
    let ended = to
        .prepare_cached("DELETE FROM trouble WHERE kind = ?1 AND subject = ?2")?
        .execute(params![known.kind.as_str(), known.subject])?;
    match told {
        Some(event) if ended > 0 => insert(to, event, 0, None).map(drop),
        _ => Ok(()),
    }
}

/// Troubles that people have heard of.
pub(super) fn troubles(from: &Connection) -> rusqlite::Result<Vec<Known>> {
    from.prepare_cached("SELECT kind, subject, since FROM trouble ORDER BY kind, subject")?
        .query_map([], |row| {
            Ok(Known {
                kind: parsed_by(row, 0, EventKind::parse)?,
                subject: row.get(1)?,
                since: time(row, 2)?,
            })
        })?
        .collect()
}

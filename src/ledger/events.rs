//! Events and who has heard of them, in SQLite.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::row::{maybe_parsed, parsed_by, time};
use super::{Event, Outbox, Owed, Pending, SqliteLedger};
use crate::policy::EventKind;

/// Equal events within this time are one.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

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
    to.prepare_cached(
        "INSERT INTO event (id, at, kind, same, reference, digest, decision, address, detail, count, before, identity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11)",
    )?
    .execute(params![
        event.id.to_string(),
        at,
        event.kind.as_str(),
        same,
        event.reference,
        event.digest.map(|digest| digest.to_string()),
        event.decision.map(|decision| decision.to_string()),
        event.address.map(|address| address.to_string()),
        event.detail,
        before.unwrap_or_default(),
        event.identity.as_ref().map(ToString::to_string),
    ])
    .map(drop)
}

const SELECT: &str = "SELECT id, at, kind, reference, digest, decision, address, detail, count, before, identity, event.sequence";

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let number = |at| {
        row.get::<_, i64>(at)
            .map(|n| u64::try_from(n).unwrap_or_default())
    };
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
        identity: maybe_parsed(row, 10)?,
    })
}

/// The newest, newest first.
fn newest(from: &Connection, most: u32) -> rusqlite::Result<Vec<Event>> {
    from.prepare_cached(&format!(
        "{SELECT} FROM event ORDER BY sequence DESC LIMIT ?1"
    ))?
    .query_map([most], event)?
    .collect()
}

/// A target that is new hears of what happens from now on.
fn begin(to: &Transaction<'_>, target: &str) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT OR IGNORE INTO heard (target, sequence) VALUES (?1, (SELECT COALESCE(MAX(sequence), 0) FROM event))",
    )?
    .execute([target])
    .map(drop)
}

/// What a target is owed now: what it was tried with and whose time has come, and what is new.
fn due(from: &Connection, target: &str, now: Timestamp, most: u32) -> rusqlite::Result<Vec<Owed>> {
    let owed = |row: &Row<'_>| {
        Ok(Owed {
            event: event(row)?,
            sequence: row.get(11)?,
            tries: row.get(12)?,
        })
    };
    let again = format!(
        "{SELECT}, tries FROM owed JOIN event ON event.sequence = owed.sequence
         WHERE target = ?1 AND NOT dead AND next <= ?2 ORDER BY next LIMIT ?3"
    );
    let mut found: Vec<Owed> = from
        .prepare_cached(&again)?
        .query_map(params![target, now.as_millisecond(), most], owed)?
        .collect::<rusqlite::Result<_>>()?;
    let new = format!(
        "{SELECT}, 0 FROM event WHERE sequence > COALESCE((SELECT sequence FROM heard WHERE target = ?1), 0)
         ORDER BY sequence LIMIT ?2"
    );
    let new = from
        .prepare_cached(&new)?
        .query_map(params![target, most], owed)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    found.extend(new);
    Ok(found)
}

/// It was heard, or is of no interest to the target.
fn heard(to: &Transaction<'_>, target: &str, sequence: i64) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM owed WHERE target = ?1 AND sequence = ?2")?
        .execute(params![target, sequence])?;
    reached(to, target, sequence)
}

fn reached(to: &Transaction<'_>, target: &str, sequence: i64) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO heard (target, sequence) VALUES (?1, ?2)
         ON CONFLICT (target) DO UPDATE SET sequence = MAX(sequence, excluded.sequence)",
    )?
    .execute(params![target, sequence])
    .map(drop)
}

/// It was not heard: once more at `next`, or never.
fn missed(
    to: &Transaction<'_>,
    target: &str,
    sequence: i64,
    next: Option<Timestamp>,
    why: &str,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO owed (target, sequence, tries, next, dead, why) VALUES (?1, ?2, 1, ?3, ?4, ?5)
         ON CONFLICT (target, sequence) DO UPDATE
         SET tries = tries + 1, next = excluded.next, dead = excluded.dead, why = excluded.why",
    )?
    .execute(params![
        target,
        sequence,
        next.map(Timestamp::as_millisecond).unwrap_or_default(),
        next.is_none(),
        why
    ])?;
    reached(to, target, sequence)
}

/// How many wait and how many were given up, with the last reason, for each target.
fn backlog(from: &Connection, target: &str) -> rusqlite::Result<(u64, u64, Option<String>)> {
    let count = |dead: bool| -> rusqlite::Result<i64> {
        from.prepare_cached("SELECT COUNT(*) FROM owed WHERE target = ?1 AND dead = ?2")?
            .query_row(params![target, dead], |row| row.get(0))
    };
    let why = from
        .prepare_cached("SELECT why FROM owed WHERE target = ?1 ORDER BY sequence DESC LIMIT 1")?
        .query_row([target], |row| row.get(0))
        .optional()?;
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    Ok((number(count(false)?), number(count(true)?), why))
}

impl Outbox for SqliteLedger {
    fn note(&self, event: Event) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| note(to, &event)))
    }

    fn events(&self, most: u32) -> Pending<'_, Vec<Event>> {
        Box::pin(self.read(move |from| newest(from, most)))
    }

    fn begin(&self, target: String) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| begin(to, &target)))
    }

    fn due(&self, target: String, now: Timestamp, most: u32) -> Pending<'_, Vec<Owed>> {
        Box::pin(self.read(move |from| due(from, &target, now, most)))
    }

    fn heard(&self, target: String, sequence: i64) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| heard(to, &target, sequence)))
    }

    fn missed(
        &self,
        target: String,
        sequence: i64,
        next: Option<Timestamp>,
        why: String,
    ) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| missed(to, &target, sequence, next, &why)))
    }

    fn backlog(&self, target: String) -> Pending<'_, (u64, u64, Option<String>)> {
        Box::pin(self.read(move |from| backlog(from, &target)))
    }
}

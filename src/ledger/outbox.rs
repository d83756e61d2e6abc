//! Who has heard of what, in SQLite.
//!
//! How far a target has looked is a number; what it has looked at and is owed is a row each, so that they can wait, be
//! sent, be given up or become one message in any order, and nothing is forgotten by a crash in between.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::events::{self, SELECT, event};
use super::{Backlog, DecisionId, Event, Known, Outbox, Owed, Pending, SqliteLedger, Taken};

/// A target that is new hears of what happens from now on.
fn begin(to: &Transaction<'_>, target: &str) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT OR IGNORE INTO heard (target, sequence) VALUES (?1, (SELECT COALESCE(MAX(sequence), 0) FROM event))",
    )?
    .execute([target])
    .map(drop)
}

/// What a target has not looked at.
fn news(from: &Connection, target: &str, most: u32) -> rusqlite::Result<Vec<Owed>> {
    from.prepare_cached(&format!(
        "{SELECT}, 0, '' FROM event WHERE target IS NULL
         AND sequence > COALESCE((SELECT sequence FROM heard WHERE target = ?1), 0) ORDER BY sequence LIMIT ?2"
    ))?
    .query_map(params![target, most], owed)?
    .collect()
}

/// It has looked at all up to a number, and is owed these.
fn take(to: &Transaction<'_>, target: &str, wanted: &[Taken], up_to: i64) -> rusqlite::Result<()> {
    let mut insert = to.prepare_cached(
        "INSERT OR IGNORE INTO owed (target, sequence, tries, next, dead, why) VALUES (?1, ?2, 0, ?3, FALSE, ?4)",
    )?;
    for one in wanted {
        let next = one.next.as_millisecond();
        insert.execute(params![target, one.sequence, next, one.why])?;
    }
    to.prepare_cached(
        "INSERT INTO heard (target, sequence) VALUES (?1, ?2)
         ON CONFLICT (target) DO UPDATE SET sequence = MAX(sequence, excluded.sequence)",
    )?
    .execute(params![target, up_to])
    .map(drop)
}

/// What is owed and whose time has come, in the order in which it happened.
fn due(from: &Connection, target: &str, now: Timestamp, most: u32) -> rusqlite::Result<Vec<Owed>> {
    from.prepare_cached(&format!(
        "{SELECT}, tries, why FROM owed JOIN event ON event.sequence = owed.sequence
         WHERE owed.target = ?1 AND NOT dead AND next <= ?2 ORDER BY owed.sequence LIMIT ?3"
    ))?
    .query_map(params![target, now.as_millisecond(), most], owed)?
    .collect()
}

fn owed(row: &Row<'_>) -> rusqlite::Result<Owed> {
    Ok(Owed {
        event: event(row)?,
        sequence: row.get(12)?,
        tries: row.get(13)?,
        why: row.get(14)?,
    })
}

fn heard(to: &Transaction<'_>, target: &str, sequence: i64) -> rusqlite::Result<()> {
    to.prepare_cached("DELETE FROM owed WHERE target = ?1 AND sequence = ?2")?
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
        "UPDATE owed SET tries = tries + 1, next = ?3, dead = ?4, why = ?5 WHERE target = ?1 AND sequence = ?2",
    )?
    .execute(params![
        target,
        sequence,
        next.map(Timestamp::as_millisecond).unwrap_or_default(),
        next.is_none(),
        why
    ])
    .map(drop)
}

/// Many become one.
fn fold(
    to: &Transaction<'_>,
    target: &str,
    sequences: &[i64],
    into: &Event,
    now: Timestamp,
) -> rusqlite::Result<()> {
    for sequence in sequences {
        heard(to, target, *sequence)?;
    }
    let sequence = events::insert(to, into, 0, Some(target))?;
    to.prepare_cached(
        "INSERT INTO owed (target, sequence, tries, next, dead, why) VALUES (?1, ?2, 0, ?3, FALSE, '')",
    )?
    .execute(params![target, sequence, now.as_millisecond()])
    .map(drop)
}

fn backlog(from: &Connection, target: &str) -> rusqlite::Result<Backlog> {
    let count = |dead: bool| -> rusqlite::Result<u64> {
        let counted: i64 = from
            .prepare_cached("SELECT COUNT(*) FROM owed JOIN event USING (sequence) WHERE owed.target = ?1 AND dead = ?2")?
            .query_row(params![target, dead], |row| row.get(0))?;
        Ok(u64::try_from(counted).unwrap_or_default())
    };
    let why = from
        .prepare_cached(
            "SELECT why FROM owed JOIN event USING (sequence) WHERE owed.target = ?1 AND why <> '' ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([target], |row| row.get(0))
        .optional()?;
    Ok(Backlog {
        waiting: count(false)?,
        given_up: count(true)?,
        why,
    })
}

/// What was given up, oldest first.
fn given_up(from: &Connection, target: &str, most: u32) -> rusqlite::Result<Vec<Owed>> {
    from.prepare_cached(&format!(
        "{SELECT}, tries, why FROM owed JOIN event ON event.sequence = owed.sequence
         WHERE owed.target = ?1 AND dead ORDER BY owed.sequence LIMIT ?2"
    ))?
    .query_map(params![target, most], owed)?
    .collect()
}

/// What was given up or waits for a try is tried at once, as if it never had been.
fn retry(to: &Transaction<'_>, target: &str, now: Timestamp) -> rusqlite::Result<()> {
    to.prepare_cached(
        "UPDATE owed SET dead = FALSE, tries = 0, next = ?2 WHERE target = ?1 AND (dead OR tries > 0)",
    )?
    .execute(params![target, now.as_millisecond()])
    .map(drop)
}

impl Outbox for SqliteLedger {
    fn note(&self, event: Event) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| events::note(to, &event)))
    }

    fn events(&self, most: u32) -> Pending<'_, Vec<Event>> {
        Box::pin(self.read(move |from| events::newest(from, most)))
    }

    fn events_of(&self, decision: DecisionId, most: u32) -> Pending<'_, Vec<Event>> {
        Box::pin(self.read(move |from| events::of_decision(from, decision, most)))
    }

    fn begin(&self, target: String) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| begin(to, &target)))
    }

    fn news(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>> {
        Box::pin(self.read(move |from| news(from, &target, most)))
    }

    fn take(&self, target: String, wanted: Vec<Taken>, up_to: i64) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| take(to, &target, &wanted, up_to)))
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

    fn fold(
        &self,
        target: String,
        sequences: Vec<i64>,
        into: Event,
        now: Timestamp,
    ) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| fold(to, &target, &sequences, &into, now)))
    }

    fn backlog(&self, target: String) -> Pending<'_, Backlog> {
        Box::pin(self.read(move |from| backlog(from, &target)))
    }

    fn given_up(&self, target: String, most: u32) -> Pending<'_, Vec<Owed>> {
        Box::pin(self.read(move |from| given_up(from, &target, most)))
    }

    fn retry(&self, target: String, now: Timestamp) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| retry(to, &target, now)))
    }

    fn troubles(&self) -> Pending<'_, Vec<Known>> {
        Box::pin(self.read(events::troubles))
    }

    fn begin_trouble(&self, subject: String, event: Event) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| events::begin_trouble(to, &subject, &event)))
    }

    fn end_trouble(&self, known: Known, told: Option<Event>) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| events::end_trouble(to, &known, told.as_ref())))
    }
}

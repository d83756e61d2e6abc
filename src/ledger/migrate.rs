//! The tables of the embedded ledger, brought up to date, and the connections to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::LedgerError;
use super::adopt::{self, Part, Upgrading};
use super::seal::Sealer;

/// How long a statement waits for another process (a `lazaret why` beside the server).
const BUSY: Duration = Duration::from_secs(5);

/// Migrations in their order; the number of those done is in the table `migration`.
const MIGRATIONS: [&str; 15] = [
    include_str!("001_start.sql"),
    include_str!("002_names.sql"),
    include_str!("003_revocations.sql"),
    include_str!("004_signed_tags.sql"),
    include_str!("005_admitted.sql"),
    include_str!("006_events.sql"),
    include_str!("007_identity.sql"),
    include_str!("008_chain.sql"),
    include_str!("009_held.sql"),
    include_str!("010_outbox.sql"),
    include_str!("011_waivers.sql"),
    include_str!("012_led.sql"),
    include_str!("013_summary.sql"),
    include_str!("014_served.sql"),
    include_str!("015_names.sql"),
];
/// The migration that begins the chain.
const CHAIN: usize = 7;
/// Batches between two words about how far it is.
const TOLD_EVERY: u64 = 50;

/// What a migration does with the rows that are there, and what ends it.
fn work(number: usize) -> (&'static [Part], &'static str) {
    match number {
        CHAIN => (&adopt::CHAINED, ""),
        8 => (&adopt::HELD, ""),
        13 => (&adopt::SERVED, "DROP TABLE puller"),
        14 => (&adopt::NAMES, "DROP TABLE known_name"),
        _ => (&[], ""),
    }
}

/// For the one thread that writes: every commit is synced.
pub(super) fn writable(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

/// For queries.
pub(super) fn readable(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Brings the tables up to date. Each batch of rows is a transaction that notes its place in `upgrade`; whoever comes
/// next, after a crash or at the same time, goes on there.
pub(super) fn migrate(
    connection: &mut Connection,
    sealer: &mut Sealer,
    tell: &mut dyn FnMut(&Upgrading),
) -> Result<(), LedgerError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY);
         CREATE TABLE IF NOT EXISTS upgrade (number INTEGER PRIMARY KEY, part INTEGER NOT NULL, place TEXT NOT NULL)",
    )?;
    if done(connection)? > MIGRATIONS.len() {
        return Err(LedgerError(
            "it was written by a later version of Lazaret".to_owned(),
        ));
    }
    let mut told = None;
    while step(connection, sealer, tell, &mut told)? {}
    Ok(())
}

fn done(from: &Connection) -> rusqlite::Result<usize> {
    let done: i64 = from.query_row("SELECT COUNT(*) FROM migration", [], |row| row.get(0))?;
    Ok(usize::try_from(done).unwrap_or_default())
}

/// Where the migration under way is: the part, and the place there.
fn place(from: &Connection, id: i64) -> rusqlite::Result<Option<(usize, String)>> {
    from.query_row(
        "SELECT part, place FROM upgrade WHERE number = ?1",
        [id],
        |row| Ok((row.get::<_, u32>(0)? as usize, row.get(1)?)),
    )
    .optional()
}

/// The next transaction; whether there was something to do.
fn step(
    connection: &mut Connection,
    sealer: &mut Sealer,
    tell: &mut dyn FnMut(&Upgrading),
    told: &mut Option<Upgrading>,
) -> Result<bool, LedgerError> {
    let to = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = done(&to)?;
    let Some(sql) = MIGRATIONS.get(number) else {
        return Ok(false);
    };
    let (parts, last) = work(number);
    let id = i64::try_from(number).unwrap_or(i64::MAX);
    let (at, after) = match place(&to, id)? {
        Some(place) => place,
        None => {
            to.execute_batch(sql)?;
            (0, String::new())
        }
    };
    let note = |part: usize, place: &str| {
        to.execute(
            "INSERT INTO upgrade (number, part, place) VALUES (?1, ?2, ?3)
             ON CONFLICT (number) DO UPDATE SET part = excluded.part, place = excluded.place",
            params![id, u32::try_from(part).unwrap_or(u32::MAX), place],
        )
    };
    let mut progress = None;
    match parts.get(at) {
        None => {
            to.execute_batch(last)?;
            to.execute("DELETE FROM upgrade WHERE number = ?1", [id])?;
            to.execute("INSERT INTO migration (number) VALUES (?1)", [id])?;
        }
        Some(part) => match part.step(&to, &after)? {
            None => drop(note(at + 1, "")?),
            Some(batch) => {
                note(at, &batch.up_to)?;
                progress = Some((part, batch.rows));
            }
        },
    }
    if number >= CHAIN {
        sealer.seal(&to)?;
    }
    if let Some((part, rows)) = progress {
        let before = match told.take().filter(|told| told.what == part.what) {
            Some(before) => before,
            None => Upgrading {
                what: part.what,
                done: 0,
                all: part.all(&to)?,
            },
        };
        let done = before.done + rows;
        *told = Some(Upgrading { done, ..before });
        to.commit()?;
        if let Some(told) = told {
            tell(told);
        }
    } else {
        to.commit()?;
    }
    Ok(true)
}

/// Tells the log of it, now and then.
pub(super) fn told() -> impl FnMut(&Upgrading) {
    let mut batches = 0_u64;
    move |Upgrading { what, done, all }| {
        if batches.is_multiple_of(TOLD_EVERY) || done >= all {
            tracing::info!(what, done, all, "the ledger is brought up to date");
        }
        batches += 1;
    }
}

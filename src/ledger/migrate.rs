//! The tables of the embedded ledger, brought up to date, and the connections to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::seal::Sealer;
use super::{LedgerError, chain, held};

/// How long a statement waits for another process (a `lazaret why` beside the server).
const BUSY: Duration = Duration::from_secs(5);

/// Migrations in their order; the number of those done is in the table `migration`.
const MIGRATIONS: [&str; 13] = [
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
];
/// The migration that begins the chain, and takes into it what was written before.
const CHAIN: usize = 7;
/// The one that begins the index of what images hold, and fills it with what verdicts and pulls tell.
const HELD: usize = 8;

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

/// Brings the tables up to date.
pub(super) fn migrate(connection: &mut Connection, sealer: &mut Sealer) -> Result<(), LedgerError> {
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY)")?;
    let done: u32 = connection.query_row("SELECT COUNT(*) FROM migration", [], |row| row.get(0))?;
    let done = done as usize;
    if done > MIGRATIONS.len() {
        return Err(LedgerError(
            "it was written by a later version of Lazaret".to_owned(),
        ));
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        if number == CHAIN {
            chain::adopt(&transaction)?;
            sealer.seal(&transaction)?;
        }
        if number == HELD {
            held::adopt(&transaction)?;
        }
        transaction.execute(
            "INSERT INTO migration (number) VALUES (?1)",
            [number as u32],
        )?;
        transaction.commit()?;
    }
    Ok(())
}

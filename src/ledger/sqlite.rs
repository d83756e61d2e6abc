//! The embedded ledger: SQLite in WAL mode, every commit synced.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};

use crate::oci::{Digest, Reference, Repository, Tag};
use crate::policy::Mode;

use super::writer::Writer;
use super::{
    Approval, Client, Decision, DecisionId, Ledger, LedgerError, OpenedKind, Pending, Pull, PullRow,
};

/// How long a statement waits for another process (a `lazaret why` beside the server).
const BUSY: Duration = Duration::from_secs(5);
/// Most roots that are looked at for one digest: a base layer has thousands, and any live one will do.
const MAX_ROOTS: u32 = 16;
/// Rows removed in one transaction, so that a sweep holds up no decision.
const SWEEP_BATCH: u32 = 2_000;

/// Migrations in their order; the number of those done is in the table `migration`.
const MIGRATIONS: [&str; 1] = [include_str!("001_start.sql")];

/// A ledger in one file.
pub struct SqliteLedger {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
}

impl SqliteLedger {
    /// Opens the file, which is made if it is not there, and brings its tables up to date. Blocks.
    ///
    /// # Errors
    /// As SQLite says, or where the file was written by a later version.
    pub fn open(file: &Path) -> Result<SqliteLedger, LedgerError> {
        let mut connection = Connection::open(file)?;
        configure(&connection)?;
        migrate(&mut connection)?;
        let reader = Connection::open_with_flags(
            file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        reader.busy_timeout(BUSY)?;
        let writer = Writer::start(connection).map_err(|error| LedgerError(error.to_string()))?;
        Ok(SqliteLedger {
            writer,
            reader: Arc::new(Mutex::new(reader)),
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let reader = self.reader.clone();
        let answer = tokio::task::spawn_blocking(move || {
            query(&reader.lock().unwrap_or_else(PoisonError::into_inner))
        });
        answer
            .await
            .map_err(|_| LedgerError("a query crashed".to_owned()))?
            .map_err(LedgerError::from)
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")
}

fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
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
        transaction.execute(
            "INSERT INTO migration (number) VALUES (?1)",
            [number as u32],
        )?;
        transaction.commit()?;
    }
    Ok(())
}

impl Ledger for SqliteLedger {
    fn record_decision(&self, decision: Decision) -> Pending<'_, ()> {
        Box::pin(async move {
            let verdict = serde_json::to_string(&decision.verdict)
                .map_err(|error| LedgerError(error.to_string()))?;
            self.writer
                .write(move |to| insert_decision(to, &decision, &verdict))
                .await
        })
    }

    fn record_pull(&self, pull: Pull) {
        if !self.writer.waiting.add(pull) {
            self.writer.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn dropped_pulls(&self) -> u64 {
        self.writer.dropped.load(Ordering::Relaxed)
    }

    fn approve(&self, approval: Approval, opened: Vec<(Digest, OpenedKind)>) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| {
            let mut insert = to.prepare_cached(
                "INSERT INTO approval (digest, kind, repository, root, decision, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (digest, repository, root) DO UPDATE SET kind = excluded.kind, decision = excluded.decision, at = excluded.at",
            )?;
            let (repository, root) = (approval.repository.as_str(), approval.digest.to_string());
            let (decision, at) = (approval.decision.to_string(), approval.at.as_millisecond());
            for (digest, kind) in &opened {
                insert.execute(params![digest.to_string(), kind.as_str(), repository, root, decision, at])?;
            }
            Ok(())
        }))
    }

    fn withdraw(&self, repository: Repository, digest: Digest) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| {
            to.prepare_cached("DELETE FROM approval WHERE repository = ?1 AND root = ?2")?
                .execute(params![repository.as_str(), digest.to_string()])
                .map(drop)
        }))
    }

    fn roots_of(&self, digest: Digest) -> Pending<'_, Vec<(Approval, OpenedKind)>> {
        Box::pin(self.read(move |from| {
            let mut query = from.prepare_cached(
                "SELECT repository, root, decision, at, kind FROM approval WHERE digest = ?1 ORDER BY at DESC LIMIT ?2",
            )?;
            let rows = query.query_map(params![digest.to_string(), MAX_ROOTS], |row| {
                let approval = Approval {
                    repository: parsed(row, 0)?,
                    digest: parsed(row, 1)?,
                    decision: parsed_by(row, 2, |text| text.parse::<DecisionId>().ok())?,
                    at: time(row, 3)?,
                };
                Ok((approval, parsed_by(row, 4, OpenedKind::parse)?))
            })?;
            rows.collect()
        }))
    }

    fn remember_tag(
        &self,
        repository: Repository,
        tag: Tag,
        digest: Digest,
        at: Timestamp,
    ) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| {
            to.prepare_cached(
                "INSERT INTO tag (repository, tag, digest, at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, at = excluded.at",
            )?
            .execute(params![repository.as_str(), tag.as_str(), digest.to_string(), at.as_millisecond()])
            .map(drop)
        }))
    }

    fn last_tag(
        &self,
        repository: Repository,
        tag: Tag,
    ) -> Pending<'_, Option<(Digest, Timestamp)>> {
        Box::pin(self.read(move |from| {
            from.prepare_cached("SELECT digest, at FROM tag WHERE repository = ?1 AND tag = ?2")?
                .query_row(params![repository.as_str(), tag.as_str()], |row| {
                    Ok((parsed(row, 0)?, time(row, 1)?))
                })
                .optional()
        }))
    }

    fn decision(&self, id: DecisionId) -> Pending<'_, Option<Decision>> {
        Box::pin(self.read(move |from| {
            let mut query = from.prepare_cached(&format!("{SELECT_DECISION} WHERE id = ?1"))?;
            query.query_row([id.to_string()], decision_of).optional()
        }))
    }

    fn decisions(&self, repository: Option<Repository>, most: u32) -> Pending<'_, Vec<Decision>> {
        Box::pin(self.read(move |from| {
            let sql = format!(
                "{SELECT_DECISION} WHERE ?1 IS NULL OR repository = ?1 ORDER BY id DESC LIMIT ?2"
            );
            let mut query = from.prepare_cached(&sql)?;
            let name = repository.as_ref().map(Repository::as_str);
            query.query_map(params![name, most], decision_of)?.collect()
        }))
    }

    fn pulls_of(&self, id: DecisionId, most: u32) -> Pending<'_, Vec<PullRow>> {
        Box::pin(self.read(move |from| {
            let mut query = from.prepare_cached(
                "SELECT at, digest, address, user_agent, listener, kind, outcome, count, bytes
                 FROM pull WHERE decision = ?1 ORDER BY at DESC LIMIT ?2",
            )?;
            query
                .query_map(params![id.to_string(), most], pull_of)?
                .collect()
        }))
    }

    fn sweep(&self, before: Timestamp) -> Pending<'_, u64> {
        Box::pin(async move {
            let (mut swept, limit) = (0, before.as_millisecond());
            for (table, keep) in [
                ("pull", ""),
                ("decision", "AND id NOT IN (SELECT decision FROM approval)"),
            ] {
                loop {
                    let removed = Arc::new(Mutex::new(0));
                    let told = removed.clone();
                    let sql = format!(
                        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE at < ?1 {keep} LIMIT {SWEEP_BATCH})"
                    );
                    let act = move |to: &Transaction<'_>| {
                        *told.lock().unwrap_or_else(PoisonError::into_inner) =
                            to.execute(&sql, [limit])?;
                        Ok(())
                    };
                    self.writer.write(act).await?;
                    let removed = *removed.lock().unwrap_or_else(PoisonError::into_inner);
                    swept += removed as u64;
                    if removed < SWEEP_BATCH as usize {
                        break;
                    }
                }
            }
            Ok(swept)
        })
    }

    fn flush(&self) -> Pending<'_, ()> {
        Box::pin(self.writer.write(|_| Ok(())))
    }
}

fn insert_decision(
    to: &Transaction<'_>,
    decision: &Decision,
    verdict: &str,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO decision (id, at, repository, reference, digest, address, user_agent, listener, allowed, mode,
         verdict, policy_epoch, policy_file, gathered_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        decision.id.to_string(),
        decision.at.as_millisecond(),
        decision.reference.repository().as_str(),
        decision.reference.to_string(),
        decision.digest.map(|digest| digest.to_string()),
        decision.client.address.to_string(),
        decision.client.user_agent.as_ref(),
        decision.client.listener,
        decision.allowed,
        match decision.mode {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit",
        },
        verdict,
        format!("{:016x}", decision.policy_epoch),
        decision.policy_file,
        decision.gathered_ms,
    ])
    .map(drop)
}

pub(super) fn insert_pull(to: &Transaction<'_>, pull: &Pull, count: u64) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        pull.at.as_millisecond(),
        pull.decision.to_string(),
        pull.digest.map(|digest| digest.to_string()),
        pull.client.address.to_string(),
        pull.client.user_agent.as_ref(),
        pull.client.listener,
        pull.kind.as_str(),
        pull.outcome.as_str(),
        i64::try_from(count).unwrap_or(i64::MAX),
        i64::try_from(pull.bytes).unwrap_or(i64::MAX),
    ])
    .map(drop)
}

const SELECT_DECISION: &str =
    "SELECT id, at, reference, digest, address, user_agent, listener, allowed, mode, verdict,
 policy_epoch, policy_file, gathered_ms FROM decision";

fn decision_of(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let listener = match row.get::<_, String>(6)?.as_str() {
        "mirror" => "mirror",
        "gateway" => "gateway",
        "cli" => "cli",
        _ => "unknown",
    };
    Ok(Decision {
        id: parsed_by(row, 0, |text| text.parse().ok())?,
        at: time(row, 1)?,
        reference: parsed::<Reference>(row, 2)?,
        digest: match row.get::<_, Option<String>>(3)? {
            Some(_) => Some(parsed(row, 3)?),
            None => None,
        },
        client: Client {
            address: parsed(row, 4)?,
            user_agent: row.get::<_, String>(5)?.into(),
            listener,
        },
        allowed: row.get(7)?,
        mode: if row.get::<_, String>(8)? == "audit" {
            Mode::Audit
        } else {
            Mode::Enforce
        },
        verdict: parsed_by(row, 9, |text| serde_json::from_str(text).ok())?,
        policy_epoch: parsed_by(row, 10, |text| u64::from_str_radix(text, 16).ok())?,
        policy_file: row.get(11)?,
        gathered_ms: row.get(12)?,
    })
}

fn pull_of(row: &Row<'_>) -> rusqlite::Result<PullRow> {
    let number = |at| {
        row.get::<_, i64>(at)
            .map(|number| u64::try_from(number).unwrap_or_default())
    };
    Ok(PullRow {
        at: time(row, 0)?,
        digest: row.get(1)?,
        address: row.get(2)?,
        user_agent: row.get(3)?,
        listener: row.get(4)?,
        kind: row.get(5)?,
        outcome: row.get(6)?,
        count: number(7)?,
        bytes: number(8)?,
    })
}

fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    let wrong = |_| rusqlite::Error::IntegralValueOutOfRange(at, 0);
    Timestamp::from_millisecond(row.get(at)?).map_err(wrong)
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    parsed_by(row, at, |text| text.parse().ok())
}

/// A text that is not what we wrote means that somebody else wrote it: an error, never a guess.
fn parsed_by<T>(
    row: &Row<'_>,
    at: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    parse(&text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            at,
            rusqlite::types::Type::Text,
            "not what was written".into(),
        )
    })
}

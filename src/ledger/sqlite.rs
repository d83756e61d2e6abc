//! The embedded ledger: SQLite in WAL mode, every commit synced.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::oci::{Digest, Repository, Tag};
use crate::policy::{Admitted, Revocation, SignedTag};

use super::key::Key;
use super::migrate::{migrate, readable, writable};
use super::row::{SELECT_DECISION, decision_of, insert_decision, parsed, parsed_by, pull_of, time};
use super::seal::Sealer;
use super::writer::Writer;
use super::{
    Approval, Decision, DecisionId, Holdings, KeptSummary, KnownName, Led, Ledger, LedgerError,
    LoggedPull, Numbered, OpenedKind, Outbox, Pending, Pull, PullRow, Puller, Recorded, Search,
    WaiverUse, Who,
};
use super::{
    admitted, held, led, recorded, revocations, search, summaries, sweep, tags, waivers, who,
};

/// Most roots that are looked at for one digest: a base layer has thousands, and any live one will do.
const MAX_ROOTS: u32 = 16;

/// A ledger in one file.
pub struct SqliteLedger {
    pub(super) file: PathBuf,
    pub(super) writer: Writer,
    reader: Arc<Mutex<Connection>>,
}

impl SqliteLedger {
    /// Opens the file, which is made if it is not there, and brings its tables up to date. Blocks.
    ///
    /// # Errors
    /// As SQLite says, or where the file was written by a later version.
    pub fn open(file: &Path) -> Result<SqliteLedger, LedgerError> {
        let mut connection = writable(file)?;
        let mut sealer = Sealer::new(Key::beside(file));
        migrate(&mut connection, &mut sealer)?;
        let reader = readable(file)?;
        let writer = Writer::start(connection, sealer);
        let writer = writer.map_err(|error| LedgerError(error.to_string()))?;
        Ok(SqliteLedger {
            file: file.to_owned(),
            writer,
            reader: Arc::new(Mutex::new(reader)),
        })
    }

    pub(super) async fn write(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), LedgerError> {
        self.writer.write(act).await
    }

    /// Writes, and gives what the act came to.
    async fn counted<T: Default + Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>, &mut Sealer) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let result = Arc::new(Mutex::new(T::default()));
        let told = result.clone();
        let act = move |to: &Transaction<'_>, sealer: &mut Sealer| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = act(to, sealer)?;
            Ok(())
        };
        self.writer.write_with(act).await?;
        let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *result))
    }

    pub(super) async fn read<T: Send + 'static>(
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
        Box::pin(
            self.writer
                .write(move |to| tags::remember(to, &repository, &tag, &digest, at)),
        )
    }

    fn last_tag(
        &self,
        repository: Repository,
        tag: Tag,
    ) -> Pending<'_, Option<(Digest, Timestamp)>> {
        Box::pin(self.read(move |from| tags::last(from, &repository, &tag)))
    }

    fn keep_signed_tag(
        &self,
        repository: Repository,
        tag: Tag,
        newest: SignedTag,
    ) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| tags::keep_signed(to, &repository, &tag, &newest)),
        )
    }

    fn signed_tag(&self, repository: Repository, tag: Tag) -> Pending<'_, Option<SignedTag>> {
        Box::pin(self.read(move |from| tags::signed(from, &repository, &tag)))
    }

    fn keep_led(&self, repository: Repository, led: Led) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| led::keep(to, &repository, &led)))
    }

    fn led(&self, repository: Repository, tag: Tag) -> Pending<'_, Option<Led>> {
        Box::pin(self.read(move |from| led::led(from, &repository, &tag)))
    }

    fn namesake(&self, repository: Repository) -> Pending<'_, Option<Repository>> {
        Box::pin(self.read(move |from| led::namesake(from, &repository)))
    }

    fn admitted(&self, repository: Repository, digest: Digest) -> Pending<'_, Option<Admitted>> {
        Box::pin(self.read(move |from| admitted::admitted(from, &repository, &digest)))
    }

    fn keep_failing(
        &self,
        repository: Repository,
        digest: Digest,
        since: Option<Timestamp>,
    ) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| admitted::keep_failing(to, &repository, &digest, since)),
        )
    }

    fn admitted_images(
        &self,
        after: Option<(Repository, Digest)>,
        most: u32,
    ) -> Pending<'_, Vec<Approval>> {
        Box::pin(self.read(move |from| admitted::images(from, after, most)))
    }

    fn outbox(&self) -> &dyn Outbox {
        self
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

    fn search(&self, search: Search) -> Pending<'_, Vec<Numbered<Decision>>> {
        Box::pin(self.read(move |from| search::decisions(from, &search)))
    }

    fn search_pulls(&self, search: Search) -> Pending<'_, Vec<Numbered<LoggedPull>>> {
        Box::pin(self.read(move |from| search::pulls(from, &search)))
    }

    fn pulls_of(&self, id: DecisionId, most: u32) -> Pending<'_, Vec<PullRow>> {
        Box::pin(self.read(move |from| {
            let mut query = from.prepare_cached(
                "SELECT at, digest, address, user_agent, listener, kind, outcome, count, bytes, identity
                 FROM pull WHERE decision = ?1 ORDER BY at DESC LIMIT ?2",
            )?;
            query
                .query_map(params![id.to_string(), most], pull_of)?
                .collect()
        }))
    }

    fn pullers(&self, who: Who) -> Pending<'_, Vec<Puller>> {
        Box::pin(self.read(move |from| who::pullers(from, &who)))
    }

    fn hold(&self, image: Digest, holdings: Holdings) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| held::hold(to, &image, &holdings)),
        )
    }

    fn keep_summary(&self, summary: KeptSummary) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| summaries::keep(to, &summary)))
    }

    fn summary_of(&self, id: DecisionId, subject: Digest) -> Pending<'_, Option<KeptSummary>> {
        Box::pin(self.read(move |from| summaries::of(from, id, &subject)))
    }

    fn summary_with(&self, digest: Digest) -> Pending<'_, Option<KeptSummary>> {
        Box::pin(self.read(move |from| summaries::with(from, &digest)))
    }

    fn summary_digests(&self, most: u32) -> Pending<'_, Vec<Digest>> {
        Box::pin(self.read(move |from| summaries::digests(from, most)))
    }

    fn recorded(&self, since: Timestamp, most: u32) -> Pending<'_, Vec<Recorded>> {
        Box::pin(self.read(move |from| recorded::recorded(from, since, most)))
    }

    fn known_name(&self, repository: Repository) -> Pending<'_, Option<KnownName>> {
        Box::pin(self.read(move |from| {
            from.prepare_cached("SELECT at, approved_by FROM known_name WHERE repository = ?1")?
                .query_row([repository.as_str()], |row| {
                    Ok(KnownName {
                        at: time(row, 0)?,
                        approved_by: row.get(1)?,
                    })
                })
                .optional()
        }))
    }

    fn approve_name(&self, repository: Repository, known: KnownName) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| {
            to.prepare_cached(
                "INSERT INTO known_name (repository, at, approved_by) VALUES (?1, ?2, ?3)
                 ON CONFLICT (repository) DO UPDATE SET approved_by = excluded.approved_by",
            )?
            .execute(params![
                repository.as_str(),
                known.at.as_millisecond(),
                known.approved_by
            ])
            .map(drop)
        }))
    }

    fn forget_name(&self, repository: Repository) -> Pending<'_, ()> {
        Box::pin(self.writer.write(move |to| {
            to.prepare_cached("DELETE FROM known_name WHERE repository = ?1")?
                .execute([repository.as_str()])
                .map(drop)
        }))
    }

    fn revoke(&self, revocation: Revocation) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| revocations::insert(to, &revocation)),
        )
    }

    fn end_revocation(&self, id: String, by: String, at: Timestamp) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| revocations::end(to, &id, &by, at)),
        )
    }

    fn revocations(&self) -> Pending<'_, Vec<Revocation>> {
        Box::pin(self.read(revocations::in_force))
    }

    fn waivers_used(&self) -> Pending<'_, Vec<WaiverUse>> {
        Box::pin(self.read(waivers::used))
    }

    fn sweep(&self, before: Timestamp) -> Pending<'_, u64> {
        Box::pin(async move {
            let (mut swept, limit) = (0, before.as_millisecond());
            for (table, number, at) in sweep::PLAIN {
                loop {
                    let act = move |to: &Transaction<'_>, _: &mut Sealer| {
                        Ok(sweep::plain(to, (table, number, at), limit)?)
                    };
                    let removed = self.counted(act).await?;
                    swept += removed as u64;
                    if removed < sweep::BATCH as usize {
                        break;
                    }
                }
            }
            let end = self.read(move |from| sweep::old_end(from, limit)).await?;
            loop {
                let act = move |to: &Transaction<'_>, sealer: &mut Sealer| {
                    sweep::chained(to, sealer, end, limit)
                };
                let (seen, removed) = self.counted(act).await?;
                swept += removed as u64;
                if seen < sweep::BATCH as usize {
                    break;
                }
            }
            loop {
                let act = |to: &Transaction<'_>, _: &mut Sealer| Ok(held::sweep(to)?);
                if self.counted(act).await? < held::MOST_IMAGES as usize {
                    break;
                }
            }
            Ok(swept)
        })
    }

    fn flush(&self) -> Pending<'_, ()> {
        Box::pin(self.writer.write(|_| Ok(())))
    }
}

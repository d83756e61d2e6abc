//! The embedded ledger: SQLite in WAL mode, every commit synced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::oci::{Digest, Repository, Tag};
use crate::policy::{Admitted, Revocation, SignedTag};
use crate::telemetry;

use super::key::Key;
use super::migrate::{migrate, readable, told, writable};
use super::row::{SELECT_DECISION, decision_of, insert_decision, pull_of};
use super::seal::Sealer;
use super::writer::Writer;
use super::{
    Approval, Decision, DecisionId, Event, Holdings, KeptSummary, KnownName, Led, Ledger,
    LedgerError, LoggedPull, Numbered, OpenedKind, Outbox, Pending, Pull, PullRow, Pulled, Puller,
    Recorded, Search, Upgrading, WaiverUse, Who,
};
use super::{
    admitted, approvals, events, held, led, names, proof, recorded, revocations, search, summaries,
    tags, waivers, who,
};

/// A ledger in one file.
pub struct SqliteLedger {
    pub(super) file: PathBuf,
    pub(super) writer: Writer,
    reader: Arc<Mutex<Connection>>,
    /// For what people ask, which may take a while: no pull waits for it.
    asked: Arc<Mutex<Connection>>,
}

impl SqliteLedger {
    /// Opens the file, which is made if it is not there, and brings its tables up to date. Blocks.
    ///
    /// # Errors
    /// As SQLite says, or where the file was written by a later version.
    pub fn open(file: &Path) -> Result<SqliteLedger, LedgerError> {
        SqliteLedger::open_telling(file, &mut told())
    }

    /// The same; `tell` hears how far it is where a ledger of an older version is brought up to date, after each batch
    /// that is durable.
    ///
    /// # Errors
    /// As [`SqliteLedger::open`].
    pub fn open_telling(
        file: &Path,
        tell: &mut dyn FnMut(&Upgrading),
    ) -> Result<SqliteLedger, LedgerError> {
        let mut connection = writable(file)?;
        let mut sealer = Sealer::new(Key::beside(file));
        migrate(&mut connection, &mut sealer, tell)?;
        let (reader, asked) = (readable(file)?, readable(file)?);
        let writer = Writer::start(connection, sealer);
        let writer = writer.map_err(|error| LedgerError(error.to_string()))?;
        Ok(SqliteLedger {
            file: file.to_owned(),
            writer,
            reader: Arc::new(Mutex::new(reader)),
            asked: Arc::new(Mutex::new(asked)),
        })
    }

    pub(super) async fn write(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), LedgerError> {
        self.writer.write(act).await
    }

    /// Writes, and gives what the act came to.
    pub(super) async fn counted<T: Default + Send + 'static>(
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
        on(self.reader.clone(), query).await
    }

    /// Gives all who are meant, whoever pulled last first, until `each` says that it is enough. Blocks.
    ///
    /// # Errors
    /// As SQLite says.
    pub fn each_puller(
        &self,
        who: &Who,
        each: &mut dyn FnMut(Puller) -> bool,
    ) -> Result<(), LedgerError> {
        who::each(&readable(&self.file)?, who, false, each)?;
        Ok(())
    }
}

async fn on<T: Send + 'static>(
    reader: Arc<Mutex<Connection>>,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, LedgerError> {
    let answer = tokio::task::spawn_blocking(move || {
        query(&reader.lock().unwrap_or_else(PoisonError::into_inner))
    });
    answer
        .await
        .map_err(|_| LedgerError("a query crashed".to_owned()))?
        .map_err(LedgerError::from)
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
        Box::pin(
            self.writer
                .write(move |to| approvals::approve(to, &approval, &opened)),
        )
    }

    fn withdraw(
        &self,
        repository: Repository,
        digest: Digest,
        told: Option<Event>,
    ) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| {
            let gone = approvals::withdraw(to, &repository, &digest)?;
            let told = told.filter(|_| gone > 0);
            told.map_or(Ok(()), |event| events::note(to, &event))
        }))
    }

    fn roots_of(&self, digest: Digest) -> Pending<'_, Vec<(Approval, OpenedKind)>> {
        Box::pin(self.read(move |from| approvals::roots_of(from, &digest)))
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

    fn known_publisher(&self, publisher: String) -> Pending<'_, bool> {
        Box::pin(self.read(move |from| led::known_publisher(from, &publisher)))
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
        Box::pin(on(self.asked.clone(), move |from| {
            search::decisions(from, &search)
        }))
    }

    fn search_pulls(&self, search: Search) -> Pending<'_, Vec<Numbered<LoggedPull>>> {
        Box::pin(on(self.asked.clone(), move |from| {
            search::pulls(from, &search)
        }))
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
        Box::pin(on(self.asked.clone(), move |from| who::pullers(from, &who)))
    }

    fn pulled(&self, who: Who) -> Pending<'_, Pulled> {
        Box::pin(on(self.asked.clone(), move |from| who::pulled(from, &who)))
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
        Box::pin(on(self.asked.clone(), move |from| {
            recorded::recorded(from, since, most)
        }))
    }

    fn known_name(&self, repository: Repository) -> Pending<'_, Option<KnownName>> {
        Box::pin(self.read(move |from| names::known(from, &repository)))
    }

    fn approve_name(&self, repository: Repository, known: KnownName) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| names::approve(to, &repository, &known)),
        )
    }

    fn forget_name(&self, repository: Repository, by: String, at: Timestamp) -> Pending<'_, ()> {
        Box::pin(
            self.writer
                .write(move |to| names::forget(to, &repository, &by, at)),
        )
    }

    fn revoke(&self, revocation: Revocation, told: Event) -> Pending<'_, ()> {
        Box::pin(self.write(move |to| {
            revocations::insert(to, &revocation)?;
            events::note(to, &told)
        }))
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

    fn waivers_used(&self) -> Pending<'_, BTreeMap<String, WaiverUse>> {
        Box::pin(self.read(waivers::used))
    }

    fn sweep(&self, before: Timestamp) -> Pending<'_, u64> {
        Box::pin(self.sweep_all(before.as_millisecond()))
    }

    fn broken(&self) -> Pending<'_, Option<String>> {
        let file = self.file.clone();
        Box::pin(async move {
            let read =
                tokio::task::spawn_blocking(move || proof::of(&file, None, None, &mut |_, _| {}));
            let read = read
                .await
                .map_err(|_| LedgerError("a query crashed".to_owned()))?;
            Ok(read?.broken.map(|broken| broken.to_string()))
        })
    }

    fn flush(&self) -> Pending<'_, ()> {
        let now = telemetry::now().as_millisecond();
        Box::pin(self.writer.write(move |to| {
            to.prepare_cached("INSERT OR REPLACE INTO alive (one, at) VALUES (1, ?1)")?
                .execute([now])
                .map(drop)
        }))
    }
}

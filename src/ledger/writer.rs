//! The one thread that writes: it takes all that waits, does it in one transaction, commits once, then answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::telemetry;

use super::pulls::Waiting;
use super::row::insert_pull;
use super::seal::Sealer;
use super::{LedgerError, served};

/// How long pulls wait to be written together.
const PULLS_WAIT: Duration = Duration::from_millis(100);
/// Most writes in one transaction: bounds how long the first of them waits.
const MAX_GROUP: usize = 512;
/// Most writes that wait; more are refused, and what cannot be recorded blocks.
const MAX_QUEUE: usize = 8_192;

type Act = Box<dyn FnOnce(&Transaction<'_>, &mut Sealer) -> Result<(), LedgerError> + Send>;

struct Write {
    act: Act,
    done: oneshot::Sender<Result<(), LedgerError>>,
}

/// The way to the thread.
pub(super) struct Writer {
    queue: SyncSender<Write>,
    pub(super) waiting: Arc<Waiting>,
    pub(super) dropped: Arc<AtomicU64>,
}

impl Writer {
    pub(super) fn start(connection: Connection, sealer: Sealer) -> std::io::Result<Writer> {
        let (queue, writes) = sync_channel(MAX_QUEUE);
        let (waiting, dropped) = (Arc::new(Waiting::default()), Arc::new(AtomicU64::new(0)));
        let (pulls, lost) = (waiting.clone(), dropped.clone());
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || run(connection, sealer, &writes, &pulls, &lost))?;
        Ok(Writer {
            queue,
            waiting,
            dropped,
        })
    }

    /// Resolves once the act is committed, or is not.
    pub(super) async fn write(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), LedgerError> {
        self.write_with(move |to, _| Ok(act(to)?)).await
    }

    /// The same for an act that signs.
    pub(super) async fn write_with(
        &self,
        act: impl FnOnce(&Transaction<'_>, &mut Sealer) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<(), LedgerError> {
        let (done, answer) = oneshot::channel();
        self.queue
            .try_send(Write {
                act: Box::new(act),
                done,
            })
            .map_err(|error| match error {
                TrySendError::Full(_) => LedgerError(format!("more than {MAX_QUEUE} writes wait")),
                TrySendError::Disconnected(_) => LedgerError("the writer has ended".to_owned()),
            })?;
        answer
            .await
            .unwrap_or_else(|_| Err(LedgerError("the writer has ended".to_owned())))
    }
}

fn run(
    mut connection: Connection,
    mut sealer: Sealer,
    writes: &Receiver<Write>,
    pulls: &Waiting,
    lost: &AtomicU64,
) {
    let mut flushed = Instant::now();
    loop {
        let patience = PULLS_WAIT.saturating_sub(flushed.elapsed());
        let (first, ended) = match writes.recv_timeout(patience) {
            Ok(write) => (Some(write), false),
            Err(RecvTimeoutError::Timeout) => (None, false),
            Err(RecvTimeoutError::Disconnected) => (None, true),
        };
        let group: Vec<Write> = first
            .into_iter()
            .chain(writes.try_iter().take(MAX_GROUP))
            .collect();
        let rows = if ended || !group.is_empty() || flushed.elapsed() >= PULLS_WAIT {
            flushed = Instant::now();
            pulls.take()
        } else {
            Vec::new()
        };
        if !group.is_empty() || !rows.is_empty() {
            commit(&mut connection, &mut sealer, group, &rows, lost);
        }
        if ended {
            return;
        }
    }
}

/// One transaction for all: either every write of the group is durable, or each is told that it is not.
fn commit(
    connection: &mut Connection,
    sealer: &mut Sealer,
    group: Vec<Write>,
    rows: &[(super::Pull, u64)],
    lost: &AtomicU64,
) {
    let (acts, waiters): (Vec<_>, Vec<_>) = group
        .into_iter()
        .map(|write| (write.act, write.done))
        .unzip();
    let outcome: Result<(), LedgerError> = (|| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !acts.is_empty() {
            acts.into_iter()
                .try_for_each(|act| act(&transaction, sealer))?;
            sealer.seal(&transaction)?;
        }
        rows.iter()
            .try_for_each(|(pull, count)| insert_pull(&transaction, pull, *count))?;
        served::note(&transaction, rows)?;
        Ok(transaction.commit()?)
    })();
    if let Err(error) = &outcome {
        telemetry::metrics().ledger_errors.inc();
        tracing::error!(%error, "the ledger cannot be written");
        lost.fetch_add(rows.iter().map(|(_, count)| count).sum(), Ordering::Relaxed);
    }
    for waiter in waiters {
        let _ = waiter.send(outcome.clone());
    }
}

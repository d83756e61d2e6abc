//! One download, many readers: streamed while it arrives, the last byte held until the digest is right.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::oci::{Digest, Hasher};

use super::disk::Inner;
use super::source::{Length, Source, SourceError};
use super::window::Window;

/// Largest blob in bytes: above the largest layers in the wild (machine-learning images, some 40 GiB).
pub const MAX_BLOB_BYTES: u64 = 128 * 1024 * 1024 * 1024;
/// How often a broken download is resumed.
const MAX_RESUMES: u32 = 5;
/// How long a download waits for its slowest reader when it goes through memory only.
const SLOWEST_READER: Duration = Duration::from_secs(30);

/// Why a download failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FillError {
    /// The content does not hash to its digest.
    WrongDigest,
    /// More bytes than the image says, or than any blob may have.
    TooLong,
    /// Fewer bytes than the image says, tries notwithstanding.
    TooShort,
    /// The source gives up.
    Source(String),
    /// The disk, where it cannot be done without.
    Disk(String),
    /// Our fault.
    Crashed,
}

impl FillError {
    pub(super) fn disk(error: &io::Error) -> FillError {
        FillError::Disk(error.to_string())
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FillError::WrongDigest => {
                f.write_str("the registry sent content that does not have its digest")
            }
            FillError::TooLong => f.write_str("the registry sent more than the image says"),
            FillError::TooShort => f.write_str("the registry sent less than the image says"),
            FillError::Source(why) => f.write_str(why),
            FillError::Disk(why) => write!(f, "the cache's disk: {why}"),
            FillError::Crashed => f.write_str("the download crashed"),
        }
    }
}

impl std::error::Error for FillError {}

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes that arrived.
    pub(super) arrived: u64,
    /// Of these, bytes on disk; the rest is in the window.
    pub(super) on_disk: u64,
    /// Set at the end.
    pub(super) ended: Option<Result<(), FillError>>,
}

/// A download and what its readers share.
pub(super) struct Fill {
    digest: Digest,
    length: Length,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) window: Mutex<Window>,
    pub(super) moved: Notify,
    pub(super) file: OnceLock<Arc<File>>,
}

impl Fill {
    pub(super) fn new(digest: Digest, length: Length) -> Arc<Fill> {
        Arc::new(Fill {
            digest,
            length,
            progress: watch::Sender::new(Progress {
                arrived: 0,
                on_disk: 0,
                ended: None,
            }),
            window: Mutex::default(),
            moved: Notify::new(),
            file: OnceLock::new(),
        })
    }

    fn window(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn longest(&self) -> u64 {
        let (Length::Exactly(most) | Length::AtMost(most)) = self.length;
        most.min(MAX_BLOB_BYTES)
    }

    fn is_whole(&self, arrived: u64) -> bool {
        match self.length {
            Length::Exactly(length) => arrived == length,
            Length::AtMost(_) => true,
        }
    }
}

/// Ends the download for its readers whatever becomes of it.
struct End {
    inner: Arc<Inner>,
    fill: Arc<Fill>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut good = false;
        self.fill.progress.send_modify(|progress| {
            good = progress
                .ended
                .get_or_insert(Err(FillError::Crashed))
                .is_ok();
        });
        let counters = &self.inner.counters;
        if good {
            &counters.filled
        } else {
            &counters.failed
        }
        .fetch_add(1, Ordering::Relaxed);
        self.inner
            .fills
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.fill.digest);
    }
}

/// Runs a download to its end.
pub(super) async fn download(inner: Arc<Inner>, fill: Arc<Fill>, mut source: Box<dyn Source>) {
    let end = End {
        inner: inner.clone(),
        fill: fill.clone(),
    };
    let path = inner
        .partial
        .join(fill.digest.to_string().replace(':', "-"));
    let mut run = Run::begin(inner.clone(), fill.clone(), path).await;
    let outcome = run.fetch(source.as_mut()).await;
    if let Err(error) = &outcome {
        tracing::warn!(digest = %fill.digest, %error, "a download failed");
    }
    let verified = outcome.is_ok();
    // Bytes that may still become the blob are kept for the next try; wrong ones are not.
    let resumable = matches!(outcome, Err(FillError::Source(_) | FillError::TooShort));
    if verified {
        fill.progress
            .send_modify(|progress| progress.ended = Some(Ok(())));
    }
    run.finish(verified, resumable).await;
    if !verified {
        fill.progress
            .send_modify(|progress| progress.ended = Some(outcome));
    }
    drop(end);
}

struct Run {
    inner: Arc<Inner>,
    fill: Arc<Fill>,
    path: PathBuf,
    /// None once the disk takes no more.
    file: Option<Arc<File>>,
    hasher: Option<Hasher>,
    arrived: u64,
}

impl Run {
    /// Opens the partial file and hashes what an earlier try left in it.
    async fn begin(inner: Arc<Inner>, fill: Arc<Fill>, path: PathBuf) -> Run {
        let (longest, mut hasher, at) = (fill.longest(), fill.digest.hasher(), path.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&at)?;
            let kept = file.metadata()?.len();
            if kept >= longest {
                file.set_len(0)?;
                return Ok((file, hasher, 0));
            }
            let mut buffer = vec![0; 256 * 1024];
            loop {
                let read = file.read(&mut buffer)?;
                match buffer.get(..read) {
                    Some([]) | None => return Ok((file, hasher, kept)),
                    Some(bytes) => hasher.update(bytes),
                }
            }
        });
        let digest = fill.digest;
        let (file, hasher, arrived) = match opened
            .await
            .map_err(io::Error::other)
            .and_then(|opened: io::Result<_>| opened)
        {
            Ok((file, hasher, kept)) => (Some(Arc::new(file)), hasher, kept),
            Err(error) => {
                tracing::warn!(%digest, %error, "the cache's disk takes no download; it passes through memory");
                (None, digest.hasher(), 0)
            }
        };
        if let Some(file) = &file {
            let _ = fill.file.set(file.clone());
        }
        fill.progress
            .send_modify(|progress| (progress.arrived, progress.on_disk) = (arrived, arrived));
        Run {
            inner,
            fill,
            path,
            file,
            hasher: Some(hasher),
            arrived,
        }
    }

    /// All bytes, from as many tries as it takes and is reasonable, and the right ones.
    async fn fetch(&mut self, source: &mut dyn Source) -> Result<(), FillError> {
        let mut resumes = 0;
        loop {
            let failure = match self.stream(source).await? {
                None if self.fill.is_whole(self.arrived) => break,
                None => SourceError {
                    why: FillError::TooShort.to_string(),
                    temporary: true,
                },
                Some(failure) => failure,
            };
            resumes += 1;
            if !failure.temporary || resumes > MAX_RESUMES {
                return Err(if failure.why == FillError::TooShort.to_string() {
                    FillError::TooShort
                } else {
                    FillError::Source(failure.why)
                });
            }
        }
        let hasher = self.hasher.take().ok_or(FillError::Crashed)?;
        if hasher.finish() == self.fill.digest {
            Ok(())
        } else {
            Err(FillError::WrongDigest)
        }
    }

    /// One try: to the end (`None`) or to the source's failure.
    async fn stream(&mut self, source: &mut dyn Source) -> Result<Option<SourceError>, FillError> {
        let mut chunks = match source.open(self.arrived).await {
            Ok(chunks) => chunks,
            Err(failure) => return Ok(Some(failure)),
        };
        while let Some(chunk) = chunks.next().await {
            let bytes = match chunk {
                Ok(bytes) => bytes,
                Err(failure) => return Ok(Some(failure)),
            };
            if self.arrived + bytes.len() as u64 > self.fill.longest() {
                return Err(FillError::TooLong);
            }
            if !bytes.is_empty() {
                self.take(bytes).await?;
            }
        }
        Ok(None)
    }

    /// Hashes a piece, writes it and tells the readers. A disk that takes no more turns the download into one
    /// through memory: nothing is kept, but who is reading reads on.
    async fn take(&mut self, bytes: Bytes) -> Result<(), FillError> {
        let mut hasher = self.hasher.take().ok_or(FillError::Crashed)?;
        let (inner, file, at, piece) = (
            self.inner.clone(),
            self.file.clone(),
            self.arrived,
            bytes.clone(),
        );
        let done = tokio::task::spawn_blocking(move || {
            hasher.update(&piece);
            let written = file.map(|file| {
                inner.check_space(at + piece.len() as u64)?;
                file.write_all_at(&piece, at)
            });
            (hasher, written)
        });
        let (hasher, written) = done.await.map_err(|_| FillError::Crashed)?;
        self.hasher = Some(hasher);
        let (start, length) = (self.arrived, bytes.len() as u64);
        self.arrived += length;
        if matches!(written, Some(Ok(()))) {
            self.fill.progress.send_modify(|progress| {
                (progress.arrived, progress.on_disk) = (start + length, start + length);
            });
            return Ok(());
        }
        if let Some(Err(error)) = written {
            tracing::warn!(digest = %self.fill.digest, %error, "the cache's disk takes no more; the download passes through memory");
            self.file = None;
        }
        self.pass_through(start, bytes).await;
        Ok(())
    }

    async fn pass_through(&self, start: u64, bytes: Bytes) {
        let length = bytes.len() as u64;
        loop {
            let moved = self.fill.moved.notified();
            {
                let mut window = self.fill.window();
                window.trim(false);
                if window.has_room_for(length) {
                    window.push(start, bytes);
                    break;
                }
            }
            if tokio::time::timeout(SLOWEST_READER, moved).await.is_err() {
                self.fill.window().trim(true);
            }
        }
        self.fill
            .progress
            .send_modify(|progress| progress.arrived = start + length);
    }

    /// Names the blob, or leaves what the next try may use, or nothing.
    async fn finish(self, verified: bool, resumable: bool) {
        let Run {
            inner,
            fill,
            path,
            file,
            arrived,
            ..
        } = self;
        let digest = fill.digest;
        let done = tokio::task::spawn_blocking(move || match file {
            Some(file) if verified => {
                let adopted = inner.adopt(&file, &path, &digest, arrived);
                adopted.inspect_err(|_| drop(fs::remove_file(&path)))
            }
            Some(_) if resumable => Ok(()),
            _ => fs::remove_file(&path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        });
        if let Ok(Err(error)) = done.await {
            tracing::warn!(%digest, %error, "a download is not kept");
        }
    }
}

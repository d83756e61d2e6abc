//! The store itself.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use crate::oci::Digest;

use super::fill::{Fill, FillError};
use super::index::{Index, blob_path};
use super::mapped::Mapped;
use super::reading::Reading;
use super::source::{Length, Source};

/// Most blobs that stay mapped though nobody reads them.
const MAX_RECENT: usize = 32;

/// Blobs by digest on local disk. Cheap to clone.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) blobs: PathBuf,
    pub(super) partial: PathBuf,
    pub(super) capacity: u64,
    pub(super) index: Index,
    pub(super) open: Mutex<HashMap<Digest, Weak<Mapped>>>,
    /// The maps of the last blobs, so that the next reader need not have every page mapped anew.
    pub(super) recent: Mutex<VecDeque<Arc<Mapped>>>,
    pub(super) fills: Mutex<HashMap<Digest, Arc<Fill>>>,
    pub(super) counters: Counters,
    /// Bytes after which writing fails, for tests of full disks.
    #[cfg(test)]
    pub(super) full_after: AtomicU64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) evicted: AtomicU64,
    pub(super) filled: AtomicU64,
    pub(super) failed: AtomicU64,
    temporary: AtomicU64,
}

/// The store in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// Bytes of complete blobs.
    pub bytes: u64,
    /// Complete blobs.
    pub blobs: u64,
    /// Downloads that run.
    pub filling: u64,
    /// Downloads that ended well since the start.
    pub filled: u64,
    /// Downloads that failed since the start.
    pub failed: u64,
    /// Blobs evicted since the start.
    pub evicted: u64,
}

/// A complete blob.
#[derive(Clone)]
pub struct Blob(Arc<Mapped>);

impl Blob {
    /// In bytes.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Reads a range; what lies beyond the end is left out.
    pub fn read(&self, range: Range<u64>) -> Reading {
        Reading::mapped(self.0.clone(), range.start..range.end.min(self.size()))
    }
}

impl Store {
    /// Opens the store in `directory`, which is made if it is not there. Blocks while it reads the directory.
    ///
    /// # Errors
    /// As the file system says.
    pub async fn open(directory: &Path, capacity_bytes: u64) -> io::Result<Store> {
        let (blobs, partial) = (directory.join("blobs"), directory.join("partial"));
        let made = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&blobs)?;
            fs::create_dir_all(&partial)?;
            // Small temporary files of a process that was killed; downloads keep their name and are resumed.
            for file in fs::read_dir(&partial)?.flatten() {
                if file.file_name().to_string_lossy().starts_with("put-") {
                    fs::remove_file(file.path())?;
                }
            }
            Ok::<_, io::Error>((Index::scan(&blobs)?, blobs, partial))
        });
        let (index, blobs, partial) = made.await.map_err(io::Error::other)??;
        Ok(Store(Arc::new(Inner {
            blobs,
            partial,
            capacity: capacity_bytes,
            index,
            open: Mutex::new(HashMap::new()),
            recent: Mutex::default(),
            fills: Mutex::new(HashMap::new()),
            counters: Counters::default(),
            #[cfg(test)]
            full_after: AtomicU64::new(u64::MAX),
        })))
    }

    /// Whether a complete blob is here.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.0.index.lock().blobs.contains_key(digest)
    }

    /// A complete blob.
    pub async fn get(&self, digest: &Digest) -> Option<Blob> {
        self.0.index.lock().touch(digest)?;
        if let Some(mapped) = self.0.already_open(digest) {
            return Some(Blob(mapped));
        }
        let (inner, digest) = (self.0.clone(), *digest);
        tokio::task::spawn_blocking(move || inner.open_blob(&digest))
            .await
            .ok()
            .flatten()
            .map(Blob)
    }

    /// The whole of a blob of at most `most` bytes.
    pub async fn read_small(&self, digest: &Digest, most: u64) -> Option<Bytes> {
        let blob = self.get(digest).await.filter(|blob| blob.size() <= most)?;
        let mapped = blob.0;
        tokio::task::spawn_blocking(move || Bytes::copy_from_slice(&mapped.slice(0..mapped.size())))
            .await
            .ok()
    }

    /// Keeps content that is in memory.
    ///
    /// # Errors
    /// [`FillError::WrongDigest`], or what the file system says.
    pub async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), FillError> {
        if self.contains(digest) {
            return Ok(());
        }
        if !digest.verifies(&bytes) {
            return Err(FillError::WrongDigest);
        }
        let (inner, digest) = (self.0.clone(), *digest);
        let kept = tokio::task::spawn_blocking(move || {
            let number = inner.counters.temporary.fetch_add(1, Ordering::Relaxed);
            let path = inner
                .partial
                .join(format!("put-{}-{number}", std::process::id()));
            let written = File::create(&path).and_then(|mut file| {
                inner.check_space(bytes.len() as u64)?;
                file.write_all(&bytes)?;
                inner.adopt(&file, &path, &digest, bytes.len() as u64)
            });
            written.inspect_err(|_| drop(fs::remove_file(&path)))
        });
        kept.await
            .map_err(|_| FillError::Crashed)?
            .map_err(|error| FillError::disk(&error))
    }

    /// Reads a blob that may not be here yet, from its beginning: joins the download in progress or starts one from
    /// `source`. The download goes on when its readers leave.
    pub fn fill(&self, digest: &Digest, length: Length, source: impl Source) -> Reading {
        let mut fills = self.0.fills.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fill) = fills.get(digest) {
            return Reading::live(fill.clone());
        }
        if self.contains(digest)
            && let Some(mapped) = self
                .0
                .already_open(digest)
                .or_else(|| self.0.open_blob(digest))
        {
            let size = mapped.size();
            return Reading::mapped(mapped, 0..size);
        }
        let fill = Fill::new(*digest, length);
        fills.insert(*digest, fill.clone());
        drop(fills);
        let reading = Reading::live(fill.clone());
        tokio::spawn(super::fill::download(
            self.0.clone(),
            fill,
            Box::new(source),
        ));
        reading
    }

    /// Removes a blob; readers that have it open read on.
    pub async fn remove(&self, digest: &Digest) {
        let (inner, digest) = (self.0.clone(), *digest);
        let _ = tokio::task::spawn_blocking(move || inner.unlink(&digest)).await;
    }

    /// Gives a complete blob a second name, for programs that read files; a copy where the file system has no such thing.
    /// Waits for the disk.
    ///
    /// # Errors
    /// As the file system says; that there is no such file where the blob is not here.
    pub fn link(&self, digest: &Digest, to: &Path) -> io::Result<()> {
        let blob = blob_path(&self.0.blobs, digest);
        match fs::hard_link(&blob, to) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                fs::copy(&blob, to).map(|_| ())
            }
            done => done,
        }
    }

    /// A folder for other things beside the blobs.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.0.blobs.with_file_name(name)
    }

    /// The store in numbers.
    pub fn stats(&self) -> StoreStats {
        let (bytes, blobs) = {
            let entries = self.0.index.lock();
            (entries.bytes, entries.blobs.len() as u64)
        };
        let counters = &self.0.counters;
        StoreStats {
            bytes,
            blobs,
            filling: self
                .0
                .fills
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .len() as u64,
            filled: counters.filled.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            evicted: counters.evicted.load(Ordering::Relaxed),
        }
    }
}

impl Inner {
    fn already_open(&self, digest: &Digest) -> Option<Arc<Mapped>> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(digest)?
            .upgrade()
    }

    /// Opens and maps; a file that vanished or changed its size is forgotten.
    fn open_blob(&self, digest: &Digest) -> Option<Arc<Mapped>> {
        let expected = self
            .index
            .lock()
            .blobs
            .get(digest)
            .map(|entry| entry.size)?;
        let opened =
            File::open(blob_path(&self.blobs, digest)).and_then(|file| Mapped::open(&file));
        let Some(mapped) = opened.ok().filter(|mapped| mapped.size() == expected) else {
            self.unlink(digest);
            return None;
        };
        let mapped = Arc::new(mapped);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, weak| weak.strong_count() > 0);
        open.insert(*digest, Arc::downgrade(&mapped));
        drop(open);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.truncate(MAX_RECENT - 1);
        recent.push_front(mapped.clone());
        Some(mapped)
    }

    /// Gives a complete, verified file its name, durably, and makes room.
    pub(super) fn adopt(
        &self,
        file: &File,
        path: &Path,
        digest: &Digest,
        size: u64,
    ) -> io::Result<()> {
        file.sync_all()?;
        let target = blob_path(&self.blobs, digest);
        let folder = target.parent().unwrap_or(&self.blobs);
        fs::create_dir_all(folder)?;
        fs::rename(path, &target)?;
        File::open(folder)?.sync_all()?;
        self.index.lock().insert(*digest, size);
        self.evict();
        Ok(())
    }

    pub(super) fn unlink(&self, digest: &Digest) {
        self.index.lock().remove(digest);
        if let Err(error) = fs::remove_file(blob_path(&self.blobs, digest))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%digest, %error, "a blob cannot be removed");
        }
    }

    #[cfg(test)]
    pub(super) fn check_space(&self, upto: u64) -> io::Result<()> {
        if upto > self.full_after.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the tests' twin needs both"
    )]
    pub(super) fn check_space(&self, _upto: u64) -> io::Result<()> {
        Ok(())
    }
}

//! Folders of small files that can be made again: written whole or not at all, bounded in number.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// After so many new files the bound is looked at.
const PRUNE_EVERY: usize = 1_000;

/// What was not finished for so long never will be; what is younger another process may be writing.
const UNFINISHED_FOR: Duration = Duration::from_secs(60);

/// A folder of files with one extension; those that were written longest ago go first.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    extension: &'static str,
    most: usize,
    written: AtomicUsize,
}

impl Kept {
    /// The folder need not be there. What was never finished in it goes.
    pub(super) fn open(folder: &Path, extension: &'static str, most: usize) -> Kept {
        let kept = Kept {
            folder: folder.to_owned(),
            extension,
            most,
            written: AtomicUsize::new(0),
        };
        let unfinished = |path: &Path| path.extension().is_none_or(|end| end != extension);
        for (written, path) in kept.files() {
            let old = written.elapsed().is_ok_and(|age| age >= UNFINISHED_FOR);
            if unfinished(&path) && old {
                let _ = std::fs::remove_file(path);
            }
        }
        kept.prune();
        kept
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{}", self.extension))
    }

    /// What was kept under a name. Waits for the disk.
    pub(super) fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.file(name)).ok()
    }

    /// How long ago that was kept.
    pub(super) fn age(&self, name: &str) -> Option<Duration> {
        let written = std::fs::metadata(self.file(name)).ok()?.modified().ok()?;
        written.elapsed().ok()
    }

    /// Keeps it. Waits for the disk.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let file = self.file(name);
        let passing = file.with_extension(fastrand::u64(..).to_string());
        std::fs::create_dir_all(&self.folder)?;
        std::fs::write(&passing, content)?;
        std::fs::rename(&passing, &file)?;
        if self.written.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            self.prune();
        }
        Ok(())
    }

    fn files(&self) -> Vec<(SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        files
    }

    fn prune(&self) {
        let mut files = self.files();
        files.retain(|(_, path)| path.extension().is_some_and(|end| end == self.extension));
        let beyond = files.len().saturating_sub(self.most);
        for (_, path) in files.into_iter().take(beyond) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_beyond_the_bound_and_the_unfinished_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path(), "facts", 10);
        for number in 0..PRUNE_EVERY {
            kept.write(&number.to_string(), b"x").unwrap();
        }
        assert_eq!(kept.files().len(), 10);
        std::fs::write(folder.path().join("1.17"), b"half").unwrap();
        kept.write("new", b"x").unwrap();
        assert!(folder.path().join("1.17").exists(), "somebody writes it");
        let kept = Kept::open(folder.path(), "facts", 10);
        assert!(folder.path().join("1.17").exists(), "somebody may still");
        let long_ago = SystemTime::UNIX_EPOCH;
        let file = std::fs::File::create(folder.path().join("1.17")).unwrap();
        file.set_modified(long_ago).unwrap();
        drop(kept);
        let kept = Kept::open(folder.path(), "facts", 10);
        assert!(!folder.path().join("1.17").exists());
        assert_eq!(kept.files().len(), 10);
    }
}

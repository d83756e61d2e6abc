//! A download that goes on where it was cut: in the same call, and in the next process.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{AdvisorySource, PARTIAL, Progress, checksum};
use crate::upstream::{Begun, Kind};

/// Largest export: that of all ecosystems had 1 GB in 2026.
const MAX_DOWNLOAD_BYTES: u64 = 8 << 30;
/// How often in a row a download may be cut before a byte came.
const MAX_FRUITLESS: u32 = 3;
/// How often it may be cut at all.
const MAX_CUTS: u32 = 50;

/// A file that was downloaded, or a part of it. It stays on disk, to be gone on with, until it is [done](Part::done).
pub(super) struct Part {
    path: PathBuf,
    file: File,
    bytes: u64,
    tag: Option<String>,
    /// Under a name that nobody will look for.
    alone: bool,
}

/// Downloads the file at a path of the source into the folder.
///
/// # Errors
/// Why not, in a sentence. What came so far stays if it can be gone on with.
pub(super) async fn download(
    source: &AdvisorySource,
    path: &str,
    folder: &Path,
    name: &str,
    progress: Progress<'_>,
) -> Result<Part, String> {
    let mut part = Part::open(folder, name)?;
    match part.arrive(source, path, progress).await {
        Ok(checksums) => part.verified(&checksums).await,
        Err(why) => {
            if part.alone || part.begun().is_none() {
                part.done();
            }
            Err(why)
        }
    }
}

/// Why no more comes.
enum Stopped {
    /// Another try may go on.
    Cut(String),
    /// It may not.
    ForGood(String),
}

impl Part {
    /// What is there of a file. Where another process is at it, one of its own.
    fn open(folder: &Path, name: &str) -> Result<Part, String> {
        let path = folder.join(format!("{PARTIAL}-{name}"));
        let open = |path: &Path| {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .read(true)
                .open(path);
            file.map_err(|error| format!("{}: {error}", path.display()))
        };
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let file = open(&path)?;
        let (path, file, alone) = match file.try_lock() {
            Ok(()) => (path, file, false),
            Err(_) => {
                let own = folder.join(format!("{PARTIAL}-{:x}-{name}", fastrand::u64(..)));
                let file = open(&own)?;
                (own, file, true)
            }
        };
        let tag = fs::read_to_string(tag_file(&path)).ok();
        let mut part = Part {
            path,
            file,
            bytes: 0,
            tag,
            alone,
        };
        match (part.tag.is_some(), part.file.metadata()) {
            (true, Ok(about)) => part.bytes = about.len(),
            _ => part.restart()?,
        }
        Ok(part)
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It was used, or is of no use: nothing of it stays.
    pub(super) fn done(self) {
        let _ = fs::remove_file(tag_file(&self.path));
        let _ = fs::remove_file(&self.path);
    }

    fn failed(&self, error: &std::io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }

    fn restart(&mut self) -> Result<(), String> {
        self.file.set_len(0).map_err(|error| self.failed(&error))?;
        let _ = fs::remove_file(tag_file(&self.path));
        self.bytes = 0;
        self.tag = None;
        Ok(())
    }

    fn begun(&self) -> Option<Begun> {
        let tag = self.tag.clone().filter(|_| self.bytes > 0)?;
        let bytes = self.bytes;
        Some(Begun { bytes, tag })
    }

    /// Asks until all is there; returns what the server says of its checksum.
    async fn arrive(
        &mut self,
        source: &AdvisorySource,
        path: &str,
        progress: Progress<'_>,
    ) -> Result<Vec<String>, String> {
        let (mut cuts, mut fruitless) = (0, 0);
        loop {
            let before = self.bytes;
            match self.go_on(source, path, progress).await {
                Ok(checksums) => return Ok(checksums),
                Err(Stopped::ForGood(why)) => return Err(why),
                Err(Stopped::Cut(why)) => {
                    cuts += 1;
                    fruitless = if self.bytes > before {
                        0
                    } else {
                        fruitless + 1
                    };
                    if cuts > MAX_CUTS || fruitless >= MAX_FRUITLESS {
                        return Err(why);
                    }
                    tracing::info!(why, bytes = self.bytes, "a download was cut; going on");
                }
            }
        }
    }

    /// Asks for the rest and writes it; returns what the server says of its checksum.
    async fn go_on(
        &mut self,
        source: &AdvisorySource,
        path: &str,
        progress: &mut (dyn FnMut(u64, Option<u64>) + Send),
    ) -> Result<Vec<String>, Stopped> {
        if self.begun().is_none() {
            self.restart().map_err(Stopped::ForGood)?;
        }
        let begun = self.begun();
        let asked = source.upstream.download(path, begun.as_ref()).await;
        let mut download = match asked {
            Ok(download) => download,
            Err(error) if begun.is_some() && error.kind() == Kind::Malformed => {
                // No rest, or another one: what is there is of no use.
                self.restart().map_err(Stopped::ForGood)?;
                return Err(Stopped::Cut(error.to_string()));
            }
            Err(error) => return Err(Stopped::ForGood(error.to_string())),
        };
        if download.body.offset == 0 {
            self.restart().map_err(Stopped::ForGood)?;
            self.tag = download.tag.take();
            if let Some(tag) = &self.tag {
                fs::write(tag_file(&self.path), tag)
                    .map_err(|error| Stopped::ForGood(self.failed(&error)))?;
            }
        }
        progress(self.bytes, download.body.total);
        while let Some(piece) = download.body.chunk().await {
            let piece = piece.map_err(|error| Stopped::Cut(error.to_string()))?;
            if self.bytes + piece.len() as u64 > MAX_DOWNLOAD_BYTES {
                return Err(Stopped::ForGood(
                    "the export is larger than any real one".to_owned(),
                ));
            }
            self.file
                .write_all(&piece)
                .map_err(|error| Stopped::ForGood(self.failed(&error)))?;
            self.bytes += piece.len() as u64;
            progress(self.bytes, download.body.total);
        }
        Ok(download.checksums)
    }

    /// Itself, if its checksum is the one that is told, or none is.
    async fn verified(self, checksums: &[String]) -> Result<Part, String> {
        let Some(told) = checksum::told(checksums) else {
            return Ok(self);
        };
        let path = self.path.clone();
        let summed = tokio::task::spawn_blocking(move || checksum::crc32c(File::open(path)?));
        let summed = summed.await.map_err(|error| error.to_string())?;
        match summed {
            Ok(sum) if sum == told => Ok(self),
            Ok(_) => {
                self.done();
                Err("what arrived has not the checksum that its publisher tells".to_owned())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }
}

fn tag_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tag");
    PathBuf::from(name)
}

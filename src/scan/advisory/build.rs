//! From records to an index file.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::format::Header;
use super::index::{Index, IndexError};
use super::record::{Record, RecordError, Subject};
use super::source::{SourceError, read_export};
use super::write::{Collected, MAX_BUILD_BYTES};
use crate::oci::Digest;
use crate::scan::ecosystem::Ecosystem;

/// Of a thousand records, how many may be malformed before the whole export is refused.
const MAX_MALFORMED_PERMILLE: u64 = 1;
/// Why an index was not built. Nothing was changed on disk.
#[derive(Debug)]
pub enum BuildError {
    /// The export cannot be read. The publisher's side, or the network's.
    Source(SourceError),
    /// More records are malformed than an accident explains. The publisher's side.
    Malformed {
        /// How many were.
        malformed: u64,
        /// How many were read.
        of: u64,
        /// The first one's reason.
        first: RecordError,
    },
    /// The export names no package of an ecosystem that is known.
    Empty,
    /// It is larger than any real export.
    TooLarge,
    /// It is older than what is there, or has fewer than half of its records: an old or a cut export. Whoever means it
    /// removes the file first.
    Backwards {
        /// Whose it is.
        ecosystem: String,
        /// Records that are there, and when the newest was changed.
        from: (u64, Timestamp),
        /// Records of the export, and when the newest was changed.
        to: (u64, Timestamp),
    },
    /// What is there cannot be read, and so not be amended. Our side.
    Index(IndexError),
    /// The file could not be written. Our side; trying again may help.
    Io(io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Source(error) => error.fmt(f),
            BuildError::Malformed {
                malformed,
                of,
                first,
            } => {
                write!(
                    f,
                    "{malformed} of {of} advisories cannot be read; the first: {first}"
                )
            }
            BuildError::Empty => f.write_str("the export has no advisory about a known ecosystem"),
            BuildError::TooLarge => f.write_str("the export is larger than any real one"),
            BuildError::Backwards {
                ecosystem,
                from,
                to,
            } => write!(
                f,
                "the export of {ecosystem} has {} records until {}, less than the {} until {} that are there",
                to.0, to.1, from.0, from.1,
            ),
            BuildError::Index(error) => error.fmt(f),
            BuildError::Io(error) => write!(f, "advisory index not written: {error}"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Source(error) => Some(error),
            BuildError::Malformed { first, .. } => Some(first),
            BuildError::Io(error) => Some(error),
            BuildError::Index(error) => Some(error),
            BuildError::Empty | BuildError::TooLarge | BuildError::Backwards { .. } => None,
        }
    }
}

impl From<io::Error> for BuildError {
    fn from(error: io::Error) -> BuildError {
        BuildError::Io(error)
    }
}

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The headers of the files, by ecosystem.
    pub headers: Vec<Header>,
    /// Records that could not be read: few, else there is an error.
    pub malformed: u64,
}

/// Builds index files from an export, and puts each under its name in `folder` at once.
///
/// An export is a zip archive or a folder of `*.json`, or a file of a record a line, `.zst` or not. An export of one
/// ecosystem names others in passing, and must not be taken for all that is known of them: `only` says whose it is,
/// and is none for an export of everything.
///
/// # Errors
/// If the export cannot be read, is not OSV's, goes backwards, or a file cannot be written. What is there stays.
pub fn build(export: &Path, only: Option<&Ecosystem>, folder: &Path) -> Result<Built, BuildError> {
    let mut builder = Builder::new(only);
    let source =
        read_export(export, &mut |record| builder.add(record)).map_err(BuildError::Source)?;
    builder.finish(source, folder)
}

/// Puts records that changed into the index of their ecosystem, in the place of what it has of the same ids.
///
/// # Errors
/// If there is no index, or as [`build`]. What is there stays.
pub fn amend(
    ecosystem: &Ecosystem,
    records: &[Vec<u8>],
    folder: &Path,
) -> Result<Built, BuildError> {
    let path = folder.join(ecosystem.index_file());
    let index = Index::open(&path).map_err(BuildError::Index)?;
    let parsed = records.iter().map(|json| Record::parse(json));
    let parsed: Result<Vec<Record<'_>>, RecordError> = parsed.collect();
    let parsed = parsed.map_err(|first| BuildError::Malformed {
        malformed: 1,
        of: records.len() as u64,
        first,
    })?;
    let ids: HashSet<&str> = parsed.iter().map(Record::id).collect();
    let collected = Collected::of(&index, &ids).map_err(BuildError::Index)?;
    let mut source = index.header().source.clone().into_bytes();
    records
        .iter()
        .for_each(|json| source.extend_from_slice(json));
    let source = Digest::of(&source);
    let mut builder = Builder::new(Some(ecosystem));
    builder.files.insert(ecosystem.base().to_owned(), collected);
    parsed.iter().for_each(|record| builder.add_record(record));
    builder.finish(source, folder)
}

/// Takes records and writes index files.
pub struct Builder {
    only: Option<String>,
    files: BTreeMap<String, Collected>,
    read: u64,
    malformed: u64,
    first_error: Option<RecordError>,
    too_large: bool,
}

impl Builder {
    /// Takes records of one ecosystem, or of all.
    pub fn new(only: Option<&Ecosystem>) -> Builder {
        Builder {
            only: only.map(|only| only.base().to_owned()),
            files: BTreeMap::new(),
            read: 0,
            malformed: 0,
            first_error: None,
            too_large: false,
        }
    }

    /// Takes a record; one that is malformed is counted, and too many fail the build.
    pub fn add(&mut self, json: &[u8]) {
        self.read += 1;
        match Record::parse(json) {
            Ok(record) => self.add_record(&record),
            Err(error) => {
                self.malformed += 1;
                self.first_error.get_or_insert(error);
            }
        }
    }

    fn add_record(&mut self, record: &Record<'_>) {
        let mut subjects: BTreeMap<String, Vec<Subject<'_>>> = BTreeMap::new();
        for subject in record.subjects() {
            let base = subject.ecosystem.base().to_owned();
            if self.only.as_ref().is_some_and(|only| *only != base) {
                continue;
            }
            subjects.entry(base).or_default().push(subject);
        }
        for (base, subjects) in subjects {
            let collected = self.files.entry(base).or_default();
            if collected.bytes() > MAX_BUILD_BYTES {
                self.too_large = true;
            } else {
                collected.add(record, &subjects);
            }
        }
    }

    /// Writes the files, each under a passing name first.
    ///
    /// # Errors
    /// As [`build`].
    pub fn finish(self, source: Digest, folder: &Path) -> Result<Built, BuildError> {
        if let Some(first) = self
            .first_error
            .filter(|_| self.malformed * 1000 > self.read * MAX_MALFORMED_PERMILLE)
        {
            let (malformed, of) = (self.malformed, self.read);
            return Err(BuildError::Malformed {
                malformed,
                of,
                first,
            });
        }
        if self.too_large {
            return Err(BuildError::TooLarge);
        }
        if self.files.is_empty() {
            return Err(BuildError::Empty);
        }
        fs::create_dir_all(folder)?;
        for (base, collected) in &self.files {
            forwards(
                base,
                collected,
                &folder.join(Ecosystem::named(base).index_file()),
            )?;
        }
        let mut headers = Vec::new();
        for (base, collected) in self.files {
            let path = folder.join(Ecosystem::named(&base).index_file());
            headers.push(collected.write(&base, source, self.malformed, &path)?);
        }
        Ok(Built {
            headers,
            malformed: self.malformed,
        })
    }
}

/// Whether new data may take the place of what is there. A file that cannot be read holds nothing back.
fn forwards(base: &str, new: &Collected, path: &Path) -> Result<(), BuildError> {
    let Ok(index) = Index::open(path) else {
        return Ok(());
    };
    let (old, new) = (index.header(), (new.records(), new.watermark()));
    let shrunk = new.0 < old.records / 2;
    if shrunk || new.1 < old.watermark {
        return Err(BuildError::Backwards {
            ecosystem: base.to_owned(),
            from: (old.records, old.watermark),
            to: new,
        });
    }
    Ok(())
}

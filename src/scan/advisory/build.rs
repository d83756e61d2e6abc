//! From records to an index file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::format::Header;
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
            BuildError::Empty | BuildError::TooLarge => None,
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

/// Builds the index files of all ecosystems that an export names, and puts each under its name in `folder` at once.
///
/// An export is a zip archive or a folder of `*.json`, or a file of a record a line, `.zst` or not.
///
/// # Errors
/// If the export cannot be read, is not OSV's, or the files cannot be written. What was in `folder` stays.
pub fn build(export: &Path, folder: &Path) -> Result<Built, BuildError> {
    let mut builder = Builder::default();
    let source =
        read_export(export, &mut |record| builder.add(record)).map_err(BuildError::Source)?;
    builder.finish(source, folder)
}

/// Takes records and writes index files.
#[derive(Default)]
pub struct Builder {
    files: BTreeMap<String, Collected>,
    read: u64,
    malformed: u64,
    first_error: Option<RecordError>,
    too_large: bool,
}

impl Builder {
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

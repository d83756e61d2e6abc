//! Exports of OSV records: a zip archive, a folder, or a file of a record a line.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};
use sha2::{Digest as _, Sha256};

use super::record::MAX_RECORD_BYTES;
use crate::oci::Digest;

/// Most bytes of records, unpacked: half a million records of ten ecosystems have some gigabytes.
pub const MAX_EXPORT_BYTES: u64 = 32 * 1024 * 1024 * 1024;
/// Most records: in 2026 ten ecosystems have half a million.
const MAX_RECORDS: u64 = 8_000_000;

/// Why an export cannot be read.
#[derive(Debug)]
pub enum SourceError {
    /// The file or folder cannot be read. Our side.
    Io(io::Error),
    /// The archive is damaged. The publisher's side, or a download that was cut.
    Zip(String),
    /// More or larger records than any real export has.
    TooLarge,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::Io(error) => write!(f, "export of advisories not read: {error}"),
            SourceError::Zip(why) => write!(f, "export of advisories is damaged: {why}"),
            SourceError::TooLarge => {
                f.write_str("export of advisories is larger than any real one")
            }
        }
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SourceError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> SourceError {
        SourceError::Io(error)
    }
}

impl From<rawzip::Error> for SourceError {
    fn from(error: rawzip::Error) -> SourceError {
        SourceError::Zip(error.to_string())
    }
}

/// Counts what was read, and ends it when it is too much.
struct Sink<'a> {
    each: &'a mut dyn FnMut(&[u8]),
    bytes: u64,
    records: u64,
    hasher: Sha256,
}

impl Sink<'_> {
    fn take(&mut self, record: &[u8]) -> Result<(), SourceError> {
        self.bytes += record.len() as u64;
        self.records += 1;
        if self.bytes > MAX_EXPORT_BYTES || self.records > MAX_RECORDS {
            return Err(SourceError::TooLarge);
        }
        self.hasher.update(record);
        (self.each)(record);
        Ok(())
    }
}

/// Hands every record of an export to `each`; returns the digest over all of them, in their order.
pub(super) fn read_export(path: &Path, each: &mut dyn FnMut(&[u8])) -> Result<Digest, SourceError> {
    let mut sink = Sink {
        each,
        bytes: 0,
        records: 0,
        hasher: Sha256::new(),
    };
    let ends = |end: &str| path.extension().is_some_and(|found| found == end);
    if path.is_dir() {
        folder(path, &mut sink)?;
    } else if ends("zip") {
        zip(File::open(path)?, &mut sink)?;
    } else if ends("zst") {
        lines(
            BufReader::new(zstd::Decoder::new(File::open(path)?)?),
            &mut sink,
        )?;
    } else {
        lines(BufReader::new(File::open(path)?), &mut sink)?;
    }
    Ok(Digest::Sha256(sink.hasher.finalize().into()))
}

fn folder(path: &Path, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|end| end == "json") {
            files.push(file);
        }
    }
    files.sort_unstable();
    let mut record = Vec::new();
    for file in files {
        limited(File::open(file)?, &mut record)?;
        sink.take(&record)?;
    }
    Ok(())
}

fn lines(mut from: impl BufRead, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = MAX_RECORD_BYTES as u64 + 1;
        if (&mut from).take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.len() as u64 == limit {
            return Err(SourceError::TooLarge);
        }
        if !line.trim_ascii().is_empty() {
            sink.take(&line)?;
        }
    }
}

/// Files in the archive are read in its order, each one's checksum verified.
fn zip(file: File, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer)?;
    let mut files: Vec<(ZipArchiveEntryWayfinder, CompressionMethod)> = Vec::new();
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry()? {
        if entry.is_dir() || !entry.file_path().as_ref().ends_with(b".json") {
            continue;
        }
        files.push((entry.wayfinder(), entry.compression_method()));
        if files.len() as u64 > MAX_RECORDS {
            return Err(SourceError::TooLarge);
        }
    }
    let mut record = Vec::new();
    for (place, method) in files {
        let entry = archive.get_entry(place)?;
        let reader = BufReader::new(entry.reader());
        if method == CompressionMethod::DEFLATE {
            limited(
                entry.verifying_reader(DeflateDecoder::new(reader)),
                &mut record,
            )?;
        } else if method == CompressionMethod::STORE {
            limited(entry.verifying_reader(reader), &mut record)?;
        } else {
            return Err(SourceError::Zip(
                "compressed in a way that is not known".to_owned(),
            ));
        }
        sink.take(&record)?;
    }
    Ok(())
}

/// Reads all, up to the limit of a record.
fn limited(from: impl Read, record: &mut Vec<u8>) -> Result<(), SourceError> {
    record.clear();
    let read = from.take(MAX_RECORD_BYTES as u64 + 1).read_to_end(record)?;
    if read > MAX_RECORD_BYTES {
        return Err(SourceError::TooLarge);
    }
    Ok(())
}

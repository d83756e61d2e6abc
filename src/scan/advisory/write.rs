//! One ecosystem's records, collected and written.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;

use super::build::BuildError;
use super::codec::{put_number, put_text};
use super::format::{
    ADVISORIES_A_BLOCK, BLOCK_BYTES, DICTIONARY_BYTES, FORMAT, Header, MAX_BLOCK_BYTES, footer,
    hex_sha256,
};
use super::lookup::Facts;
use super::range::Versions;
use super::record::{Record, Subject};
use super::severity::Rating;
use crate::oci::Digest;

/// Most bytes that one ecosystem's rows and advisories take while it is built: several times what the largest needs.
pub(super) const MAX_BUILD_BYTES: usize = 2 * 1024 * 1024 * 1024;
/// Level of zstd: the build is seconds at 9, and higher levels gain nothing in blocks of 4 KiB.
const LEVEL: i32 = 9;
/// How much is shown to the trainer of the dictionary.
const SAMPLE_BYTES: usize = 100 * DICTIONARY_BYTES;
/// With fewer bytes than this a dictionary is larger than what it saves.
const MIN_SAMPLE_BYTES: usize = 8 * DICTIONARY_BYTES;

/// What is known of an ecosystem so far.
#[derive(Default)]
pub(super) struct Collected {
    watermark: Option<Timestamp>,
    records: u64,
    ignored: u64,
    keys: HashMap<String, u32>,
    /// Encoded rows, one after the other, and where each key's begin and end.
    arena: Vec<u8>,
    rows: Vec<(u32, u64, Range<usize>)>,
    /// Encoded advisories by number.
    advisories: Vec<u8>,
    ends: Vec<usize>,
    increments: u32,
}

impl Collected {
    /// Nothing yet of what a file of this header holds, which is to be amended.
    pub(super) fn resumed(header: &Header) -> Collected {
        Collected {
            watermark: Some(header.watermark),
            ignored: header.ignored,
            increments: header.increments.saturating_add(1),
            ..Collected::default()
        }
    }

    /// Records that count.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// When the newest record was changed.
    pub(super) fn watermark(&self) -> Timestamp {
        self.watermark.unwrap_or_default()
    }

    /// How much it takes so far.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + self.advisories.len()
    }

    pub(super) fn add(&mut self, record: &Record<'_>, subjects: &[Subject<'_>]) {
        self.watermark = self.watermark.max(Some(record.modified));
        if !record.counts() {
            self.ignored += 1;
            return;
        }
        let number = self.add_facts(&Facts {
            id: record.id().to_owned(),
            aliases: record.aliases().map(str::to_owned).collect(),
            malicious: record.malicious(),
            summary: record.summary(),
            published: record.published,
            modified: record.modified,
        });
        for subject in subjects {
            let key = subject.ecosystem.key(subject.name);
            self.add_row(&key, number, subject.rating, &subject.versions);
        }
    }

    /// Takes what is known of an advisory, whatever the package; returns its number.
    pub(super) fn add_facts(&mut self, facts: &Facts) -> u64 {
        let out = &mut self.advisories;
        put_text(out, &facts.id);
        out.push(u8::from(facts.malicious));
        put_number(out, seconds(facts.modified));
        put_number(out, facts.published.map_or(0, seconds));
        put_text(out, &facts.summary);
        put_number(out, facts.aliases.len() as u64);
        for alias in &facts.aliases {
            put_text(out, alias);
        }
        self.ends.push(out.len());
        self.records += 1;
        self.records - 1
    }

    /// Takes what an advisory says of a package.
    pub(super) fn add_row(
        &mut self,
        key: &str,
        number: u64,
        rating: Rating,
        versions: &Versions<'_>,
    ) {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let key = match self.keys.get(key) {
            Some(known) => *known,
            None => *self.keys.entry(key.to_owned()).or_insert(next),
        };
        let start = self.arena.len();
        self.arena.push(rating.severity as u8);
        self.arena
            .push(rating.tenths.map_or(0, |tenths| tenths + 1));
        versions.write(&mut self.arena);
        self.rows.push((key, number, start..self.arena.len()));
    }

    /// Writes the file: under a passing name, then to disk, then under its own.
    pub(super) fn write(
        mut self,
        base: &str,
        source: Digest,
        malformed: u64,
        path: &Path,
    ) -> Result<Header, BuildError> {
        let (row_blocks, keys) = self.row_blocks()?;
        let advisory_blocks = self.advisory_blocks();
        let passing = path.with_extension("partial");
        let mut out = Counted {
            out: BufWriter::new(File::create(&passing)?),
            written: 0,
        };
        let dictionary = dictionary(&row_blocks, &advisory_blocks);
        let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, &dictionary)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        let row_directory = write_blocks(&mut out, &mut compressor, &row_blocks)?;
        let rows_end = out.written;
        let advisory_directory = write_blocks(&mut out, &mut compressor, &advisory_blocks)?;
        let mut ends = [rows_end, out.written, 0, 0, 0, 0];
        let mut head = Vec::new();
        let parts = [&dictionary, &row_directory, &advisory_directory, &keys];
        for (part, end) in parts.into_iter().zip(ends.iter_mut().skip(2)) {
            head.extend_from_slice(part);
            *end = out.written + head.len() as u64;
        }
        out.write_all(&head)?;
        let header = Header {
            format: FORMAT,
            ecosystem: base.to_owned(),
            watermark: self.watermark(),
            records: self.records,
            ignored: self.ignored,
            malformed,
            packages: self.keys.len() as u64,
            rows: self.rows.len() as u64,
            source: source.to_string(),
            increments: self.increments,
            ends,
            sha256: hex_sha256(&head),
        };
        out.write_all(&footer(&header).map_err(io::Error::other)?)?;
        let file = out
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&passing, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(header)
    }

    /// All keys in order with their rows: blocks, and the map from key to place.
    fn row_blocks(&mut self) -> Result<(Vec<Vec<u8>>, Vec<u8>), BuildError> {
        self.rows
            .sort_by_key(|(key, number, range)| (*key, *number, range.start));
        let mut keys: Vec<(&str, u32)> = self
            .keys
            .iter()
            .map(|(key, id)| (key.as_str(), *id))
            .collect();
        keys.sort_unstable();
        let mut map = fst::MapBuilder::memory();
        let (mut blocks, mut block) = (Vec::new(), Vec::new());
        for (key, id) in keys {
            let from = self.rows.partition_point(|(key, ..)| *key < id);
            let rows = self.rows.get(from..).unwrap_or_default();
            let rows = rows
                .get(..rows.partition_point(|(key, ..)| *key == id))
                .unwrap_or_default();
            let place = ((blocks.len() as u64) << 16) | block.len() as u64;
            map.insert(key, place).map_err(io::Error::other)?;
            put_number(&mut block, rows.len() as u64);
            let mut before = 0;
            for (_, number, range) in rows {
                put_number(&mut block, number - before);
                before = *number;
                block.extend_from_slice(self.arena.get(range.clone()).unwrap_or_default());
            }
            if block.len() > MAX_BLOCK_BYTES {
                return Err(BuildError::TooLarge);
            }
            if block.len() >= BLOCK_BYTES {
                blocks.push(std::mem::take(&mut block));
            }
        }
        blocks.push(block);
        let keys = map.into_inner().map_err(io::Error::other)?;
        Ok((blocks, keys))
    }

    fn advisory_blocks(&self) -> Vec<Vec<u8>> {
        let mut start = 0;
        let a_block = usize::try_from(ADVISORIES_A_BLOCK).unwrap_or(1);
        let ends = self.ends.chunks(a_block).filter_map(|chunk| chunk.last());
        let blocks = ends.map(|end| {
            let block = self
                .advisories
                .get(start..*end)
                .unwrap_or_default()
                .to_vec();
            start = *end;
            block
        });
        blocks.collect()
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// Trained on blocks taken evenly from all; empty where it would cost more than it saves.
fn dictionary(rows: &[Vec<u8>], advisories: &[Vec<u8>]) -> Vec<u8> {
    let all: usize = rows.iter().chain(advisories).map(Vec::len).sum();
    if all < MIN_SAMPLE_BYTES {
        return Vec::new();
    }
    let step = all.div_ceil(SAMPLE_BYTES).max(1);
    let samples: Vec<&[u8]> = rows
        .iter()
        .step_by(step)
        .chain(advisories.iter().step_by(step))
        .map(|block| {
            block
                .get(..block.len().min(2 * BLOCK_BYTES))
                .unwrap_or_default()
        })
        .collect();
    zstd::dict::from_samples(&samples, DICTIONARY_BYTES).unwrap_or_default()
}

/// Writes compressed blocks; returns the directory: where each ends, from the first one's start.
fn write_blocks(
    out: &mut Counted,
    compressor: &mut zstd::bulk::Compressor<'_>,
    blocks: &[Vec<u8>],
) -> io::Result<Vec<u8>> {
    let start = out.written;
    let mut directory = Vec::with_capacity(blocks.len() * 8);
    for block in blocks {
        out.write_all(&compressor.compress(block)?)?;
        directory.extend_from_slice(&(out.written - start).to_le_bytes());
    }
    Ok(directory)
}

/// A file, and how much was written to it.
struct Counted {
    out: BufWriter<File>,
    written: u64,
}

impl Counted {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

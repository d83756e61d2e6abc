//! The index file: blocks of rows, blocks of advisories, a dictionary, two directories, a map of keys, and a footer.
//!
//! ```text
//! [blocks: rows by key][blocks: advisories by number][dictionary][row directory][advisory directory][fst: key -> place]
//! [header as JSON][its length, 4 bytes][SHA-256 of the header][magic]
//! ```
//!
//! Blocks are zstd frames with a checksum each; the header has the SHA-256 of all that lies between blocks and header.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Begins no other file, ends ours; the last byte but one is the format's number.
pub(super) const MAGIC: &[u8; 8] = b"LZADV\x00\x01\n";
/// Number of the format. A file of another number is built anew, never read.
pub(super) const FORMAT: u32 = 1;
/// A block is closed once it holds so much: decompressing one is what a lookup costs.
pub(super) const BLOCK_BYTES: usize = 4 * 1024;
/// Largest block: one package's rows are never divided. A kernel's are some hundred kB.
pub(super) const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;
/// Advisories in a block: about [`BLOCK_BYTES`] of them.
pub(super) const ADVISORIES_A_BLOCK: u64 = 16;
/// Size of the dictionary: what measured best for blocks of 4 KiB.
pub(super) const DICTIONARY_BYTES: usize = 64 * 1024;
/// Largest header: it has a dozen short fields.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const FOOTER_BYTES: usize = 4 + 32 + 8;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format's number.
    pub format: u32,
    /// The ecosystem, without a release (`Debian`).
    pub ecosystem: String,
    /// When the newest record was last changed: how fresh the data is.
    pub watermark: Timestamp,
    /// Records that count.
    pub records: u64,
    /// Records that were read and do not count: withdrawn, or no vulnerability.
    pub ignored: u64,
    /// Records that could not be read.
    pub malformed: u64,
    /// Packages, counted once a release.
    pub packages: u64,
    /// Pairs of package and record.
    pub rows: u64,
    /// Digest of the export that it was built from, and of what changed since.
    pub source: String,
    /// How often only what changed was put into it since it was built from a whole export.
    #[serde(default)]
    pub increments: u32,
    /// Where the parts end, in bytes from the start: rows, advisories, dictionary, row directory, advisory directory,
    /// keys.
    pub(super) ends: [u64; 6],
    /// SHA-256, in hexadecimal, of all from the dictionary to the keys.
    pub(super) sha256: String,
}

/// The parts of a file.
pub(super) struct Parts {
    pub(super) rows: Range<usize>,
    pub(super) advisories: Range<usize>,
    pub(super) dictionary: Range<usize>,
    pub(super) row_directory: Range<usize>,
    pub(super) advisory_directory: Range<usize>,
    pub(super) keys: Range<usize>,
}

pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    crate::oci::Digest::of(bytes).hex()
}

/// The header and what follows it, ready to be written.
pub(super) fn footer(header: &Header) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(header)?;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(MAGIC);
    Ok(bytes)
}

/// Reads and verifies the header. The reason why not is for a person.
pub(super) fn header(file: &[u8]) -> Result<(Header, Parts), &'static str> {
    let (before, footer) = file
        .len()
        .checked_sub(FOOTER_BYTES)
        .and_then(|at| file.split_at_checked(at))
        .ok_or("it is cut short")?;
    let (length, rest) = footer.split_first_chunk::<4>().ok_or("it is cut short")?;
    let (digest, magic) = rest.split_first_chunk::<32>().ok_or("it is cut short")?;
    if magic != MAGIC {
        return Err("it is cut short, or of another format");
    }
    let length = u32::from_le_bytes(*length) as usize;
    let json = before
        .len()
        .checked_sub(length)
        .filter(|_| length <= MAX_HEADER_BYTES)
        .and_then(|at| before.get(at..))
        .ok_or("its header is damaged")?;
    if <[u8; 32]>::from(Sha256::digest(json)) != *digest {
        return Err("its header is damaged");
    }
    let header: Header = serde_json::from_slice(json).map_err(|_| "its header is damaged")?;
    if header.format != FORMAT {
        return Err("it is of another format");
    }
    let parts = parts(&header, before.len() - length).ok_or("its header is damaged")?;
    let head = file.get(parts.dictionary.start..parts.keys.end);
    if head.map(hex_sha256).as_ref() != Some(&header.sha256) {
        return Err("its directory is damaged");
    }
    Ok((header, parts))
}

fn parts(header: &Header, end: usize) -> Option<Parts> {
    let mut start = 0;
    let mut ranges = [const { 0..0 }; 6];
    for (range, end) in ranges.iter_mut().zip(header.ends) {
        let end = usize::try_from(end).ok().filter(|end| *end >= start)?;
        *range = start..end;
        start = end;
    }
    let [
        rows,
        advisories,
        dictionary,
        row_directory,
        advisory_directory,
        keys,
    ] = ranges;
    (keys.end == end).then_some(Parts {
        rows,
        advisories,
        dictionary,
        row_directory,
        advisory_directory,
        keys,
    })
}

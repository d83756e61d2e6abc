//! An index file, open.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fst::{IntoStreamer as _, Streamer as _};
use jiff::Timestamp;
use memmap2::Mmap;
use zstd::dict::DecoderDictionary;

use super::format::{Header, Parts, header};
use super::lookup::{Facts, Lookup, Row};
use super::range::Event;
use super::severity::Severity;
use crate::oci::Digest;
use crate::scan::ecosystem::Ecosystem;

/// Why nothing can be said of packages. Our side unless it says otherwise: the index is to be built anew.
#[derive(Debug)]
pub enum IndexError {
    /// The file cannot be opened or mapped.
    Io(PathBuf, io::Error),
    /// The file is not what was written.
    Damaged(PathBuf, &'static str),
    /// More advisories mean the packages of one image than of any real one. The image's side.
    TooMany,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IndexError::Io(path, error) => write!(f, "advisory index {}: {error}", path.display()),
            IndexError::Damaged(path, why) => {
                write!(f, "advisory index {} cannot be used: {why}", path.display())
            }
            IndexError::TooMany => f.write_str("more advisories than for any real image"),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IndexError::Io(_, error) => Some(error),
            IndexError::Damaged(..) | IndexError::TooMany => None,
        }
    }
}

/// The advisories of an ecosystem, open for reading. Cheap to hold: pages are the kernel's.
pub struct Index {
    path: PathBuf,
    bytes: Bytes,
    header: Header,
    digest: Digest,
    parts: Parts,
    keys: fst::Map<Bytes>,
    dictionary: DecoderDictionary<'static>,
}

/// An advisory about a package, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// Its id (`DSA-5678-1`, `GHSA-…`).
    pub id: String,
    /// Other names of the same thing, CVEs among them.
    pub aliases: Vec<String>,
    /// How bad.
    pub severity: Severity,
    /// The CVSS base score in tenths (`98` is 9.8), the highest that the record has.
    pub score_tenths: Option<u8>,
    /// A package made to do harm, not one with a mistake.
    pub malicious: bool,
    /// One line for a person; may be empty.
    pub summary: String,
    /// When it was published, if the record says.
    pub published: Option<Timestamp>,
    /// When it last changed.
    pub modified: Timestamp,
    /// Ranges of versions, as `(event, version)`.
    pub ranges: Vec<Vec<(Event, String)>>,
    /// Versions named one by one.
    pub versions: Vec<String>,
}

impl Index {
    /// Opens an index file and verifies its directory; blocks are verified as they are read.
    ///
    /// # Errors
    /// If it cannot be opened, or is not what was written.
    #[expect(
        unsafe_code,
        reason = "a map is undefined behaviour only if its file shrinks or changes; an index is complete before it gets its name, is only ever replaced by another file, and lies in a folder of ours"
    )]
    pub fn open(path: &Path) -> Result<Index, IndexError> {
        let failed = |error| IndexError::Io(path.to_owned(), error);
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            return Err(IndexError::Damaged(path.to_owned(), "it is empty"));
        }
        // SAFETY: see the reason above.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        Index::read(path, Bytes::from_owner(map))
    }

    fn read(path: &Path, bytes: Bytes) -> Result<Index, IndexError> {
        let damaged = |why| IndexError::Damaged(path.to_owned(), why);
        let (header, parts) = header(&bytes).map_err(damaged)?;
        let digest = Digest::of(&serde_json::to_vec(&header).unwrap_or_default());
        let keys = fst::Map::new(bytes.slice(parts.keys.clone()));
        let keys = keys.map_err(|_| damaged("its keys are damaged"))?;
        let dictionary = bytes.get(parts.dictionary.clone()).unwrap_or_default();
        let dictionary = DecoderDictionary::try_copy(dictionary);
        let dictionary = dictionary.map_err(|_| damaged("its dictionary is damaged"))?;
        Ok(Index {
            path: path.to_owned(),
            bytes,
            header,
            digest,
            parts,
            keys,
            dictionary,
        })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The identity of this data: another digest means that findings may differ.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether there are advisories for this release of the ecosystem at all.
    pub fn covers(&self, ecosystem: &Ecosystem) -> bool {
        let prefix = ecosystem.key_prefix();
        let mut from = self.keys.range().ge(&prefix).into_stream();
        let first = from.next();
        self.header.ecosystem == ecosystem.base()
            && first.is_some_and(|(key, _)| key.starts_with(prefix.as_bytes()))
    }

    /// All advisories that name a package, whatever the version.
    ///
    /// # Errors
    /// If a block is not what was written.
    pub fn advisories(
        &self,
        ecosystem: &Ecosystem,
        name: &str,
    ) -> Result<Vec<Affected>, IndexError> {
        let mut lookup = Lookup::of(self)?;
        let mut found = Vec::new();
        for block in lookup.blocks(ecosystem, name)? {
            for row in block.rows(self)? {
                found.push(affected(&row, lookup.facts(row.number)?));
            }
        }
        Ok(found)
    }

    /// Where the rows of a key lie: block, and offset in it.
    pub(super) fn place(&self, key: &str) -> Option<(u64, u64)> {
        let place = self.keys.get(key)?;
        Some((place >> 16, place & 0xffff))
    }

    /// All keys, in order, with their places.
    pub(super) fn keys(&self) -> fst::map::Stream<'_> {
        self.keys.stream()
    }

    pub(super) fn dictionary(&self) -> Option<&DecoderDictionary<'static>> {
        (!self.parts.dictionary.is_empty()).then_some(&self.dictionary)
    }

    /// A compressed block of rows.
    pub(super) fn row_block(&self, at: u64) -> Option<&[u8]> {
        self.block(&self.parts.row_directory, &self.parts.rows, at)
    }

    /// A compressed block of advisories.
    pub(super) fn advisory_block(&self, at: u64) -> Option<&[u8]> {
        self.block(&self.parts.advisory_directory, &self.parts.advisories, at)
    }

    fn block(&self, directory: &Range<usize>, blocks: &Range<usize>, at: u64) -> Option<&[u8]> {
        let (ends, _) = self.bytes.get(directory.clone())?.as_chunks::<8>();
        let end = |at: usize| usize::try_from(u64::from_le_bytes(*ends.get(at)?)).ok();
        let at = usize::try_from(at).ok()?;
        let start = if at == 0 { 0 } else { end(at - 1)? };
        self.bytes.get(blocks.clone())?.get(start..end(at)?)
    }

    pub(super) fn damaged(&self, why: &'static str) -> IndexError {
        IndexError::Damaged(self.path.clone(), why)
    }

    pub(super) fn failed(&self, error: io::Error) -> IndexError {
        IndexError::Io(self.path.clone(), error)
    }
}

fn affected(row: &Row<'_>, facts: Facts) -> Affected {
    let ranges = row.versions.ranges.iter().map(|range| {
        let events = range.iter();
        events
            .map(|(event, at)| (*event, (*at).to_owned()))
            .collect()
    });
    let versions = row.versions.named.iter();
    Affected {
        id: facts.id,
        aliases: facts.aliases,
        severity: row.rating.severity,
        score_tenths: row.rating.tenths,
        malicious: facts.malicious,
        summary: facts.summary,
        published: facts.published,
        modified: facts.modified,
        ranges: ranges.collect(),
        versions: versions.map(|named| (*named).to_owned()).collect(),
    }
}

//! An index file, open.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fst::{IntoStreamer as _, Streamer as _};
use jiff::Timestamp;
use memmap2::Mmap;
use zstd::bulk::Decompressor;
use zstd::dict::DecoderDictionary;

use super::codec::Reader;
use super::format::{ADVISORIES_A_BLOCK, Header, MAX_BLOCK_BYTES, Parts, header};
use super::range::Versions;
use super::severity::{Rating, Severity};
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
    pub ranges: Vec<Vec<(super::range::Event, String)>>,
    /// Versions named one by one.
    pub versions: Vec<String>,
}

/// A row of a package: which advisory, how bad, which versions.
pub(super) struct Row<'a> {
    pub(super) number: u64,
    pub(super) rating: Rating,
    pub(super) versions: Versions<'a>,
}

/// What an index says of an advisory, whatever the package.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) aliases: Vec<String>,
    pub(super) malicious: bool,
    pub(super) summary: String,
    pub(super) published: Option<Timestamp>,
    pub(super) modified: Timestamp,
}

/// Reads blocks of one index, keeping the last ones: packages and advisories that are looked up lie close together.
pub(super) struct Lookup<'a> {
    index: &'a Index,
    decompressor: Decompressor<'a>,
    facts: HashMap<u64, Vec<Facts>>,
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
        let mut lookup = self.lookup()?;
        let mut found = Vec::new();
        for block in lookup.blocks(ecosystem, name)? {
            for row in self.rows(&block)? {
                let facts = lookup.facts(row.number)?;
                let own = |event: &(super::range::Event, &str)| (event.0, event.1.to_owned());
                let ranges = row.versions.ranges.iter();
                found.push(Affected {
                    id: facts.id,
                    aliases: facts.aliases,
                    severity: row.rating.severity,
                    score_tenths: row.rating.tenths,
                    malicious: facts.malicious,
                    summary: facts.summary,
                    published: facts.published,
                    modified: facts.modified,
                    ranges: ranges
                        .map(|range| range.iter().map(own).collect())
                        .collect(),
                    versions: row
                        .versions
                        .named
                        .iter()
                        .map(|&named| named.to_owned())
                        .collect(),
                });
            }
        }
        Ok(found)
    }

    pub(super) fn lookup(&self) -> Result<Lookup<'_>, IndexError> {
        let decompressor = match self.parts.dictionary.is_empty() {
            true => Decompressor::new(),
            false => Decompressor::with_prepared_dictionary(&self.dictionary),
        };
        Ok(Lookup {
            index: self,
            decompressor: decompressor.map_err(|error| IndexError::Io(self.path.clone(), error))?,
            facts: HashMap::new(),
        })
    }

    /// The rows of a package, from where they begin in their block.
    pub(super) fn rows<'a>(&self, block: &'a Rows) -> Result<Vec<Row<'a>>, IndexError> {
        block
            .rows()
            .ok_or_else(|| self.damaged("a block of packages is damaged"))
    }

    fn damaged(&self, why: &'static str) -> IndexError {
        IndexError::Damaged(self.path.clone(), why)
    }

    /// Where a block lies in the file.
    fn block(
        &self,
        directory: &std::ops::Range<usize>,
        blocks: &std::ops::Range<usize>,
        at: u64,
    ) -> Option<&[u8]> {
        let directory = self.bytes.get(directory.clone())?;
        let (ends, _) = directory.as_chunks::<8>();
        let end = |at: usize| usize::try_from(u64::from_le_bytes(*ends.get(at)?)).ok();
        let at = usize::try_from(at).ok()?;
        let start = if at == 0 { 0 } else { end(at - 1)? };
        self.bytes.get(blocks.clone())?.get(start..end(at)?)
    }
}

/// A block in which a package's rows begin.
pub(super) struct Rows {
    block: Vec<u8>,
    offset: usize,
}

impl Rows {
    fn rows(&self) -> Option<Vec<Row<'_>>> {
        let mut reader = Reader(self.block.get(self.offset..)?);
        let count = reader.count()?;
        let mut number = 0u64;
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            number = number.checked_add(reader.number()?)?;
            let severity = Severity::from_byte(reader.byte()?)?;
            let tenths = reader.byte()?.checked_sub(1);
            let versions = Versions::read(&mut reader)?;
            let rating = Rating { severity, tenths };
            rows.push(Row {
                number,
                rating,
                versions,
            });
        }
        Some(rows)
    }
}

impl Lookup<'_> {
    /// The blocks with rows of a package: of its release, and of advisories that name none.
    pub(super) fn blocks(
        &mut self,
        ecosystem: &Ecosystem,
        name: &str,
    ) -> Result<Vec<Rows>, IndexError> {
        let mut keys = vec![ecosystem.key(name), ecosystem.key_of_any_release(name)];
        keys.dedup();
        let index = self.index;
        let places = keys.iter().filter_map(|key| index.keys.get(key));
        places.map(|place| self.rows_at(place)).collect()
    }

    fn rows_at(&mut self, place: u64) -> Result<Rows, IndexError> {
        let parts = &self.index.parts;
        let compressed = self
            .index
            .block(&parts.row_directory, &parts.rows, place >> 16);
        let block = self.decompress(compressed)?;
        let offset = usize::try_from(place & 0xffff).unwrap_or(usize::MAX);
        Ok(Rows { block, offset })
    }

    pub(super) fn facts(&mut self, number: u64) -> Result<Facts, IndexError> {
        let (block, at) = (number / ADVISORIES_A_BLOCK, number % ADVISORIES_A_BLOCK);
        if !self.facts.contains_key(&block) {
            let parts = &self.index.parts;
            let compressed = self
                .index
                .block(&parts.advisory_directory, &parts.advisories, block);
            let bytes = self.decompress(compressed)?;
            let mut reader = Reader(&bytes);
            let all =
                std::iter::from_fn(|| (!reader.0.is_empty()).then(|| read_facts(&mut reader)));
            let all: Option<Vec<Facts>> = all.collect();
            let all = all.ok_or_else(|| self.index.damaged("a block of advisories is damaged"))?;
            self.facts.insert(block, all);
        }
        let found = self
            .facts
            .get(&block)
            .and_then(|all| all.get(usize::try_from(at).ok()?));
        found
            .cloned()
            .ok_or_else(|| self.index.damaged("an advisory is missing"))
    }

    fn decompress(&mut self, compressed: Option<&[u8]>) -> Result<Vec<u8>, IndexError> {
        let damaged = || self.index.damaged("a block is damaged");
        let compressed = compressed.ok_or_else(damaged)?;
        let size = zstd::zstd_safe::get_frame_content_size(compressed);
        let size = size
            .ok()
            .flatten()
            .and_then(|size| usize::try_from(size).ok());
        let size = size
            .filter(|size| *size <= MAX_BLOCK_BYTES)
            .ok_or_else(damaged)?;
        let block = self.decompressor.decompress(compressed, size);
        block.map_err(|_| self.index.damaged("a block is damaged"))
    }
}

fn read_facts(reader: &mut Reader<'_>) -> Option<Facts> {
    let id = reader.text()?.to_owned();
    let malicious = reader.byte()? != 0;
    let mut time = || Timestamp::from_second(i64::try_from(reader.number()?).ok()?).ok();
    let (modified, published) = (time()?, time()?);
    let summary = reader.text()?.to_owned();
    let aliases = reader.texts()?.into_iter().map(str::to_owned).collect();
    Some(Facts {
        id,
        aliases,
        malicious,
        summary,
        published: (published.as_second() > 0).then_some(published),
        modified,
    })
}

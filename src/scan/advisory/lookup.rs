//! Blocks of an index, read and taken apart.

use std::collections::HashMap;

use jiff::Timestamp;
use zstd::bulk::Decompressor;

use super::codec::Reader;
use super::format::{ADVISORIES_A_BLOCK, MAX_BLOCK_BYTES};
use super::index::{Index, IndexError};
use super::range::Versions;
use super::severity::{Rating, Severity};
use crate::scan::ecosystem::Ecosystem;

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

/// Reads blocks of one index for one image, and keeps those of advisories: many of its packages share theirs.
pub(super) struct Lookup<'a> {
    index: &'a Index,
    decompressor: Decompressor<'a>,
    facts: HashMap<u64, Vec<Facts>>,
}

/// A block in which a package's rows begin.
pub(super) struct Rows {
    block: Vec<u8>,
    pub(super) offset: usize,
}

impl Rows {
    /// The rows of the package.
    pub(super) fn rows(&self, index: &Index) -> Result<Vec<Row<'_>>, IndexError> {
        let damaged = || index.damaged("a block of packages is damaged");
        self.read().ok_or_else(damaged)
    }

    fn read(&self) -> Option<Vec<Row<'_>>> {
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

impl<'a> Lookup<'a> {
    pub(super) fn of(index: &'a Index) -> Result<Lookup<'a>, IndexError> {
        let decompressor = match index.dictionary() {
            Some(dictionary) => Decompressor::with_prepared_dictionary(dictionary),
            None => Decompressor::new(),
        };
        Ok(Lookup {
            index,
            decompressor: decompressor.map_err(|error| index.failed(error))?,
            facts: HashMap::new(),
        })
    }

    /// The blocks with rows of a package: of its release, and of advisories that name none.
    pub(super) fn blocks(
        &mut self,
        ecosystem: &Ecosystem,
        name: &str,
    ) -> Result<Vec<Rows>, IndexError> {
        let mut keys = vec![ecosystem.key(name), ecosystem.key_of_any_release(name)];
        keys.dedup();
        let index = self.index;
        let places = keys.iter().filter_map(|key| index.place(key));
        let rows = places.map(|(block, offset)| self.rows_at(block, offset));
        rows.collect()
    }

    /// The block with this number, at a place in it.
    pub(super) fn rows_at(&mut self, block: u64, offset: u64) -> Result<Rows, IndexError> {
        let block = self.decompress(self.index.row_block(block))?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(Rows { block, offset })
    }

    /// The same as [`Lookup::facts`] for whoever asks for one after the other: earlier blocks are forgotten.
    pub(super) fn facts_in_order(&mut self, number: u64) -> Result<Facts, IndexError> {
        let block = number / ADVISORIES_A_BLOCK;
        self.facts.retain(|kept, _| *kept == block);
        self.facts(number)
    }

    /// What is known of the advisory with this number.
    pub(super) fn facts(&mut self, number: u64) -> Result<Facts, IndexError> {
        let (block, at) = (number / ADVISORIES_A_BLOCK, number % ADVISORIES_A_BLOCK);
        let index = self.index;
        if !self.facts.contains_key(&block) {
            let bytes = self.decompress(index.advisory_block(block))?;
            let mut reader = Reader(&bytes);
            let all =
                std::iter::from_fn(|| (!reader.0.is_empty()).then(|| read_facts(&mut reader)));
            let all: Option<Vec<Facts>> = all.collect();
            let damaged = || index.damaged("a block of advisories is damaged");
            self.facts.insert(block, all.ok_or_else(damaged)?);
        }
        let all = self.facts.get(&block);
        let found = all.and_then(|all| all.get(usize::try_from(at).ok()?));
        found
            .cloned()
            .ok_or_else(|| index.damaged("an advisory is missing"))
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

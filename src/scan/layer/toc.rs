//! Tables of contents of lazily loaded layers: a runtime that believes one must see the files that the archive holds
//! (stargz-snapshotter, docs/estargz.md; containers-storage-zstd-chunked(1)).
//!
//! Compared are names, types, sizes, modes, owners, extended attributes, link targets, digests of files, and where in the layer their content is
//! said to lie: a chunk must begin with a member of the compression whose content is that of the file at that place.
//! So a chunk's own digest can only be true or be refused by the runtime. Of hard links
//! the attributes are those of the file, and of all else times are not compared.

mod table;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;

use super::Unscannable;
use super::attributes::Attributes;
use super::header::Type;
use super::inflate::Trace;
use super::tar::{Entry, Tar};
use crate::oci::{Digest, Hasher};
use table::{Row, Table, row};

/// What manifests announce (estargz.md "TOCs and Footers"; containers-storage-zstd-chunked(1)).
const STARGZ: &str = "containerd.io/snapshot/stargz/toc.digest";
const CHUNKED: &str = "io.github.containers.zstd-chunked.manifest-checksum";
const CHUNKED_PLACE: &str = "io.github.containers.zstd-chunked.manifest-position";
/// The table's own name in an eStargz.
const TABLE: &str = "stargz.index.json";
/// Largest table in bytes: one of 100 thousand files has about 40 MB.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// A table of contents that a manifest's annotations announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toc {
    /// eStargz: the digest of the table, which is a file of the archive.
    Stargz(Digest),
    /// zstd:chunked: the table is compressed and lies beside the archive.
    ZstdChunked {
        /// The digest of the compressed table.
        digest: Digest,
        /// Where in the layer it begins.
        at: u64,
        /// Its compressed bytes.
        length: u64,
    },
}

impl Toc {
    /// What a layer's annotations announce, if they do.
    ///
    /// # Errors
    /// [`Unscannable::TableOfContents`] where they cannot be understood, or announce two.
    pub fn announced(annotations: &BTreeMap<String, String>) -> Result<Option<Toc>, Unscannable> {
        let wrong = Unscannable::TableOfContents;
        let digest = |text: &String| text.parse().map_err(|_| wrong("is announced by no digest"));
        match (annotations.get(STARGZ), annotations.get(CHUNKED)) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(wrong("is announced in two ways")),
            (Some(text), None) => Ok(Some(Toc::Stargz(digest(text)?))),
            (None, Some(text)) => {
                let place = annotations.get(CHUNKED_PLACE).map(String::as_str);
                let (at, length) = place
                    .and_then(place_of)
                    .ok_or(wrong("is announced without its place"))?;
                let digest = digest(text)?;
                Ok(Some(Toc::ZstdChunked { digest, at, length }))
            }
        }
    }

    /// The bytes of the layer that are the table; none where it is a file of the archive.
    pub(super) fn place(&self) -> Result<Range<u64>, Unscannable> {
        match self {
            Toc::Stargz(_) => Ok(0..0),
            Toc::ZstdChunked { at, length, .. } if *length <= MAX_TABLE_BYTES => {
                Ok(*at..at.saturating_add(*length))
            }
            Toc::ZstdChunked { .. } => Err(Unscannable::TableOfContents("is too large")),
        }
    }
}

/// `offset:length:unpacked length:type`, where the type is that of such tables.
fn place_of(text: &str) -> Option<(u64, u64)> {
    let numbers: Vec<&str> = text.split(':').collect();
    let [at, length, unpacked, "1"] = numbers.as_slice() else {
        return None;
    };
    let number = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| plain)
    };
    number(unpacked)?;
    Some((number(at)?, number(length)?))
}

/// Collects the archive's side as digests of rows, so that memory stays small.
pub(super) struct TocCheck {
    announced: Toc,
    archive: Vec<Digest>,
    /// The table that was a file of the archive.
    table: Option<Vec<u8>>,
}

impl TocCheck {
    pub(super) fn new(announced: Toc) -> TocCheck {
        TocCheck {
            announced,
            archive: Vec::new(),
            table: None,
        }
    }

    /// Whether the file at `path` is the table.
    pub(super) fn is_toc(&self, path: &str) -> bool {
        matches!(self.announced, Toc::Stargz(_)) && path == TABLE
    }

    pub(super) fn hasher() -> Hasher {
        Digest::Sha256([0; 32]).hasher()
    }

    /// A regular file whose content begins at `start` of the tar.
    pub(super) fn file(&mut self, path: &str, entry: &Entry, start: u64, digest: &Digest) {
        if entry.size == 0 {
            return self.empty_file(path, &entry.attributes);
        }
        let digest = digest.to_string();
        let place = Some((entry.size, start));
        self.archive
            .push(row("reg", path, &entry.attributes, place, &digest));
    }

    pub(super) fn empty_file(&mut self, path: &str, attributes: &Attributes) {
        self.archive.push(row("reg", path, attributes, None, ""));
    }

    pub(super) fn symlink(&mut self, path: &str, attributes: &Attributes, target: &str) {
        let own = attributes.without_mode();
        self.archive.push(row("symlink", path, &own, None, target));
    }

    pub(super) fn hard_link(&mut self, path: &str, target: &str) {
        let of_the_file = Attributes::default();
        self.archive
            .push(row("hardlink", path, &of_the_file, None, target));
    }

    pub(super) fn bare(&mut self, path: &str, entry: &Entry) {
        if path.is_empty() {
            return;
        }
        self.archive.push(match entry.kind {
            Type::Directory => row("dir", path, &entry.attributes, None, ""),
            _ => row("other", path, &entry.attributes.without_mode(), None, ""),
        });
    }

    /// Takes the table that is a file of the archive, which comes once.
    pub(super) fn table(&mut self, tar: &mut Tar<'_>) -> Result<(), Unscannable> {
        let wrong = Unscannable::TableOfContents;
        let content = tar.read(MAX_TABLE_BYTES)?;
        let content = content.ok_or(wrong("is too large"))?;
        if self.table.replace(content).is_some() {
            return Err(wrong("is there twice"));
        }
        Ok(())
    }

    pub(super) fn finish(mut self, trace: &Trace) -> Result<(), Unscannable> {
        let wrong = Unscannable::TableOfContents;
        let unpacked = match &self.announced {
            Toc::Stargz(_) => self.table.take().ok_or(wrong("is missing"))?,
            Toc::ZstdChunked { .. } => trace.captured.clone(),
        };
        let announced = match &self.announced {
            Toc::Stargz(digest) | Toc::ZstdChunked { digest, .. } => digest,
        };
        if !announced.verifies(&unpacked) {
            return Err(wrong("is not the one that the manifest announces"));
        }
        let json = match &self.announced {
            Toc::Stargz(_) => unpacked,
            Toc::ZstdChunked { .. } => unpack(&unpacked)?,
        };
        let table: Table = serde_json::from_slice(&json).map_err(|_| wrong("cannot be read"))?;
        let mut rows = rows(&table.entries, trace)?;
        rows.sort_unstable();
        self.archive.sort_unstable();
        if rows != self.archive {
            return Err(wrong("differs from the archive"));
        }
        Ok(())
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Unscannable> {
    let wrong = Unscannable::TableOfContents;
    let decoder = zstd::stream::read::Decoder::new(packed);
    let mut json = Vec::new();
    let read = decoder.and_then(|decoder| decoder.take(MAX_TABLE_BYTES + 1).read_to_end(&mut json));
    match read {
        Ok(count) if count as u64 > MAX_TABLE_BYTES => Err(wrong("is too large")),
        Ok(_) => Ok(json),
        Err(_) => Err(wrong("cannot be read")),
    }
}

/// The table's side: a file's row is followed by those of its further chunks.
fn rows(entries: &[Row], trace: &Trace) -> Result<Vec<Digest>, Unscannable> {
    let mut rows = Vec::new();
    let mut rest = entries;
    while let Some((first, after)) = rest.split_first() {
        let chunks = after.iter().take_while(|row| row.is_chunk()).count();
        let (chunks, after) = after.split_at(chunks);
        rows.extend(first.digest(chunks, trace)?);
        rest = after;
    }
    Ok(rows)
}

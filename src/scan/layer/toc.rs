//! Tables of contents of lazily loaded layers: a runtime that believes one must see the files that the archive holds
//! (stargz-snapshotter, docs/estargz.md).
//!
//! Names, types, sizes, link targets and digests of whole files are compared. Not compared: owners, modes, extended
//! attributes, and digests of parts of files that are larger than one chunk.

use serde::Deserialize;

use super::Unscannable;
use super::header::Type;
use super::path::normal;
use super::tar::Tar;
use crate::oci::{Digest, Hasher};

/// The table's own name in an eStargz.
const TABLE: &str = "stargz.index.json";
/// Largest table in bytes: one of 100 thousand files has about 40 MB.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// A table of contents that a manifest's annotations announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toc {
    /// eStargz: the digest of the table, from `containerd.io/snapshot/stargz/toc.digest`.
    Stargz(Digest),
    /// zstd:chunked, from `io.github.containers.zstd-chunked.manifest-checksum`: not compared yet, so refused.
    ZstdChunked,
}

#[derive(Deserialize)]
struct Table {
    entries: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    r#type: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    link_name: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    chunk_digest: String,
    #[serde(default)]
    chunk_size: u64,
}

/// Collects both sides as digests of rows, so that memory stays small.
pub(super) struct TocCheck {
    announced: Digest,
    archive: Vec<Digest>,
    table: Option<Vec<Digest>>,
}

impl TocCheck {
    pub(super) fn new(toc: Toc) -> Result<TocCheck, Unscannable> {
        match toc {
            Toc::Stargz(announced) => Ok(TocCheck {
                announced,
                archive: Vec::new(),
                table: None,
            }),
            Toc::ZstdChunked => Err(Unscannable::TableOfContents(
                "is of a kind that is not read",
            )),
        }
    }

    pub(super) fn is_toc(path: &str) -> bool {
        path == TABLE
    }

    pub(super) fn hasher() -> Hasher {
        Digest::Sha256([0; 32]).hasher()
    }

    pub(super) fn file(&mut self, path: &str, size: u64, digest: &Digest) {
        // Empty files have no digest in a table.
        let digest = if size == 0 {
            String::new()
        } else {
            digest.to_string()
        };
        self.archive.push(row(path, "reg", size, &digest));
    }

    pub(super) fn link(&mut self, path: &str, kind: Type, target: &str) {
        let kind = if kind == Type::Symlink {
            "symlink"
        } else {
            "hardlink"
        };
        self.archive.push(row(path, kind, 0, target));
    }

    pub(super) fn bare(&mut self, path: &str, kind: Type) {
        let kind = if kind == Type::Directory {
            "dir"
        } else {
            "other"
        };
        if !path.is_empty() {
            self.archive.push(row(path, kind, 0, ""));
        }
    }

    /// Reads the table, which comes once.
    pub(super) fn table(&mut self, tar: &mut Tar<'_>) -> Result<(), Unscannable> {
        let wrong = Unscannable::TableOfContents;
        let content = tar.read(MAX_TABLE_BYTES)?;
        let content = content.ok_or(wrong("is too large"))?;
        if !self.announced.verifies(&content) {
            return Err(wrong("is not the one that the manifest announces"));
        }
        let table: Table = serde_json::from_slice(&content).map_err(|_| wrong("cannot be read"))?;
        let rows = table.entries.iter().filter(|row| row.r#type != "chunk");
        let rows: Result<Vec<Digest>, Unscannable> = rows.map(Row::digest).collect();
        if self.table.replace(rows?).is_some() {
            return Err(wrong("is there twice"));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Unscannable> {
        let wrong = Unscannable::TableOfContents;
        let mut table = self.table.take().ok_or(wrong("is missing"))?;
        table.sort_unstable();
        self.archive.sort_unstable();
        if table != self.archive {
            return Err(wrong("differs from the archive"));
        }
        Ok(())
    }
}

impl Row {
    fn digest(&self) -> Result<Digest, Unscannable> {
        let path = normal(self.name.as_bytes())?.path;
        let whole = self.chunk_size == 0 || self.chunk_size == self.size;
        if whole && !self.chunk_digest.is_empty() && self.chunk_digest != self.digest {
            return Err(Unscannable::TableOfContents(
                "names two digests of one file",
            ));
        }
        Ok(match self.r#type.as_str() {
            "reg" if self.size == 0 => row(&path, "reg", 0, ""),
            "reg" => row(&path, "reg", self.size, &self.digest),
            "symlink" => row(&path, "symlink", 0, &self.link_name),
            "hardlink" => row(
                &path,
                "hardlink",
                0,
                &normal(self.link_name.as_bytes())?.path,
            ),
            "dir" => row(&path, "dir", 0, ""),
            _ => row(&path, "other", 0, ""),
        })
    }
}

fn row(path: &str, kind: &str, size: u64, content: &str) -> Digest {
    Digest::of(format!("{kind}\0{path}\0{size}\0{content}").as_bytes())
}

//! The rows of a table of contents.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::super::Unscannable;
use super::super::attributes::Attributes;
use super::super::inflate::Trace;
use super::super::path::normal;
use crate::oci::Digest;

#[derive(Deserialize)]
pub(super) struct Table {
    pub(super) entries: Vec<Row>,
}

/// A row: a file and its first chunk, a further chunk, or something without content.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Row {
    name: String,
    r#type: String,
    size: u64,
    mode: u64,
    uid: u64,
    gid: u64,
    /// By name, in base64.
    xattrs: BTreeMap<String, String>,
    link_name: String,
    digest: String,
    /// Where in the layer the member begins that holds the chunk, and where in the member the chunk does.
    offset: u64,
    inner_offset: u64,
    /// Where in the file the chunk lies; no size means up to the file's end.
    chunk_offset: u64,
    chunk_size: u64,
}

impl Row {
    pub(super) fn is_chunk(&self) -> bool {
        self.r#type == "chunk"
    }

    /// What the archive must say of the same; nothing of the root. `chunks`: the further ones.
    pub(super) fn digest(
        &self,
        chunks: &[Row],
        trace: &Trace,
    ) -> Result<Option<Digest>, Unscannable> {
        let path = normal(self.name.as_bytes())?.path;
        let own = self.attributes()?;
        Ok(Some(match self.r#type.as_str() {
            "reg" if self.size == 0 => row("reg", &path, &own, None, ""),
            "reg" => {
                let start = self.start(&path, chunks, trace)?;
                row("reg", &path, &own, Some((self.size, start)), &self.digest)
            }
            "symlink" => row("symlink", &path, &own.without_mode(), None, &self.link_name),
            "hardlink" => {
                let target = normal(self.link_name.as_bytes())?.path;
                row("hardlink", &path, &Attributes::default(), None, &target)
            }
            "dir" if path.is_empty() => return Ok(None),
            "dir" => row("dir", &path, &own, None, ""),
            _ => row("other", &path, &own.without_mode(), None, ""),
        }))
    }

    fn attributes(&self) -> Result<Attributes, Unscannable> {
        let mut extended = BTreeMap::new();
        for (name, value) in self.xattrs.iter().filter(|(_, value)| !value.is_empty()) {
            let value = STANDARD.decode(value);
            let value = value.map_err(|_| Unscannable::TableOfContents("cannot be read"))?;
            extended.insert(name.as_bytes().to_vec(), value);
        }
        Ok(Attributes {
            mode: self.mode,
            owner: (Some(self.uid), Some(self.gid)),
            extended,
        })
    }

    /// Where in the tar the file's content begins by all of its chunks, which must cover it one after another.
    fn start(&self, path: &str, chunks: &[Row], trace: &Trace) -> Result<u64, Unscannable> {
        let elsewhere = Unscannable::TableOfContents("says that content lies where it does not");
        let (mut covered, mut start) = (0_u64, None);
        for chunk in std::iter::once(self).chain(chunks) {
            let own = normal(chunk.name.as_bytes())?.path == path;
            let begins = trace
                .tar_position(chunk.offset)
                .and_then(|at| at.checked_add(chunk.inner_offset))
                .and_then(|at| at.checked_sub(chunk.chunk_offset));
            let left = self.size.checked_sub(chunk.chunk_offset);
            let fits =
                own && chunk.chunk_offset == covered && start.is_none_or(|at| begins == Some(at));
            let (Some(begins), Some(left), true) = (begins, left, fits) else {
                return Err(elsewhere);
            };
            let size = match chunk.chunk_size {
                0 => left,
                size => size,
            };
            covered = covered.saturating_add(size);
            start = Some(begins);
        }
        match start {
            Some(start) if covered == self.size => Ok(start),
            _ => Err(elsewhere),
        }
    }
}

/// What both sides say of one thing; `place` is the size of a file and where its content begins in the tar.
pub(super) fn row(
    kind: &str,
    path: &str,
    attributes: &Attributes,
    place: Option<(u64, u64)>,
    content: &str,
) -> Digest {
    let attributes = attributes.word();
    let (size, start) = place.unwrap_or_default();
    Digest::of(format!("{kind}\0{path}\0{attributes}\0{size}\0{start}\0{content}").as_bytes())
}

//! The rows of a table of contents.

use serde::Deserialize;

use super::super::Unscannable;
use super::super::inflate::Trace;
use super::super::path::normal;
use crate::oci::Digest;

/// Bits of a mode that a runtime sets; some builders write the type of the file above them.
const MODE_BITS: u64 = 0o7777;

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
        let mode = self.mode;
        Ok(Some(match self.r#type.as_str() {
            "reg" if self.size == 0 => row("reg", &path, mode, None, ""),
            "reg" => {
                let start = self.start(&path, chunks, trace)?;
                row("reg", &path, mode, Some((self.size, start)), &self.digest)
            }
            "symlink" => row("symlink", &path, 0, None, &self.link_name),
            "hardlink" => {
                let target = normal(self.link_name.as_bytes())?.path;
                row("hardlink", &path, 0, None, &target)
            }
            "dir" if path.is_empty() => return Ok(None),
            "dir" => row("dir", &path, mode, None, ""),
            _ => row("other", &path, 0, None, ""),
        }))
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
    mode: u64,
    place: Option<(u64, u64)>,
    content: &str,
) -> Digest {
    let mode = mode & MODE_BITS;
    let (size, start) = place.unwrap_or_default();
    Digest::of(format!("{kind}\0{path}\0{mode:o}\0{size}\0{start}\0{content}").as_bytes())
}

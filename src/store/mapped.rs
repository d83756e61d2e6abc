//! Complete blobs as shared memory maps: the kernel's page cache goes to the socket without a copy of ours.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use memmap2::{Advice, Mmap};

/// One open blob, shared by all who read it.
pub(super) struct Mapped {
    map: Option<Mmap>,
    size: u64,
    /// Which stretches were brought in since it was opened.
    brought: Vec<AtomicBool>,
}

/// What is brought into the page cache at a time, off the runtime's threads.
pub(super) const STRETCH: u64 = 4 * 1024 * 1024;

impl Mapped {
    #[expect(
        unsafe_code,
        reason = "a map is undefined behaviour only if its file shrinks or changes; blobs are complete before they get their name, are only ever unlinked after, and lie in a folder of ours"
    )]
    pub(super) fn open(file: &File) -> io::Result<Mapped> {
        let size = file.metadata()?.len();
        // SAFETY: see the reason above; nobody writes to a file under `blobs/`.
        let map = if size == 0 {
            None
        } else {
            Some(unsafe { Mmap::map(file)? })
        };
        let stretches = usize::try_from(size.div_ceil(STRETCH)).map_err(io::Error::other)?;
        let brought = std::iter::repeat_with(AtomicBool::default)
            .take(stretches)
            .collect();
        Ok(Mapped { map, size, brought })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// A piece without a copy; empty where the range is not within the blob.
    pub(super) fn slice(self: &Arc<Self>, range: Range<u64>) -> Bytes {
        match (usize::try_from(range.start), usize::try_from(range.end)) {
            (Ok(start), Ok(end)) if end <= self.bytes().len() && start < end => {
                Bytes::from_owner(Piece {
                    mapped: self.clone(),
                    range: start..end,
                })
            }
            _ => Bytes::new(),
        }
    }

    /// Whether the stretch that holds byte `at` was brought in; the kernel may have taken it back since, and brings
    /// it in again when it is touched.
    pub(super) fn is_brought(&self, at: u64) -> bool {
        let stretch = usize::try_from(at / STRETCH)
            .ok()
            .and_then(|at| self.brought.get(at));
        stretch.is_some_and(|brought| brought.load(Ordering::Relaxed))
    }

    /// Reads the stretch that holds byte `at` into the page cache and maps it, blocking: for the blocking pool.
    pub(super) fn bring(&self, at: u64) {
        let start = at / STRETCH * STRETCH;
        let length = STRETCH.min(self.size.saturating_sub(start));
        if let (Some(map), Ok(first), Ok(length)) =
            (&self.map, usize::try_from(start), usize::try_from(length))
        {
            // Linux before 5.14 does not know it; then the pages come when they are touched.
            let _ = map.advise_range(Advice::PopulateRead, first, length);
        }
        if let Some(brought) = usize::try_from(at / STRETCH)
            .ok()
            .and_then(|at| self.brought.get(at))
        {
            brought.store(true, Ordering::Relaxed);
        }
    }
}

struct Piece {
    mapped: Arc<Mapped>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.mapped
            .bytes()
            .get(self.range.clone())
            .unwrap_or_default()
    }
}

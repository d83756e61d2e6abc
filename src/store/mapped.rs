//! Complete blobs as shared memory maps: the kernel's page cache goes to the socket without a copy of ours.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, Mmap};

/// One open blob, shared by all who read it.
pub(super) struct Mapped {
    map: Option<Mmap>,
    size: u64,
}

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
        Ok(Mapped { map, size })
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

    /// Reads a range into the page cache and maps it, blocking: for the blocking pool.
    pub(super) fn populate(&self, range: Range<u64>) {
        if let (Some(map), Ok(start), Ok(length)) = (
            &self.map,
            usize::try_from(range.start),
            usize::try_from(range.end.saturating_sub(range.start)),
        ) {
            // Linux before 5.14 does not know it; then the pages come when they are touched.
            let _ = map.advise_range(Advice::PopulateRead, start, length);
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

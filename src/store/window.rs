//! The last pieces of a download in memory, for readers at its edge when the disk takes no more.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

/// Most bytes held for one download.
pub(super) const WINDOW_BYTES: u64 = 8 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Window {
    pieces: VecDeque<(u64, Bytes)>,
    bytes: u64,
    readers: HashMap<u64, u64>,
    next_reader: u64,
}

/// What a window has at an offset.
pub(super) enum Look {
    Here(Bytes),
    NotYet,
    Gone,
}

impl Window {
    pub(super) fn enter(&mut self) -> u64 {
        self.next_reader += 1;
        self.readers.insert(self.next_reader, 0);
        self.next_reader
    }

    pub(super) fn leave(&mut self, reader: u64) {
        self.readers.remove(&reader);
    }

    pub(super) fn stands_at(&mut self, reader: u64, offset: u64) {
        self.readers.insert(reader, offset);
    }

    pub(super) fn push(&mut self, offset: u64, piece: Bytes) {
        self.bytes += piece.len() as u64;
        self.pieces.push_back((offset, piece));
    }

    pub(super) fn has_room_for(&self, bytes: u64) -> bool {
        self.pieces.is_empty() || self.bytes + bytes <= WINDOW_BYTES
    }

    /// Drops what every reader has had; by force, also what the slowest has not.
    pub(super) fn trim(&mut self, by_force: bool) {
        let slowest = self.readers.values().min().copied().unwrap_or(u64::MAX);
        while let Some((offset, piece)) = self.pieces.front() {
            let had = offset + piece.len() as u64 <= slowest;
            let forced = by_force && self.bytes > WINDOW_BYTES / 2;
            if !(had || forced) {
                break;
            }
            self.bytes -= piece.len() as u64;
            self.pieces.pop_front();
        }
    }

    pub(super) fn look(&self, offset: u64) -> Look {
        let Some((first, _)) = self.pieces.front() else {
            return Look::NotYet;
        };
        if offset < *first {
            return Look::Gone;
        }
        let at = self
            .pieces
            .partition_point(|(start, piece)| start + piece.len() as u64 <= offset);
        match self.pieces.get(at) {
            Some((start, piece)) => {
                let skip = usize::try_from(offset - start)
                    .unwrap_or(usize::MAX)
                    .min(piece.len());
                Look::Here(piece.slice(skip..))
            }
            None => Look::NotYet,
        }
    }
}

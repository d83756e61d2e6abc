//! Programs: what their makers linked into them, read while they pass.

use super::Gap;
use crate::scan::catalogue::{BuildInfo, Item, read_auditable};

/// How an ELF file begins.
const ELF: &[u8] = b"\x7fELF";

/// A file that may be a program.
pub(super) struct Executable {
    size: u64,
    most: u64,
    /// The whole file, if it is not too large: its table of sections comes last.
    held: Vec<u8>,
    begun: bool,
    go: BuildInfo,
}

/// What a program holds.
pub(super) struct Holds {
    pub(super) go: Vec<Item>,
    pub(super) rust: Vec<Item>,
    pub(super) gaps: Vec<Gap>,
}

impl Executable {
    pub(super) fn new(size: u64, most: u64) -> Executable {
        Executable {
            size,
            most,
            held: Vec::new(),
            begun: false,
            go: BuildInfo::default(),
        }
    }

    /// Takes the next bytes; `false` when the rest does not matter.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        if !self.begun {
            let missing = ELF.len().saturating_sub(self.held.len());
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.held.extend_from_slice(head);
            if !ELF.starts_with(self.held.as_slice()) {
                return false;
            }
            if self.held.len() < ELF.len() {
                return true;
            }
            self.begun = true;
            self.go.feed(ELF);
            bytes = rest;
        }
        self.go.feed(bytes);
        if self.size <= self.most {
            self.held.extend_from_slice(bytes);
        }
        true
    }

    /// What it holds; none if it is no program.
    pub(super) fn finish(self) -> Option<Holds> {
        if !self.begun {
            return None;
        }
        let mut gaps = Vec::new();
        let go = self.go.finish();
        if go.old {
            gaps.push(Gap::OldGo);
        }
        let mut rust = Vec::new();
        if self.size > self.most {
            // A program of Go has told what it holds already.
            if go.items.is_empty() {
                gaps.push(Gap::TooLarge);
            }
        } else {
            match read_auditable(&self.held) {
                Ok(items) => rust = items,
                Err(_) => gaps.push(Gap::Malformed),
            }
        }
        Some(Holds {
            go: go.items,
            rust,
            gaps,
        })
    }
}

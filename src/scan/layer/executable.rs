//! Programs: what their makers linked into them, read while they pass.

use memchr::memmem;

use super::Gap;
use crate::scan::catalogue::{AUDITABLE_SECTION, BuildInfo, Item, read_auditable};

/// How an ELF file begins.
const ELF: &[u8] = b"\x7fELF";
/// How programs begin that are not of Linux: of Windows (PE), and of WebAssembly, which runtimes of containers start too.
const OTHERS: [&[u8]; 2] = [b"MZ", b"\0asm"];

/// A file that may be a program.
pub(super) struct Executable {
    size: u64,
    most: u64,
    /// The whole file, if it is not too large: its table of sections comes last.
    held: Vec<u8>,
    begun: bool,
    /// A program of another kind, into which nobody looks.
    other: bool,
    go: BuildInfo,
    /// Of a file that is too large: its last bytes so far, and whether a list of crates was mentioned.
    tail: Vec<u8>,
    mentioned: bool,
}

/// What a program holds.
#[derive(Default)]
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
            other: false,
            go: BuildInfo::default(),
            tail: Vec::new(),
            mentioned: false,
        }
    }

    /// Takes the next bytes; `false` when the rest does not matter.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        if !self.begun {
            let missing = ELF.len().saturating_sub(self.held.len());
            let (head, rest) = bytes.split_at(missing.min(bytes.len()));
            self.held.extend_from_slice(head);
            self.other = OTHERS.iter().any(|start| self.held.starts_with(start));
            if !ELF.starts_with(self.held.as_slice()) {
                let begins = |start: &&[u8]| start.starts_with(self.held.as_slice());
                return !self.other && OTHERS.iter().any(begins);
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
        } else if !self.mentioned {
            self.look_for_mention(bytes);
        }
        true
    }

    /// A program with a list of crates names its section; one that does not hides nothing by its size.
    fn look_for_mention(&mut self, bytes: &[u8]) {
        let seam = AUDITABLE_SECTION.len() - 1;
        let head = bytes.get(..seam.min(bytes.len())).unwrap_or_default();
        self.tail.extend_from_slice(head);
        let found = |bytes| memmem::find(bytes, AUDITABLE_SECTION).is_some();
        self.mentioned = found(&self.tail) || found(bytes);
        if bytes.len() >= seam {
            self.tail.clear();
            let last = bytes.get(bytes.len() - seam..);
            self.tail.extend_from_slice(last.unwrap_or_default());
        } else {
            let over = self.tail.len().saturating_sub(seam);
            self.tail.drain(..over);
        }
    }

    /// What it holds; none if it is no program.
    pub(super) fn finish(self) -> Option<Holds> {
        if self.other {
            return Some(Holds::default());
        }
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
            if self.mentioned {
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

//! What Go links into its programs: version and modules (Go, debug/buildinfo and runtime/debug `BuildInfo`).
//!
//! Found by its mark while the program passes, so that a program of any size costs the same memory.

use std::collections::HashSet;

use memchr::memmem;

use super::Item;

/// How the information begins, at a multiple of 16.
const MARK: &[u8] = b"\xff Go buildinf:";
const ALIGN: u64 = 16;
/// Bytes of its head; then, since Go 1.18, version and modules as text with lengths.
const HEAD_BYTES: usize = 32;
/// Flag of the text form.
const INLINE: u8 = 2;
/// Bytes before and after the list of modules.
const FENCE_BYTES: usize = 16;
/// Most bytes that are kept from the mark on: kubernetes' list has about 20 KB.
const MAX_INFO_BYTES: usize = 1 << 20;
/// Most marks of a program that are looked at, true ones and others: one that holds other programs of Go has theirs too,
/// and whoever writes thousands has each of them read to its end.
const MAX_MARKS: usize = 64;
/// A main module that was built from a working copy has no version.
const UNVERSIONED: &str = "(devel)";

/// Looks for the information in a stream of bytes.
#[derive(Default)]
pub(in crate::scan) struct BuildInfo {
    /// Bytes from a mark on, or the last few that may begin one.
    held: Vec<u8>,
    /// Where in the program the held bytes begin.
    at: u64,
    marked: bool,
    marks: usize,
    known: HashSet<Item>,
    info: Info,
}

/// What was found.
#[derive(Default)]
pub(in crate::scan) struct Info {
    /// The standard library and modules.
    pub(in crate::scan) items: Vec<Item>,
    /// Whether it is of the form before Go 1.18, which needs the program's memory.
    pub(in crate::scan) old: bool,
    /// Whether there is more of it than is looked at.
    pub(in crate::scan) more: bool,
}

impl BuildInfo {
    pub(in crate::scan) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.info.more {
            if self.marked {
                let room = MAX_INFO_BYTES.saturating_sub(self.held.len());
                let (now, later) = bytes.split_at(room.min(bytes.len()));
                self.held.extend_from_slice(now);
                bytes = later;
                if self.held.len() >= MAX_INFO_BYTES {
                    self.settle();
                }
            } else {
                bytes = self.search(bytes);
            }
        }
    }

    pub(in crate::scan) fn finish(mut self) -> Info {
        while self.marked {
            self.settle();
        }
        self.info.old &= self.info.items.is_empty();
        self.info
    }

    /// Looks for a mark in what is held and `bytes`; what is left is to be fed again.
    fn search<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        // Across the seam first: the held tail is shorter than a mark.
        let seam = self.held.len();
        let head = bytes.get(..MARK.len().min(bytes.len())).unwrap_or_default();
        self.held.extend_from_slice(head);
        if let Some(found) = self.aligned(&self.held) {
            self.drop_front(found);
            self.marked = true;
            return bytes.get(head.len()..).unwrap_or_default();
        }
        self.held.truncate(seam);
        self.at += seam as u64;
        let found = self.aligned(bytes);
        let keep = found.unwrap_or(bytes.len().saturating_sub(MARK.len() - 1));
        if found.is_some() || bytes.len() >= MARK.len() {
            self.held.clear();
            self.at += keep as u64;
            self.marked = found.is_some();
            let rest = bytes.get(keep..).unwrap_or_default();
            if self.marked {
                return rest;
            }
            self.held.extend_from_slice(rest);
        } else {
            self.at -= seam as u64;
            self.held.extend_from_slice(bytes);
            let over = self.held.len().saturating_sub(MARK.len() - 1);
            self.drop_front(over);
        }
        &[]
    }

    /// The first mark in bytes that begin at `self.at`, where one may stand.
    fn aligned(&self, bytes: &[u8]) -> Option<usize> {
        let mut marks = memmem::find_iter(bytes, MARK);
        marks.find(|found| (self.at + *found as u64).is_multiple_of(ALIGN))
    }

    fn drop_front(&mut self, count: usize) {
        self.held.drain(..count.min(self.held.len()));
        self.at += count as u64;
    }

    /// Reads what is held, and looks for the next mark in it: a program may hold another, whose list comes first.
    fn settle(&mut self) {
        self.marks += 1;
        match parse(&self.held) {
            Some(items) => {
                let new = items
                    .into_iter()
                    .filter(|item| self.known.insert(item.clone()));
                self.info.items.extend(new);
            }
            None => {
                self.info.old |= self.held.get(15).is_some_and(|flags| flags & !1 == 0)
                    && matches!(self.held.get(14), Some(4 | 8));
            }
        }
        self.drop_front(1);
        let next = self.aligned(&self.held);
        self.marked = next.is_some() && self.marks < MAX_MARKS;
        self.info.more |= next.is_some() && !self.marked;
        let drop = next.unwrap_or(self.held.len().saturating_sub(MARK.len() - 1));
        self.drop_front(drop);
    }
}

fn parse(info: &[u8]) -> Option<Vec<Item>> {
    if info.get(15)? & INLINE == 0 {
        return None;
    }
    let (version, rest) = string(info.get(HEAD_BYTES..)?)?;
    let (modules, _) = string(rest)?;
    let version = str::from_utf8(version).ok()?;
    let version = version
        .strip_prefix("go")
        .filter(|version| !version.is_empty())?;
    let mut items = vec![Item::new("stdlib", &release(version))];
    let inside = modules.len().checked_sub(FENCE_BYTES);
    let modules = inside
        .and_then(|end| modules.get(FENCE_BYTES..end))
        .unwrap_or_default();
    let modules = str::from_utf8(modules).ok()?;
    for line in modules.lines() {
        let mut words = line.split('\t');
        let (word, name, version) = (words.next()?, words.next(), words.next());
        let (Some(name), Some(version)) = (name, version) else {
            continue;
        };
        if !matches!(word, "mod" | "dep" | "=>") || version.is_empty() {
            continue;
        }
        if word == "=>" && items.len() > 1 {
            // What is linked in is the replacement.
            items.pop();
        }
        if word == "=>" || version != UNVERSIONED {
            items.push(Item::new(name, version));
        }
    }
    items.retain(|item| item.version != UNVERSIONED);
    Some(items)
}

/// `1.21rc2 X:boringcrypto` as a version that compares: `1.21.0-rc2`.
fn release(version: &str) -> String {
    let version = version.split([' ', '-']).next().unwrap_or_default();
    let at = version.find(['r', 'b']);
    match at.and_then(|at| version.split_at_checked(at)) {
        Some((release, before)) => {
            let patch = if release.matches('.').count() < 2 {
                ".0"
            } else {
                ""
            };
            format!("{release}{patch}-{before}")
        }
        None => version.to_owned(),
    }
}

/// Bytes with their length before them (unsigned LEB128).
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.split_at_checked(length);
        }
    }
    None
}

//! Words within a few edits of a word, without comparing with them all: two words one edit apart become equal when
//! the right character is left out of each (symmetric deletion).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Edit;

/// Longer words, which only an outsider brings, are looked up exactly as far as they are: not at all.
const MAX_BYTES: usize = 64;
/// Longest word of which two characters are left out: the number of variants grows with the square.
const MAX_TWICE: usize = 34;

/// An index of words.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    words: Vec<Box<str>>,
    variants: HashMap<u64, Vec<u32>, BuildHasherDefault<Hashed>>,
    /// Shortest word of which two edits are believed to be a mistake.
    two_from: usize,
}

impl Neighbours {
    pub(super) fn new<'a>(two_from: usize, words: impl Iterator<Item = &'a str>) -> Neighbours {
        let mut index = Neighbours {
            two_from,
            ..Neighbours::default()
        };
        for (number, word) in words.enumerate() {
            let twice = word.len() >= two_from;
            variants(word, twice, |hash| {
                let numbers = index.variants.entry(hash).or_default();
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            });
            index.words.push(word.into());
        }
        index
    }

    /// Numbers, in the order given, of the words that are one edit away, or two where the word is long enough.
    pub(super) fn of(&self, asked: &str) -> Vec<(usize, Edit)> {
        let mut candidates = Vec::new();
        variants(asked, asked.len() + 2 >= self.two_from, |hash| {
            candidates.extend(self.variants.get(&hash).into_iter().flatten().copied());
        });
        candidates.sort_unstable();
        candidates.dedup();
        let edit = |number: u32| {
            let number = usize::try_from(number).ok()?;
            let word = self.words.get(number)?;
            let within = if word.len().min(asked.len() + 1) >= self.two_from {
                2
            } else {
                1
            };
            Some((number, Edit::between(asked, word, within)?))
        };
        candidates.into_iter().filter_map(edit).collect()
    }
}

/// Hashes of the word with no, one and perhaps two characters left out.
fn variants(word: &str, twice: bool, mut visit: impl FnMut(u64)) {
    let bytes = word.as_bytes();
    if bytes.len() > MAX_BYTES {
        return;
    }
    visit(without(bytes, usize::MAX, usize::MAX));
    for first in 0..bytes.len() {
        visit(without(bytes, first, usize::MAX));
        if twice && bytes.len() <= MAX_TWICE {
            (first + 1..bytes.len()).for_each(|second| visit(without(bytes, first, second)));
        }
    }
}

/// FNV-1a of the bytes but two. A collision costs one comparison more.
fn without(bytes: &[u8], first: usize, second: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (at, byte) in bytes.iter().enumerate() {
        if at != first && at != second {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// Passes a number through that is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = without(bytes, usize::MAX, usize::MAX);
    }

    fn write_u64(&mut self, hash: u64) {
        // The table takes its tag from the high bits, which FNV mixes least.
        self.0 = hash ^ hash.rotate_left(32);
    }
}

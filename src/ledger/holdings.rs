//! What an image holds, in the words that people ask by.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;
use crate::policy::Verdict;

/// Most words of one image: the largest images have some ten thousand packages, and as many advisories.
const MAX_WORDS: usize = 60_000;
/// Longest word in bytes; names of packages and paths are shorter.
const MAX_WORD: usize = 512;

/// As what an image holds a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeldKind {
    /// A package, by its own name or that of its source.
    Package,
    /// An advisory that means a package in it, whether or not the policy minds.
    Advisory,
    /// Somebody whose signature counted.
    Signer,
    /// The code of a finding.
    Finding,
    /// A file that a finding is about.
    File,
    /// A manifest, configuration or layer.
    Content,
}

impl HeldKind {
    const ALL: [(HeldKind, &'static str); 6] = [
        (HeldKind::Package, "package"),
        (HeldKind::Advisory, "advisory"),
        (HeldKind::Signer, "signer"),
        (HeldKind::Finding, "finding"),
        (HeldKind::File, "file"),
        (HeldKind::Content, "content"),
    ];

    /// One word.
    pub fn as_str(self) -> &'static str {
        let found = HeldKind::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, word)| word)
    }

    /// The text as it is compared: names of packages and advisories are the same in any case.
    pub(super) fn fold(self, text: &str) -> String {
        match self {
            HeldKind::Package | HeldKind::Advisory => text.to_lowercase(),
            _ => text.to_owned(),
        }
    }
}

/// One word, and the version where it is a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) kind: HeldKind,
    pub(super) text: String,
    pub(super) version: String,
}

/// What is known of what an image holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    words: BTreeSet<Word>,
    /// The kinds of which all is said: what was known of them before is forgotten.
    said: BTreeSet<HeldKind>,
    /// Words beyond the bound.
    left_out: usize,
}

impl Holdings {
    /// Says that the words of this kind are all that there are.
    pub fn say(&mut self, kind: HeldKind) {
        self.said.insert(kind);
    }

    /// Adds a word; `version` only for packages.
    pub fn add(&mut self, kind: HeldKind, text: &str, version: &str) {
        self.say(kind);
        let cut = |text: &str| -> String { text.chars().take(MAX_WORD).collect() };
        let word = Word {
            kind,
            text: cut(&kind.fold(text)),
            version: cut(version),
        };
        if self.words.len() < MAX_WORDS {
            self.words.insert(word);
        } else if !self.words.contains(&word) {
            self.left_out += 1;
        }
    }

    /// Adds content.
    pub fn add_content(&mut self, digest: &Digest) {
        self.add(HeldKind::Content, &digest.to_string(), "");
    }

    /// Adds what a verdict speaks of.
    pub fn add_verdict(&mut self, verdict: &Verdict) {
        for kind in [HeldKind::Signer, HeldKind::Finding, HeldKind::File] {
            self.say(kind);
        }
        for finding in &verdict.findings {
            self.add(HeldKind::Finding, finding.code.as_str(), "");
            let Some(affected) = &finding.affected else {
                continue;
            };
            for id in &affected.ids {
                self.add(HeldKind::Advisory, id, "");
            }
            self.add(HeldKind::File, &affected.path, "");
        }
        for vouched in &verdict.vouched {
            self.add(HeldKind::Signer, &vouched.signer, "");
        }
    }

    /// How many words were too many to be kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &Word> {
        self.words.iter()
    }

    pub(super) fn said(&self) -> impl Iterator<Item = HeldKind> {
        self.said.iter().copied()
    }

    /// The same for equal holdings: what was written already is not written again.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for kind in &self.said {
            hash.update(kind.as_str());
            hash.update([0]);
        }
        for Word {
            kind,
            text,
            version,
        } in &self.words
        {
            for part in [kind.as_str(), text, version] {
                hash.update(part);
                hash.update([0]);
            }
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_what_is_left_out_is_counted() {
        let mut holdings = Holdings::default();
        holdings.add(HeldKind::Package, &"N".repeat(9_999), "1");
        let word = holdings.words().next().unwrap();
        assert_eq!(word.text, "n".repeat(MAX_WORD));
        for number in 0..MAX_WORDS + 10 {
            holdings.add(HeldKind::Advisory, &format!("CVE-2026-{number}"), "");
        }
        holdings.add(HeldKind::Advisory, "CVE-2026-0", "");
        assert_eq!((holdings.words.len(), holdings.left_out()), (MAX_WORDS, 11));
    }

    #[test]
    fn equal_holdings_have_equal_hashes_and_others_have_not() {
        let of = |words: &[(&str, &str)]| {
            let mut holdings = Holdings::default();
            for (text, version) in words {
                holdings.add(HeldKind::Package, text, version);
            }
            holdings.hash()
        };
        assert_eq!(of(&[("a", "1"), ("B", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1")]), of(&[("a", "2")]));
        assert_ne!(of(&[("a", "1")]), of(&[("a1", "")]));
        assert_ne!(of(&[]), of(&[("a", "1")]));
    }
}

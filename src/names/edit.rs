//! How one text becomes another.

use std::cmp::Ordering;

/// What makes a text look like another, likeliest mistake first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// Two neighbours changed places.
    Transposition,
    /// A character is missing.
    Omission,
    /// A character is written twice.
    Repetition,
    /// A character is too many.
    Insertion,
    /// A character is another.
    Substitution,
    /// More than one of these.
    Several(usize),
    /// Characters that look alike, or punctuation that is easily overlooked.
    Confusable,
    /// A word added or left out: `nginxofficial`.
    Affix,
    /// Another name for the same thing: `mongodb`, or another top-level domain.
    OtherName,
    /// The tag is written into the name.
    Tag,
    /// Parts of the path have changed places, or one stands twice.
    Order,
    /// The same name under somebody else's.
    Owner,
    /// A name that the registry's own rules forbid.
    Grammar,
}

impl Edit {
    /// For a sentence: `"ngnix" is one transposition away from nginx`.
    pub fn words(self) -> &'static str {
        match self {
            Edit::Transposition => "is one transposition away from",
            Edit::Omission => "is one missing letter away from",
            Edit::Repetition => "is one doubled letter away from",
            Edit::Insertion => "is one extra letter away from",
            Edit::Substitution => "is one letter away from",
            Edit::Several(_) => "is two edits away from",
            Edit::Confusable => "is written to look like",
            Edit::Affix => "is, but for one word, the name of",
            Edit::OtherName => "is another name for",
            Edit::Tag => "has the tag written into the name of",
            Edit::Order => "has its parts in another order than",
            Edit::Owner => "has the name, but not the owner, of",
            Edit::Grammar => "cannot exist, unlike",
        }
    }

    /// Edits of characters that it takes; 0 where it is no misspelling.
    pub fn distance(self) -> usize {
        match self {
            Edit::Several(count) => count,
            misspelling if misspelling <= Edit::Substitution => 1,
            _ => 0,
        }
    }

    /// The edit that makes `asked` out of `meant`, by optimal string alignment; `None` where they are equal or
    /// more than `within` apart.
    pub fn between(asked: &str, meant: &str, within: usize) -> Option<Edit> {
        // Most pairs are far apart, and equal beginnings and ends tell that sooner than a distance does.
        if asked.len().abs_diff(meant.len()) > within || (within == 1 && unlike(asked, meant) > 2) {
            return None;
        }
        match strsim::osa_distance(asked, meant) {
            0 => None,
            1 => Some(single(asked, meant)),
            several => (several <= within).then_some(Edit::Several(several)),
        }
    }
}

/// Characters of the longer text between what both begin and what both end with: two for a transposition, one for
/// any other single edit, and any number for more of them.
fn unlike(asked: &str, meant: &str) -> usize {
    let same = |(a, b): &(u8, u8)| a == b;
    let begin = asked.bytes().zip(meant.bytes()).take_while(same).count();
    let end = asked.bytes().rev().zip(meant.bytes().rev());
    let shorter = asked.len().min(meant.len());
    let end = end.take_while(same).count().min(shorter - begin);
    asked.len().max(meant.len()) - begin - end
}

fn single(asked: &str, meant: &str) -> Edit {
    let differs = |at: &usize| asked.as_bytes().get(*at) != meant.as_bytes().get(*at);
    let differences = || (0..asked.len()).filter(differs);
    match asked.len().cmp(&meant.len()) {
        Ordering::Less => Edit::Omission,
        Ordering::Equal if differences().count() == 2 => Edit::Transposition,
        Ordering::Equal => Edit::Substitution,
        Ordering::Greater => {
            let at = differences().next().unwrap_or(meant.len());
            let doubled = at > 0 && asked.as_bytes().get(at - 1) == asked.as_bytes().get(at);
            if doubled {
                Edit::Repetition
            } else {
                Edit::Insertion
            }
        }
    }
}

/// Whether the first character is kept, or changed places with the second: people seldom miss it otherwise.
pub(super) fn begins_alike(asked: &str, meant: &str, edit: Edit) -> bool {
    asked.bytes().next() == meant.bytes().next() || edit == Edit::Transposition
}

/// Characters that are mistaken for each other made one, and punctuation left out.
pub(super) fn skeleton(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let after = rest.peek().copied();
        let (made, skip) = match (character, after) {
            ('r', Some('n')) => ('m', true),
            ('v', Some('v')) => ('w', true),
            ('0', _) => ('o', false),
            ('1' | 'i', _) => ('l', false),
            ('3', _) => ('e', false),
            ('4', _) => ('a', false),
            ('5', _) => ('s', false),
            ('q' | '9', _) => ('g', false),
            ('-' | '_' | '.', _) => continue,
            (other, _) => (other, false),
        };
        plain.push(made);
        if skip {
            rest.next();
        }
    }
    plain
}

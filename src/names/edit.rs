//! How one text becomes another.

/// The one edit between two texts, or how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Two neighbours changed places.
    Transposition,
    /// A character is missing.
    Omission,
    /// A character is too many.
    Insertion,
    /// A character is another.
    Substitution,
    /// More than one.
    Several(usize),
}

impl Edit {
    /// For a sentence: `ngnix is one transposition away from nginx`.
    pub fn words(self) -> String {
        match self {
            Edit::Transposition => "one transposition away from".to_owned(),
            Edit::Omission => "one missing letter away from".to_owned(),
            Edit::Insertion => "one extra letter away from".to_owned(),
            Edit::Substitution => "one letter away from".to_owned(),
            Edit::Several(2) => "two letters away from".to_owned(),
            Edit::Several(count) => format!("{count} letters away from"),
        }
    }
}

/// The edit that makes `asked` out of `meant`, by optimal string alignment; `None` where they are equal.
pub fn classify(asked: &str, meant: &str) -> Option<Edit> {
    match strsim::osa_distance(asked, meant) {
        0 => None,
        1 => Some(match asked.chars().count().cmp(&meant.chars().count()) {
            std::cmp::Ordering::Less => Edit::Omission,
            std::cmp::Ordering::Greater => Edit::Insertion,
            std::cmp::Ordering::Equal => {
                let differing = asked
                    .chars()
                    .zip(meant.chars())
                    .filter(|(a, b)| a != b)
                    .count();
                if differing == 2 {
                    Edit::Transposition
                } else {
                    Edit::Substitution
                }
            }
        }),
        several => Some(Edit::Several(several)),
    }
}

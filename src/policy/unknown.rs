//! What a look into an image could not see: never to be read as clean.

use std::fmt;

/// Most files that are named in one sentence.
const MAX_NAMED: usize = 3;

/// Programs of which nothing says what they are made of: no database of packages, and not they themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unexplained {
    /// There are none, or a database of packages speaks for all.
    #[default]
    Nothing,
    /// Beside packages that are known: how many, and the first of them.
    Beside(u64, Vec<String>),
    /// No package is known.
    All,
    /// The image calls itself this distribution, and has no database of its packages.
    Of(String),
}

impl Unexplained {
    /// Whether next to nothing is known of the image.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Unexplained::All | Unexplained::Of(_))
    }
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unexplained::Nothing => Ok(()),
            Unexplained::Beside(1, first) => write!(
                f,
                "1 program beside its packages does not say what it is made of: {}",
                some(first, 1)
            ),
            Unexplained::Beside(count, first) => write!(
                f,
                "{count} programs beside its packages do not say what they are made of: {}",
                some(first, *count)
            ),
            Unexplained::All => f.write_str(
                "it holds programs, and nothing in it says what packages they are made of",
            ),
            Unexplained::Of(system) => write!(
                f,
                "it calls itself {system}, and the database of its packages is not there"
            ),
        }
    }
}

/// Files that may name packages, and were not understood, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Why.
    pub why: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unread { why, count, first } = self;
        match count {
            1 => write!(
                f,
                "1 file that may name packages was not understood ({why})"
            )?,
            _ => write!(
                f,
                "{count} files that may name packages were not understood ({why})"
            )?,
        }
        match first.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", some(first, *count)),
        }
    }
}

fn some(first: &[String], count: u64) -> String {
    let named: Vec<&str> = first.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = if count > named.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", named.join(", "))
}

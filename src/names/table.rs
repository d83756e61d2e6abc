//! The corpus files: readable tables with a heading and no quoting.

use std::fmt;

/// Lines of a table after its heading with their numbers, split at the first commas into `N` fields.
pub(super) fn rows<'a, const N: usize>(
    text: &'a str,
    file: &'static str,
) -> impl Iterator<Item = Result<(CorpusError, [&'a str; N]), CorpusError>> {
    let numbered = text.lines().zip(1..).skip(1);
    numbered
        .filter(|(line, _)| !line.is_empty())
        .map(move |(line, number)| {
            let wrong = CorpusError { file, line: number };
            let mut fields = [""; N];
            let mut parts = line.splitn(N, ',');
            for field in &mut fields {
                *field = parts.next().ok_or(wrong)?.trim();
            }
            Ok((wrong, fields))
        })
}

/// A line of the corpus that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorpusError {
    file: &'static str,
    line: usize,
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} of the name corpus's {} is malformed",
            self.line, self.file
        )
    }
}

impl std::error::Error for CorpusError {}

//! Files of cases.

use serde::Deserialize;
use toml::Spanned;

use crate::policy::Policy;

use super::Case;
use super::case::maybe_time;
use super::expect::Judged;

/// Most cases of one file: more belong into several.
const MAX_CASES: usize = 10_000;

/// The cases of a file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What people call the file.
    pub file: String,
    /// In its order.
    pub trials: Vec<Trial>,
}

/// A case with its place.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Where it begins, from 1.
    pub line: usize,
    /// The case.
    pub case: Case,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// When all cases are judged that do not say it themselves.
    #[serde(default, deserialize_with = "maybe_time")]
    now: Option<jiff::Timestamp>,
    case: Vec<Spanned<Case>>,
}

impl Suite {
    /// Reads a file of `[[case]]` tables.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn read(text: &str, file: &str) -> Result<Suite, String> {
        let written: Written = toml::from_str(text).map_err(|error| format!("{file}: {error}"))?;
        if written.case.len() > MAX_CASES {
            return Err(format!("{file}: more than {MAX_CASES} cases"));
        }
        let mut trials = Vec::new();
        for case in written.case {
            let before = text.get(..case.span().start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let mut case = case.into_inner();
            case.now = case.now.or(written.now);
            trials.push(Trial { line, case });
        }
        Ok(Suite {
            file: file.to_owned(),
            trials,
        })
    }
}

impl Trial {
    /// What it is called: by its name, else by its image.
    pub fn name(&self) -> String {
        let name = self.case.name.clone();
        name.unwrap_or_else(|| self.case.image.to_string())
    }

    /// Judges it and compares.
    ///
    /// # Errors
    /// The case cannot be judged, or expects nothing: why, in a sentence.
    pub fn run(&self, policy: &Policy) -> Result<Judged, String> {
        let expected = self.case.expected()?.ok_or_else(|| {
            "it expects nothing: add verdict = \"allow\" or \"deny\", or findings".to_owned()
        })?;
        let verdict = self.case.judge(policy)?;
        let differences = expected.differences(&self.case, &verdict);
        Ok(Judged {
            verdict,
            differences,
        })
    }
}

//! What `lazaret doctor` found out.

use serde::Serialize;

use super::canary_said::Outcome;
use super::{Diagnosis, Level};

/// The canary by one program at one registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Which registry.
    pub registry: String,
    /// The tag.
    pub nonce: String,
    /// Whether the server saw the pull; none: it could not be asked.
    pub reached: Option<bool>,
    /// At which of its listeners.
    pub listener: Option<String>,
    /// Whether the allowed one arrived.
    pub allowed: bool,
    /// Whether the denied one did not.
    pub denied: bool,
    /// Whether the client showed why.
    pub reason: bool,
    /// What is proven.
    pub outcome: Outcome,
    /// What the client printed last of the denied one.
    pub said: String,
}

/// One program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// `docker`, `docker build`, `ctr`, …
    pub program: String,
    /// As it says itself.
    pub version: String,
    /// By registry.
    pub tried: Vec<Tried>,
    /// Of its configuration.
    pub diagnoses: Vec<Diagnosis>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The admin listener that was asked; none: it did not answer.
    pub server: Option<String>,
    /// The programs that were found.
    pub checked: Vec<Checked>,
    /// Programs that are here and could not be tried, and why.
    pub skipped: Vec<(String, String)>,
    /// Of the machine as a whole.
    pub diagnoses: Vec<Diagnosis>,
}

impl Report {
    /// Everything that was diagnosed.
    pub fn all(&self) -> impl Iterator<Item = &Diagnosis> {
        let own = self.checked.iter().flat_map(|checked| &checked.diagnoses);
        self.diagnoses.iter().chain(own)
    }

    fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        let tried = self.checked.iter().flat_map(|checked| &checked.tried);
        tried.map(|tried| tried.outcome)
    }

    /// The exit code: 0 all hold, 1 something does not, 2 nothing is known, or not of all. `strict`: limits count too.
    pub fn code(&self, strict: bool) -> u8 {
        let bad = |outcome: Outcome| !matches!(outcome, Outcome::Holds | Outcome::CouldNot);
        let counts =
            |one: &Diagnosis| one.level == Level::Open || strict && one.level == Level::Limit;
        if self.outcomes().any(bad) || self.all().any(counts) {
            return 1;
        }
        let unknown = self.outcomes().any(|outcome| outcome == Outcome::CouldNot);
        let nothing = self.outcomes().next().is_none();
        if unknown || nothing || !self.skipped.is_empty() {
            2
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome], diagnoses: Vec<Diagnosis>) -> Report {
        let tried = |outcome: &Outcome| Tried {
            registry: "docker.io".to_owned(),
            nonce: "n".to_owned(),
            reached: None,
            listener: None,
            allowed: true,
            denied: true,
            reason: true,
            outcome: *outcome,
            said: String::new(),
        };
        let checked = Checked {
            program: "docker".to_owned(),
            version: String::new(),
            tried: outcomes.iter().map(tried).collect(),
            diagnoses,
        };
        Report {
            checked: vec![checked],
            ..Report::default()
        }
    }

    #[test]
    fn the_exit_code_is_the_worst_of_all() {
        let limit = || vec![Diagnosis::limit("x", "", "", "")];
        let open = || vec![Diagnosis::open("x", "", "", "")];
        let table = [
            (report(&[Outcome::Holds], vec![]), (0, 0)),
            (report(&[Outcome::Holds], limit()), (0, 1)),
            (report(&[Outcome::Holds], open()), (1, 1)),
            (report(&[Outcome::Holds, Outcome::WentOn], vec![]), (1, 1)),
            (
                report(&[Outcome::CouldNot, Outcome::Arrived], vec![]),
                (1, 1),
            ),
            (report(&[Outcome::Holds, Outcome::CouldNot], vec![]), (2, 2)),
            (report(&[], vec![]), (2, 2)),
        ];
        for (report, wanted) in table {
            assert_eq!(
                (report.code(false), report.code(true)),
                wanted,
                "{report:?}"
            );
        }
        let mut skipped = report(&[Outcome::Holds], vec![]);
        skipped
            .skipped
            .push(("podman".to_owned(), "broken".to_owned()));
        assert_eq!(skipped.code(false), 2);
    }
}

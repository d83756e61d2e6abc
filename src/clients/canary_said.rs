//! From what a client printed about the canary to what is proven.

use serde::Serialize;

use crate::canary;

/// What one pull came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The exit code; none: no end within the time, or ended by a signal.
    pub code: Option<i32>,
    /// What was printed.
    pub said: String,
}

/// What is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Lazaret denied it, and that is what the client shows. Docker 29 shows the first of several refusals: whether somebody
    /// else was asked too is then for its configuration to say.
    Holds,
    /// The denied image arrived.
    Arrived,
    /// The pull came to Lazaret, and its end did not: somebody else was asked after it.
    WentOn,
    /// The pull did not come to Lazaret.
    NotReached,
    /// The program did not come to an end.
    CouldNot,
}

impl Outcome {
    /// For a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Outcome::Holds => "holds: denied by Lazaret, and the client says so",
            Outcome::Arrived => "OPEN: the denied image arrived",
            Outcome::WentOn => "OPEN: Lazaret was asked, and somebody else after it",
            Outcome::NotReached => "NOT proven: the pull did not come to Lazaret",
            Outcome::CouldNot => "not known: the program came to no end",
        }
    }
}

/// Judges the pulls of both canaries. `seen`: whether the server saw that of the denied one; none where it could not be
/// asked.
pub fn judge(allowed: &Heard, denied: &Heard, nonce: &str, seen: Option<bool>) -> Outcome {
    let shown = denied.said.contains(&canary::proof(nonce));
    match (denied.code, shown, seen) {
        (Some(0), ..) => Outcome::Arrived,
        (Some(_), true, _) => Outcome::Holds,
        (_, _, Some(true)) => Outcome::WentOn,
        (None, ..) => Outcome::CouldNot,
        (_, _, Some(false)) => Outcome::NotReached,
        // Nobody but Lazaret has the allowed one.
        (_, _, None) if allowed.code == Some(0) => Outcome::WentOn,
        (_, _, None) => Outcome::NotReached,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lazarets_own_word_is_proof() {
        let heard = |code: Option<i32>, said: &str| Heard {
            code,
            said: said.to_owned(),
        };
        let proof = format!("denied: … (proof {})", canary::proof("n1"));
        let (came, not) = (heard(Some(0), "ok"), heard(Some(1), "not found"));
        let table = [
            (&came, heard(Some(1), &proof), None, Outcome::Holds),
            (&came, heard(Some(1), &proof), Some(true), Outcome::Holds),
            // Blocked for the allowed one too: what must not arrive does not.
            (&not, heard(Some(1), &proof), None, Outcome::Holds),
            (&came, heard(Some(0), &proof), Some(true), Outcome::Arrived),
            // Refused by the registry that was asked after Lazaret.
            (
                &came,
                heard(Some(1), "pull access denied"),
                Some(true),
                Outcome::WentOn,
            ),
            (
                &came,
                heard(Some(1), "pull access denied"),
                None,
                Outcome::WentOn,
            ),
            (
                &not,
                heard(Some(1), "pull access denied"),
                Some(false),
                Outcome::NotReached,
            ),
            (
                &not,
                heard(Some(1), "pull access denied"),
                None,
                Outcome::NotReached,
            ),
            // The proof of another pull proves nothing.
            (
                &not,
                heard(Some(1), &canary::proof("n2")),
                Some(false),
                Outcome::NotReached,
            ),
            (&not, heard(None, ""), None, Outcome::CouldNot),
            (&not, heard(None, ""), Some(true), Outcome::WentOn),
        ];
        for (allowed, denied, seen, wanted) in table {
            assert_eq!(
                judge(allowed, &denied, "n1", seen),
                wanted,
                "{denied:?} {seen:?}"
            );
        }
    }
}

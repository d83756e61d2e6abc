//! Whom a keyless signer must be: issuer and subject, matched from the first letter to the last.

use std::fmt;

/// Longest subject that is matched, in bytes; certificates in the wild have 200.
const MAX_SUBJECT: usize = 4 * 1024;

/// An anchored pattern for a certificate's subject: `*` stands for anything but `/` and `@`, `**` for anything.
///
/// There is no way to leave an end open by mistake, and a dot is a dot: both are the classic holes of identities
/// written as regular expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence where it would match everybody.
    pub fn parse(text: &str) -> Result<Subject, String> {
        let fixed = text.trim_matches(['*', '.', '^', '$', ' ', '/', '@']);
        if fixed.is_empty() {
            return Err("it matches everybody; name who is trusted".to_owned());
        }
        // `https://github.com/**` would trust all of GitHub.
        let literal = text.split('*').next().unwrap_or_default();
        let host_only = literal
            .strip_prefix("https://")
            .is_some_and(|rest| rest.matches('/').count() < 2 && text.contains('*'));
        if literal.is_empty() || host_only {
            return Err(
                "the part before the first `*` names nobody yet; write at least https://host/owner/"
                    .to_owned(),
            );
        }
        Ok(Subject(text.to_owned()))
    }

    /// Whether this is the subject.
    pub fn matches(&self, subject: &str) -> bool {
        subject.len() <= MAX_SUBJECT && glob(self.0.as_bytes(), subject.as_bytes())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Matches by the set of places in the pattern that are reachable so far: linear in the subject, never backtracking.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    loop {
        rest = match rest {
            [] => break,
            [b'*', b'*', rest @ ..] => {
                tokens.push(Token::Any);
                rest
            }
            [b'*', rest @ ..] => {
                tokens.push(Token::Part);
                rest
            }
            [letter, rest @ ..] => {
                tokens.push(Token::Letter(*letter));
                rest
            }
        };
    }
    // `reach[i]`: the first i tokens can match what was read.
    let mut reach = vec![false; tokens.len() + 1];
    if let Some(start) = reach.first_mut() {
        *start = true;
    }
    advance(&mut reach, &tokens);
    for letter in text {
        let before = std::mem::replace(&mut reach, vec![false; tokens.len() + 1]);
        for (at, token) in tokens.iter().enumerate() {
            let here = before.get(at).copied().unwrap_or(false);
            let inside = before.get(at + 1).copied().unwrap_or(false);
            let fits = match token {
                Token::Letter(wanted) => here && wanted == letter,
                Token::Part => (here || inside) && !matches!(letter, b'/' | b'@'),
                Token::Any => here || inside,
            };
            if let (true, Some(place)) = (fits, reach.get_mut(at + 1)) {
                *place = true;
            }
        }
        advance(&mut reach, &tokens);
    }
    reach.last().copied().unwrap_or(false)
}

enum Token {
    Letter(u8),
    Part,
    Any,
}

/// Stars may stand for nothing.
fn advance(reach: &mut [bool], tokens: &[Token]) {
    for (at, token) in tokens.iter().enumerate() {
        let reached = reach.get(at).copied().unwrap_or(false);
        if let (Token::Part | Token::Any, true, Some(place)) =
            (token, reached, reach.get_mut(at + 1))
        {
            *place = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_matched_whole() {
        let release = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*";
        for (pattern, subject, fits) in [
            ("ci@acme.example", "ci@acme.example", true),
            ("ci@acme.example", "ci@acme.example.evil", false),
            ("ci@acme.example", "xci@acme.example", false),
            ("ci@acme.example", "ci@acmeXexample", false),
            (
                release,
                "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.3",
                true,
            ),
            (
                release,
                "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1/x",
                false,
            ),
            (
                release,
                "https://github.com/acme-evil/app/.github/workflows/release.yml@refs/tags/v1",
                false,
            ),
            (
                "https://github.com/acme/**",
                "https://github.com/acme/a/.github/workflows/b@refs/heads/c/d",
                true,
            ),
            (
                "https://github.com/acme/**",
                "https://github.com/acme-evil/a",
                false,
            ),
            (
                "https://github.com/acme/*/x",
                "https://github.com/acme/a/b/x",
                false,
            ),
            (
                "https://github.com/acme/*",
                "https://github.com/acme/",
                true,
            ),
        ] {
            let pattern = Subject::parse(pattern).unwrap();
            assert_eq!(pattern.matches(subject), fits, "{pattern} {subject}");
        }
    }

    #[test]
    fn nobody_trusts_everybody() {
        for pattern in [
            "",
            "*",
            "**",
            ".*",
            "^.*$",
            "*@acme.example",
            "https://github.com/*",
            "https://github.com/**",
            "https://**",
        ] {
            assert!(Subject::parse(pattern).is_err(), "{pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_without_stars_is_equality(a in "[a-z@/.]{1,12}", b in "[a-z@/.]{1,12}") {
            proptest::prop_assert_eq!(glob(a.as_bytes(), b.as_bytes()), a == b);
            proptest::prop_assert!(glob(a.as_bytes(), a.as_bytes()));
        }

        #[test]
        fn many_stars_cost_little(text in "[a/@]{0,300}") {
            let _ = glob("*a".repeat(100).as_bytes(), text.as_bytes());
        }
    }
}

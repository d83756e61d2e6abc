//! `WWW-Authenticate` challenges (RFC 9110 section 11.6.1, distribution token specification).

use std::fmt;

/// Longest header that is parsed, in bytes; real ones have about 150.
const MAX_CHALLENGE_BYTES: usize = 4 * 1024;
/// Most parameters of one challenge; `Bearer` uses four.
const MAX_PARAMETERS: usize = 16;

/// What a registry asks for before it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Fetch a token from `realm` and come back with it.
    Bearer {
        /// URL of the token service, as the registry claims it: not to be trusted with credentials unchecked.
        realm: String,
        /// Name of the registry for the token service.
        service: Option<String>,
        /// What the token is to allow.
        scope: Option<String>,
    },
    /// User name and password.
    Basic,
}

impl Challenge {
    /// The first challenge of a header that we can answer.
    ///
    /// # Errors
    /// [`ChallengeError`] where there is none, or the header is malformed or out of bounds.
    pub fn parse(header: &str) -> Result<Challenge, ChallengeError> {
        if header.len() > MAX_CHALLENGE_BYTES {
            return Err(ChallengeError("longer than 4 KiB"));
        }
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ChallengeError("neither Bearer nor Basic"));
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        let mut rest = rest.trim_start();
        for _ in 0..MAX_PARAMETERS {
            if rest.is_empty() {
                break;
            }
            let (name, value, after) = parameter(rest)?;
            let slot = match name.to_ascii_lowercase().as_str() {
                "realm" => Some(&mut realm),
                "service" => Some(&mut service),
                "scope" => Some(&mut scope),
                _ => None,
            };
            if slot.is_some_and(|slot| slot.replace(value).is_some()) {
                return Err(ChallengeError("a parameter stands twice"));
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(ChallengeError("too many parameters"));
        }
        let realm = realm.ok_or(ChallengeError("Bearer without realm"))?;
        Ok(Challenge::Bearer {
            realm,
            service,
            scope,
        })
    }
}

/// One `name=value` or `name="value"`, and what follows its comma.
fn parameter(text: &str) -> Result<(&str, String, &str), ChallengeError> {
    let (name, after) = text
        .split_once('=')
        .ok_or(ChallengeError("a parameter without ="))?;
    let name = name.trim();
    if name.is_empty()
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    {
        return Err(ChallengeError("a parameter's name is malformed"));
    }
    let after = after.trim_start();
    let (value, rest) = match after.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => {
            let end = after.find(',').unwrap_or(after.len());
            let (value, rest) = after.split_at_checked(end).unwrap_or((after, ""));
            (value.trim().to_owned(), rest)
        }
    };
    if value.chars().any(|c| c.is_control()) {
        return Err(ChallengeError("a parameter has control characters"));
    }
    let rest = rest.trim_start();
    match rest.strip_prefix(',') {
        Some(rest) => Ok((name, value, rest.trim_start())),
        None if rest.is_empty() => Ok((name, value, "")),
        None => Err(ChallengeError("no comma between parameters")),
    }
}

fn quoted_string(text: &str) -> Result<(String, &str), ChallengeError> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    Err(ChallengeError("a quoted value without end"))
}

/// Why a challenge cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengeError(&'static str);

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the registry's WWW-Authenticate header cannot be answered: {}",
            self.0
        )
    }
}

impl std::error::Error for ChallengeError {}

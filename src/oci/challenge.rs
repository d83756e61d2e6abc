//! `WWW-Authenticate` challenges (RFC 9110 section 11.6.1, distribution token specification).

use std::fmt;

/// Longest header that is parsed, in bytes; real ones have about 150.
const MAX_CHALLENGE_BYTES: usize = 4 * 1024;
/// Most parameters of one challenge; `Bearer` uses four.
const MAX_PARAMETERS: usize = 16;

/// Most challenges of one header; real ones have one or two.
const MAX_CHALLENGES: usize = 8;
/// Optional whitespace of RFC 9110 section 5.6.3.
const BLANKS: [char; 2] = [' ', '\t'];
/// Whitespace and the comma; lists may have empty elements (section 5.6.1).
const SEPARATORS: [char; 3] = [' ', '\t', ','];

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
    /// The first challenge of a header that we can answer; others before it are stepped over.
    ///
    /// # Errors
    /// [`ChallengeError`] where there is none, or the header is malformed or out of bounds.
    pub fn parse(header: &str) -> Result<Challenge, ChallengeError> {
        if header.len() > MAX_CHALLENGE_BYTES {
            return Err(ChallengeError("longer than 4 KiB"));
        }
        let mut rest = header.trim_matches(SEPARATORS);
        for _ in 0..MAX_CHALLENGES {
            if rest.is_empty() {
                break;
            }
            let (scheme, after) = token(rest)?;
            let (parameters, after) = parameters(after)?;
            if scheme.eq_ignore_ascii_case("basic") {
                return Ok(Challenge::Basic);
            }
            if scheme.eq_ignore_ascii_case("bearer") {
                return bearer(parameters);
            }
            rest = after;
        }
        Err(ChallengeError("neither Bearer nor Basic"))
    }
}

/// Names and values in their order.
type Parameters<'a> = Vec<(&'a str, String)>;

fn bearer(parameters: Parameters<'_>) -> Result<Challenge, ChallengeError> {
    let (mut realm, mut service, mut scope) = (None, None, None);
    for (name, value) in parameters {
        let slot = match name.to_ascii_lowercase().as_str() {
            "realm" => &mut realm,
            "service" => &mut service,
            "scope" => &mut scope,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(ChallengeError("a parameter stands twice"));
        }
    }
    Ok(Challenge::Bearer {
        realm: realm
            .filter(|realm| !realm.is_empty())
            .ok_or(ChallengeError("Bearer without realm"))?,
        service,
        scope,
    })
}

/// A token of RFC 9110 section 5.6.2 and what follows it.
fn token(text: &str) -> Result<(&str, &str), ChallengeError> {
    let word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !word(c)).unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((token, rest)) if !token.is_empty() => Ok((token, rest)),
        _ => Err(ChallengeError("no scheme or parameter where one must be")),
    }
}

/// The parameters of one challenge, and the next challenge. A comma divides both, so what
/// follows one belongs to this challenge only when it reads `name=`.
fn parameters(text: &str) -> Result<(Parameters<'_>, &str), ChallengeError> {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        let next = rest.trim_start_matches(SEPARATORS);
        let Ok((name, after)) = token(next) else {
            return if next.is_empty() {
                Ok((found, next))
            } else {
                Err(ChallengeError("no scheme or parameter where one must be"))
            };
        };
        let Some(after) = after.trim_start_matches(BLANKS).strip_prefix('=') else {
            // Right behind the scheme it is the scheme's token68, else the next scheme.
            let token68 = rest.starts_with(BLANKS) && rest.trim_start_matches(BLANKS) == next;
            if !token68 || !found.is_empty() {
                return Ok((found, next));
            }
            let end = next.find(SEPARATORS).unwrap_or(next.len());
            rest = ended(next.get(end..).unwrap_or_default())?;
            continue;
        };
        if found.len() == MAX_PARAMETERS {
            return Err(ChallengeError("too many parameters"));
        }
        let (value, after) = value(after.trim_start_matches(BLANKS))?;
        found.push((name, value));
        rest = ended(after)?;
    }
}

/// After a parameter comes a comma or the end.
fn ended(text: &str) -> Result<&str, ChallengeError> {
    let text = text.trim_start_matches(BLANKS);
    if text.is_empty() || text.starts_with(',') {
        Ok(text)
    } else {
        Err(ChallengeError("no comma between parameters"))
    }
}

/// A quoted value, or a bare one up to the comma (a URL is no token, yet is sent as one).
fn value(text: &str) -> Result<(String, &str), ChallengeError> {
    let (value, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => {
            let end = text.find(SEPARATORS).unwrap_or(text.len());
            let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            (value.to_owned(), rest)
        }
    };
    if value.chars().any(char::is_control) {
        return Err(ChallengeError("a parameter has control characters"));
    }
    Ok((value, rest))
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

#[cfg(test)]
mod tests;

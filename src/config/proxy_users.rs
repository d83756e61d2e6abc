//! The file of who may use the proxy: names, and hashes of the tokens that prove them.
//!
//! ```toml
//! team-a = "c2FsdHNhbHRzYWx0c2FsdA:sha256:…"     # lazaret proxy token team-a
//! ```

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use toml::Spanned;

use super::{Diagnostics, shape};
use crate::oci::Digest;

/// Longest name, in characters: it stands in a URL.
const MAX_NAME: usize = 64;
/// Longest token that is looked at; ours have 47 characters.
const MAX_TOKEN: usize = 256;

/// Who may use the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyUsers(BTreeMap<String, Hashed>);

/// A token's hash. One round of SHA-256 is enough, for tokens are 256 random bits: nobody can try them all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hashed {
    salt: String,
    hash: Digest,
}

impl ProxyUsers {
    /// Whether the token is that of the user. It takes as long for a wrong one.
    pub fn knows(&self, name: &str, token: &str) -> bool {
        let Some(known) = self.0.get(name).filter(|_| token.len() <= MAX_TOKEN) else {
            return false;
        };
        let shown = hash(&known.salt, token).hex();
        verify_slices_are_equal(shown.as_bytes(), known.hash.hex().as_bytes()).is_ok()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

pub(super) fn hash(salt: &str, token: &str) -> Digest {
    Digest::of(format!("{salt}:{token}").as_bytes())
}

/// How a token stands in the file.
pub fn hashed_token(salt: &str, token: &str) -> String {
    format!("{salt}:{}", hash(salt, token))
}

/// Why a name cannot be a proxy user's; none if it can. It must fit into a URL as it is.
pub fn proxy_user_problem(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(plain);
    (!fits).then(|| {
        format!(
            "a name is 1 to {MAX_NAME} letters, digits, dots, dashes and underscores, not {name:?}"
        )
    })
}

/// Reads the file.
///
/// # Errors
/// Every mistake of the file, each with its line and a remedy.
pub fn parse_proxy_users(text: &str, file: &str) -> Result<ProxyUsers, Diagnostics> {
    let mut notes = Diagnostics::new(file, text);
    let raw: BTreeMap<String, Spanned<String>> = shape::read(text, &mut notes).unwrap_or_default();
    let mut users = BTreeMap::new();
    for (name, written) in raw {
        let remedy = format!("make one: lazaret proxy token {name}");
        if let Some(problem) = proxy_user_problem(&name) {
            notes.error(written.span(), problem);
        }
        let parts = written.get_ref().split_once(':');
        let hash = parts.and_then(|(salt, hash)| Some((salt, hash.parse::<Digest>().ok()?)));
        match hash {
            Some((salt, hash)) if !salt.is_empty() => {
                let salt = salt.to_owned();
                users.insert(name, Hashed { salt, hash });
            }
            _ => {
                let mistake = notes.error(
                    written.span(),
                    "this is no hash of a token: a salt, a colon and `sha256:` with 64 hexadecimal digits",
                );
                mistake.help(remedy);
            }
        }
    }
    notes.into_result(ProxyUsers(users))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_of_the_name_opens() {
        let (one, two) = (hashed_token("s1", "token-1"), hashed_token("s2", "token-2"));
        let text = format!("team-a = {one:?}\nteam-b = {two:?}\n");
        let users = parse_proxy_users(&text, "users.toml").unwrap();
        assert_eq!(users.count(), 2);
        let long = "t".repeat(9_999);
        for (name, token, wanted) in [
            ("team-a", "token-1", true),
            ("team-b", "token-2", true),
            ("team-a", "token-2", false),
            ("team-a", "", false),
            ("team-c", "token-1", false),
            ("", "", false),
            ("team-a", &one, false),
            ("team-a", &long, false),
        ] {
            assert_eq!(users.knows(name, token), wanted, "{name}");
        }
        assert!(!text.contains("token-1"));
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        let text = "team-a = \"secret\"\n\"a b\" = \"s:sha256:00\"\n";
        let mistakes = parse_proxy_users(text, "users.toml")
            .unwrap_err()
            .to_string();
        for part in [
            "users.toml:1:10",
            "this is no hash of a token",
            "make one: lazaret proxy token team-a",
            "users.toml:2:9",
            "a name is 1 to 64 letters",
        ] {
            assert!(mistakes.contains(part), "{part}\n{mistakes}");
        }
    }
}

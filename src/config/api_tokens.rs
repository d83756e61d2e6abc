//! The file of who may use the API: names, what each may do, and hashes of the tokens that prove them.
//!
//! ```toml
//! [dashboard]
//! role = "read"
//! token = "c2FsdHNhbHRzYWx0c2FsdA:sha256:…"      # lazaret api token read dashboard
//! ```

use std::collections::BTreeMap;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;
use toml::Spanned;

use super::{Diagnostics, shape};
use crate::oci::Digest;

/// Most tokens; every request is compared with each.
const MAX_TOKENS: usize = 1_000;
/// Longest token that is looked at; ours have 47 characters.
const MAX_TOKEN: usize = 256;

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read all that the API tells.
    Read,
    /// That, and have waivers proposed.
    Waive,
    /// That of `read`, and revoke and take back.
    Revoke,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [(Role, &'static str); 4] = [
        (Role::Read, "read"),
        (Role::Waive, "waive"),
        (Role::Revoke, "revoke"),
        (Role::Admin, "admin"),
    ];

    /// One word.
    pub fn as_str(self) -> &'static str {
        let found = Role::ALL.iter().find(|(role, _)| *role == self);
        found.map_or("", |(_, word)| word)
    }

    /// Whether it allows what is open to `needed`.
    pub fn may(self, needed: Role) -> bool {
        self == needed || self == Role::Admin || needed == Role::Read
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let found = Role::ALL.iter().find(|(_, word)| *word == text);
        found
            .map(|(role, _)| *role)
            .ok_or_else(|| format!("{text:?} is no role; roles are read, waive, revoke and admin"))
    }
}

/// Who may use the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiTokens(Vec<Holder>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    name: String,
    role: Role,
    salt: String,
    hash: Digest,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawHolder {
    role: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
}

impl ApiTokens {
    /// Whose token it is, and what that one may do. It takes as long for a wrong one as for any right one.
    pub fn holder(&self, token: &str) -> Option<(&str, Role)> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let mut found = None;
        for one in &self.0 {
            let shown = super::proxy_users::hash(&one.salt, token).hex();
            if verify_slices_are_equal(shown.as_bytes(), one.hash.hex().as_bytes()).is_ok() {
                found = Some((one.name.as_str(), one.role));
            }
        }
        found
    }

    /// Whether somebody of that name has one.
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|one| one.name == name)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Reads the file.
///
/// # Errors
/// Every mistake of the file, each with its line and a remedy.
pub fn parse_api_tokens(text: &str, file: &str) -> Result<ApiTokens, Diagnostics> {
    let mut notes = Diagnostics::new(file, text);
    let raw: BTreeMap<Spanned<String>, RawHolder> =
        shape::read(text, &mut notes).unwrap_or_default();
    let mut holders = Vec::new();
    for (name, written) in raw {
        if holders.len() == MAX_TOKENS {
            notes.error(name.span(), format!("more than {MAX_TOKENS} tokens"));
            break;
        }
        let remedy = format!("make one: lazaret api token read {}", name.get_ref());
        let role = written
            .role
            .map(|role| match role.get_ref().parse::<Role>() {
                Ok(role) => Some(role),
                Err(why) => {
                    notes.error(role.span(), why);
                    None
                }
            });
        let hash = written.token.map(|token| {
            let parts = token.get_ref().split_once(':');
            let hash = parts.and_then(|(salt, hash)| Some((salt, hash.parse::<Digest>().ok()?)));
            let hash = hash.filter(|(salt, _)| !salt.is_empty());
            if hash.is_none() {
                let why = "this is no hash of a token: a salt, a colon and `sha256:` with 64 hexadecimal digits";
                notes.error(token.span(), why).help(remedy.clone());
            }
            hash.map(|(salt, hash)| (salt.to_owned(), hash))
        });
        match (role, hash) {
            (Some(Some(role)), Some(Some((salt, hash)))) => holders.push(Holder {
                name: name.into_inner(),
                role,
                salt,
                hash,
            }),
            (None, _) | (_, None) => {
                let mistake = notes.error(name.span(), "a token needs `role` and `token`");
                mistake.help(remedy);
            }
            _ => {}
        }
    }
    notes.into_result(ApiTokens(holders))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::hashed_token;

    #[test]
    fn a_token_opens_what_its_role_opens() {
        let text: String = Role::ALL
            .iter()
            .map(|(_, word)| {
                let token = hashed_token("salt", &format!("token-{word}"));
                format!("[the-{word}]\nrole = {word:?}\ntoken = {token:?}\n")
            })
            .collect();
        let tokens = parse_api_tokens(&text, "tokens.toml").unwrap();
        assert_eq!(tokens.count(), 4);
        for (role, word) in Role::ALL {
            let holder = tokens.holder(&format!("token-{word}"));
            assert_eq!(holder, Some((format!("the-{word}").as_str(), role)));
        }
        for wrong in [
            "",
            "token-",
            "salt",
            &hashed_token("salt", "token-read"),
            &"t".repeat(9_999),
        ] {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
        let may = |role: Role| Role::ALL.map(|(needed, _)| role.may(needed));
        assert_eq!(may(Role::Read), [true, false, false, false]);
        assert_eq!(may(Role::Waive), [true, true, false, false]);
        assert_eq!(may(Role::Revoke), [true, false, true, false]);
        assert_eq!(may(Role::Admin), [true; 4]);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        let text = "[a]\nrole = \"root\"\ntoken = \"secret\"\n[b]\nrole = \"read\"\n[c]\nrolle = \"read\"\n";
        let said = parse_api_tokens(text, "tokens.toml")
            .unwrap_err()
            .to_string();
        for part in [
            "tokens.toml:2:8",
            "\"root\" is no role; roles are read, waive, revoke and admin",
            "tokens.toml:3:9",
            "this is no hash of a token",
            "make one: lazaret api token read a",
            "tokens.toml:4:2",
            "a token needs `role` and `token`",
            "tokens.toml:7:1",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

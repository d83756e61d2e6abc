//! The login of a proxy in its URL (RFC 3986, 3.2.1): kept apart from the address, so that it is written where it must be
//! and shown nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Address;

/// Longest login; our tokens and a name have 112 characters.
const MAX_LOGIN: usize = 512;

/// A name and a password as a URL has them: `team-a:lzp_…`, percent-encoded.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Login(String);

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl Login {
    /// Takes a proxy's URL apart.
    ///
    /// # Errors
    /// A sentence for who wrote it, without what may be secret in it.
    pub fn split(text: &str) -> Result<(Address, Option<Login>), String> {
        let text = text.trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let Some((login, host)) = rest.rsplit_once('@') else {
            return Address::parse(text).map(|address| (address, None));
        };
        let address = Address::parse(&format!("{scheme}://{host}"))?;
        // What means something to shells, units, JSON or lists is to be percent-encoded.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!*+=%".contains(c);
        let (name, password) = login.split_once(':').unwrap_or((login, ""));
        let fits = !name.is_empty() && login.len() <= MAX_LOGIN;
        if !fits || !name.chars().chain(password.chars()).all(plain) {
            return Err(format!(
                "the login for {address} is none that a URL can have: write http://NAME:PASSWORD@host:3128, other characters than letters, digits and -._~!*+= as %40"
            ));
        }
        Ok((address, Some(Login(login.to_owned()))))
    }

    /// The URL with it.
    pub(super) fn url(&self, address: &Address) -> String {
        let scheme = if address.tls() { "https" } else { "http" };
        format!("{scheme}://{}@{}", self.0, address.authority())
    }

    /// Whether a text has it: also as systemd writes it, where a percent sign is two.
    pub(super) fn is_in(&self, text: &str) -> bool {
        text.contains(&self.0) || text.contains(&self.0.replace('%', "%%"))
    }
}

/// A text for people: no URL in it has a password.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let ends = |c: char| c.is_whitespace() || "/\"'".contains(c);
        let end = after.find(ends).unwrap_or(after.len());
        let (authority, further) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((login, host)) => {
                let name = login.split_once(':').map_or("", |(name, _)| name);
                let mark = if name.is_empty() { "…" } else { ":…" };
                out.push_str(&format!("{name}{mark}@{host}"));
            }
            None => out.push_str(authority),
        }
        rest = further;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_put_together() {
        for (text, address, login) in [
            ("http://gw:3128", "http://gw:3128", None),
            ("http://a:b@gw:3128/", "http://gw:3128", Some("a:b")),
            ("https://a:b%40c@gw", "https://gw", Some("a:b%40c")),
            ("a:b@gw:1", "https://gw:1", Some("a:b")),
            ("http://a@gw:3128", "http://gw:3128", Some("a")),
        ] {
            let (found, its) = Login::split(text).unwrap();
            assert_eq!(found.to_string(), address);
            assert_eq!(its.as_ref().map(|login| login.0.as_str()), login, "{text}");
            if let Some(login) = its {
                let again = Login::split(&login.url(&found)).unwrap();
                assert_eq!(again, (found, Some(login)));
            }
        }
        for text in [
            "http://a:hush\"@gw",
            "http://:hush@gw",
            "http://a:hu sh@gw",
            "http://a:hush$x@gw",
            "http://a:hu@sh@gw",
            "http://a:hush@gw/path",
        ] {
            let why = Login::split(text).unwrap_err();
            assert!(!why.contains("hu"), "{why}");
        }
        let long = format!("http://a:{}@gw", "x".repeat(MAX_LOGIN));
        assert!(Login::split(&long).is_err());
    }

    #[test]
    fn nobody_reads_a_password() {
        for (text, shown) in [
            (
                "HTTPS_PROXY=http://a:hush@gw:1",
                "HTTPS_PROXY=http://a:…@gw:1",
            ),
            (
                "\"http://a:hush@gw\", \"https://b:hush@h/x\"",
                "\"http://a:…@gw\", \"https://b:…@h/x\"",
            ),
            ("http://hush@gw", "http://…@gw"),
            ("http://a:hu@sh@gw", "http://a:…@gw"),
            ("http://gw/a@b mail@x", "http://gw/a@b mail@x"),
            ("nothing", "nothing"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown);
        }
    }
}

//! As whom a client is known.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

/// Longest name in characters: host names have 253, and people read it in one line.
const MAX_NAME: usize = 253;

/// How it is known who a client is, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KnownBy {
    /// It proved that it has the key of a certificate.
    Certificate,
    /// It logged in at the proxy.
    Proxy,
    /// It said so, in a header that is believed where it came from.
    Header,
    /// It came from an address that the operator gave a name.
    Address,
}

impl KnownBy {
    const ALL: [(KnownBy, &'static str); 4] = [
        (KnownBy::Certificate, "certificate"),
        (KnownBy::Proxy, "proxy"),
        (KnownBy::Header, "header"),
        (KnownBy::Address, "address"),
    ];

    /// One word.
    pub fn as_str(self) -> &'static str {
        let found = KnownBy::ALL.iter().find(|(by, _)| *by == self);
        found.map_or("", |(_, word)| word)
    }
}

/// A client's name and how it is known; written as `certificate:ci.acme.example`, so that no name of one kind can pass
/// for one of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    by: KnownBy,
    name: Arc<str>,
}

impl Identity {
    /// A client's name, fit for one line: what cannot be printed becomes `?`, and the end of a long one is cut. None
    /// where nothing is left.
    pub fn new(by: KnownBy, name: &str) -> Option<Identity> {
        let shown = |c: char| match c {
            ' ' => ' ',
            c if c.is_alphanumeric() || c.is_ascii_graphic() => c,
            _ => '?',
        };
        let name: String = name.trim().chars().take(MAX_NAME).map(shown).collect();
        (!name.is_empty()).then(|| Identity {
            by,
            name: name.into(),
        })
    }

    /// How it is known.
    pub fn by(&self) -> KnownBy {
        self.by
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.by.as_str(), self.name)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Identity, ()> {
        let (word, name) = text.split_once(':').ok_or(())?;
        let found = KnownBy::ALL.iter().find(|(_, known)| *known == word);
        let (by, _) = found.ok_or(())?;
        Identity::new(*by, name).ok_or(())
    }
}

impl Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_bounded_line_and_comes_back_as_it_was() {
        for (name, kept) in [
            ("ci.acme.example", Some("ci.acme.example")),
            (" team a ", Some("team a")),
            ("spiffe://acme/ci", Some("spiffe://acme/ci")),
            ("a\nb\u{202e}c", Some("a?b?c")),
            ("Zoë", Some("Zoë")),
            ("  ", None),
            ("", None),
        ] {
            let identity = Identity::new(KnownBy::Header, name);
            assert_eq!(identity.as_ref().map(Identity::name), kept, "{name:?}");
            if let Some(identity) = identity {
                assert_eq!(identity.to_string().parse(), Ok(identity));
            }
        }
        let long = Identity::new(KnownBy::Address, &"n".repeat(9_999)).unwrap();
        assert_eq!(long.name().len(), MAX_NAME);
        let sly = Identity::new(KnownBy::Header, "certificate:root").unwrap();
        assert_eq!(sly.to_string(), "header:certificate:root");
        for text in ["", "root", "nobody:root", "certificate:", "certificate: "] {
            assert!(text.parse::<Identity>().is_err(), "{text:?}");
        }
    }
}

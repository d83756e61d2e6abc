//! Trusted identities: some attributes of a certificate's subject.

use std::collections::BTreeMap;
use std::fmt;

use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};

use crate::trust::certificate::Certificate;

/// Attributes that people write by a short name (RFC 4514, 3), and what certificates call them.
const ATTRIBUTES: [(&str, &str); 9] = [
    ("CN", "2.5.4.3"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("DC", "0.9.2342.19200300.100.1.25"),
];

/// `C=US, ST=Washington, O=Acme, CN=ci`: a certificate whose subject has all of these, and perhaps more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectName(BTreeMap<&'static str, String>);

impl SubjectName {
    /// Reads a name. It must say an organization or a common name: a country alone is anybody.
    ///
    /// # Errors
    /// A sentence for who wrote it.
    pub fn parse(text: &str) -> Result<SubjectName, String> {
        let mut attributes = BTreeMap::new();
        for part in split(text) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is no attribute, as in O=Acme"))?;
            let key = key.trim().to_ascii_uppercase();
            let key = if key == "S" { "ST" } else { key.as_str() };
            let known = ATTRIBUTES.iter().find(|(known, _)| *known == key);
            let (known, _) = known.ok_or_else(|| format!("the attribute `{key}` is not known"))?;
            let value = value.trim().to_owned();
            if value.is_empty() || value.contains('*') {
                return Err(format!("{known} could be anything"));
            }
            if attributes.insert(*known, value).is_some() {
                return Err(format!("{known} stands twice"));
            }
        }
        if !attributes.contains_key("O") && !attributes.contains_key("CN") {
            return Err("neither O nor CN says whose certificate it is".to_owned());
        }
        Ok(SubjectName(attributes))
    }

    /// Whether the certificate's subject has every attribute, each once and with this value.
    pub(super) fn is_of(&self, certificate: &Certificate) -> bool {
        self.0.iter().all(|(key, value)| {
            let oid = ATTRIBUTES.iter().find(|(known, _)| known == key);
            let names = certificate.parsed.tbs_certificate.subject.0.iter();
            let attributes = names.flat_map(|name| name.0.iter());
            let found: Vec<_> = attributes
                .filter(|found| oid.is_some_and(|(_, oid)| found.oid.to_string() == *oid))
                .map(|found| {
                    let utf8 = found
                        .value
                        .decode_as::<Utf8StringRef<'_>>()
                        .map(|text| text.as_str().to_owned());
                    let printable = || {
                        found
                            .value
                            .decode_as::<PrintableStringRef<'_>>()
                            .map(|text| text.as_str().to_owned())
                    };
                    let ascii = || {
                        found
                            .value
                            .decode_as::<Ia5StringRef<'_>>()
                            .map(|text| text.as_str().to_owned())
                    };
                    utf8.or_else(|_| printable()).or_else(|_| ascii()).ok()
                })
                .collect();
            matches!(found.as_slice(), [Some(one)] if one == value)
        })
    }
}

/// Parts between commas; `\,` is a comma.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let part = match (character, parts.last_mut()) {
            (',', _) => {
                parts.push(String::new());
                continue;
            }
            (_, Some(part)) => part,
            (_, None) => continue,
        };
        match character {
            '\\' => part.extend(characters.next()),
            other => part.push(other),
        }
    }
    parts
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::SubjectName;

    #[test]
    fn names_that_could_be_anybody_are_no_names() {
        for (text, why) in [
            ("C=US", Some("neither O nor CN")),
            ("*", Some("no attribute")),
            ("CN=*", Some("could be anything")),
            ("CN=a, CN=b", Some("stands twice")),
            ("X=1, CN=a", Some("not known")),
            ("CN=", Some("could be anything")),
            ("", Some("no attribute")),
            ("C=US, S=WA, O=Acme\\, Inc., CN=ci", None),
        ] {
            match (SubjectName::parse(text), why) {
                (Ok(name), None) => {
                    assert_eq!(name.to_string(), "C=US, CN=ci, O=Acme, Inc., ST=WA")
                }
                (Err(error), Some(why)) => assert!(error.contains(why), "{text}: {error}"),
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }
}

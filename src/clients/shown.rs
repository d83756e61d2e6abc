//! What a client shows of itself to the gateway, by `hosts.toml`: a certificate, and headers.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Longest header, name and value together: a name of a team.
const MAX_HEADER: usize = 256;

/// A certificate and headers, where there are any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shown {
    /// The files of a certificate and of its key, as the client finds them.
    certificate: Option<(String, String)>,
    /// What goes with every request: names and values.
    headers: Vec<(String, String)>,
}

impl Shown {
    /// `certificate`: its file and that of its key; `headers`: as in HTTP, `X-Team: payments`.
    ///
    /// # Errors
    /// A sentence for who wrote them.
    pub fn new(certificate: Option<(&Path, &Path)>, headers: &[String]) -> Result<Shown, String> {
        let path = |path: &Path| match path.to_str() {
            Some(text) if path.is_absolute() && !text.contains(char::is_control) => {
                Ok(text.to_owned())
            }
            _ => Err(format!(
                "{path:?}: daemons read it: write the whole path, as in /etc/lazaret/client.pem"
            )),
        };
        let certificate = match certificate {
            Some((certificate, key)) => Some((path(certificate)?, path(key)?)),
            None => None,
        };
        let headers = headers.iter().map(|text| header(text));
        Ok(Shown {
            certificate,
            headers: headers.collect::<Result<_, _>>()?,
        })
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Shown::default()
    }

    /// The line of a host for its certificate (containerd's docs/hosts.md, "client field").
    pub(super) fn line(&self, indent: &str) -> String {
        let Some((certificate, key)) = &self.certificate else {
            return String::new();
        };
        format!(
            "{indent}client = [[{}, {}]]\n",
            quoted(certificate),
            quoted(key)
        )
    }

    /// The table of a host for its headers; `of` is the host's own table.
    pub(super) fn table(&self, of: &str, indent: &str) -> String {
        let mut out = String::new();
        if !self.headers.is_empty() {
            let _ = writeln!(out, "{indent}[{of}header]");
        }
        for (name, value) in &self.headers {
            let _ = writeln!(out, "{indent}  {} = {}", quoted(name), quoted(value));
        }
        out
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn header(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("{text:?} is no header: write it as in HTTP, X-Team: payments");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let (name, value) = (name.trim(), value.trim());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    let good = !name.is_empty()
        && name.chars().all(word)
        && !value.is_empty()
        && value.chars().all(plain)
        && text.len() <= MAX_HEADER;
    match good {
        true => Ok((name.to_owned(), value.to_owned())),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_paths_are_read_strictly() {
        let of = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            Shown::new(None, &texts)
        };
        let shown = of(&["X-Team: payments", "x-b:a \"b\" = [c]"]).unwrap();
        let text = shown.table("", "");
        let read: toml::Table = text.parse().unwrap();
        assert_eq!(read["header"]["X-Team"].as_str(), Some("payments"));
        assert_eq!(read["header"]["x-b"].as_str(), Some("a \"b\" = [c]"));
        for bad in ["X-Team", ": a", "X: ", "X Y: a", "X: a\nY: b", "X: ü"] {
            let why = of(&[bad]).unwrap_err();
            assert!(why.contains("is no header: write it as in HTTP"), "{why}");
        }
        let key = Path::new("/etc/lazaret/client.key");
        for bad in ["client.pem", "", "/a\nb"] {
            assert!(
                Shown::new(Some((Path::new(bad), key)), &[]).is_err(),
                "{bad:?}"
            );
        }
        assert!(of(&[]).unwrap().is_empty());
    }
}

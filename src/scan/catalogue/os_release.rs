//! `os-release` (os-release(5)): which distribution this is.

use serde::{Deserialize, Serialize};

use crate::scan::{Ecosystem, OsRelease};

/// Longest value that is kept, in bytes: real ones are shorter than a hundred.
const MAX_VALUE_BYTES: usize = 256;

/// A distribution's own words; empty where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "their names are os-release(5)'s")]
pub struct System {
    pub id: String,
    pub version_id: String,
    pub version: String,
    pub version_codename: String,
    pub pretty_name: String,
}

impl System {
    pub(in crate::scan) fn parse(content: &[u8]) -> System {
        let text = String::from_utf8_lossy(content);
        let mut system = System::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else {
                continue;
            };
            let field = match key {
                "ID" => &mut system.id,
                "VERSION_ID" => &mut system.version_id,
                "VERSION" => &mut system.version,
                "VERSION_CODENAME" => &mut system.version_codename,
                "PRETTY_NAME" => &mut system.pretty_name,
                _ => continue,
            };
            // As in a shell, the last assignment counts.
            *field = unquote(value);
        }
        system
    }

    /// Whose packages a database of this system names.
    pub fn ecosystem(&self) -> Ecosystem {
        Ecosystem::from_os_release(&OsRelease {
            id: &self.id,
            version_id: &self.version_id,
            version: &self.version,
            version_codename: &self.version_codename,
            pretty_name: &self.pretty_name,
        })
    }
}

fn unquote(value: &str) -> String {
    let inside = ['"', '\''].iter().find_map(|quote| {
        let value = value.strip_prefix(*quote)?;
        value.strip_suffix(*quote)
    });
    let mut plain = String::new();
    let mut escaped = false;
    for c in inside.unwrap_or(value).chars() {
        if plain.len() >= MAX_VALUE_BYTES {
            break;
        }
        escaped = c == '\\' && !escaped;
        if !escaped && !c.is_control() {
            plain.push(c);
        }
    }
    plain
}

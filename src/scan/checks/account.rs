//! Accounts that anybody may enter: `passwd(5)` and `shadow(5)`.

use serde::{Deserialize, Serialize};

/// Where accounts are.
const PASSWD: &str = "etc/passwd";
/// Where their passwords are, if not there.
const SHADOW: &str = "etc/shadow";
/// Most accounts of a file that are told: real ones have some dozens, few of them wrong.
const MAX_TOLD: usize = 100;
/// Longest name that is told in bytes: Linux allows 32.
const MAX_NAME_BYTES: usize = 64;

/// What an account can be in a file of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// It has a password, and that is empty.
    EmptyPassword,
    /// It is not `root`, and has its number.
    SecondRoot,
}

/// Whether the file at `path` names accounts.
pub(in crate::scan) fn names_accounts(path: &str) -> bool {
    path == PASSWD || path == SHADOW
}

/// The accounts of `path` that are not as they should be.
pub(in crate::scan) fn flaws(path: &str, content: &[u8]) -> Vec<(String, Flaw)> {
    let text = String::from_utf8_lossy(content);
    let mut found = Vec::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(password)) = (fields.next(), fields.next()) else {
            continue;
        };
        if name.is_empty() || name.starts_with(['#', '+', '-']) || found.len() >= MAX_TOLD {
            continue;
        }
        let name: String = name.chars().take(MAX_NAME_BYTES).collect();
        if path == PASSWD && name != "root" && fields.next() == Some("0") {
            found.push((name.clone(), Flaw::SecondRoot));
        }
        if password.is_empty() {
            found.push((name, Flaw::EmptyPassword));
        }
    }
    found
}

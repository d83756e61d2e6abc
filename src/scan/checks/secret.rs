//! Secrets that somebody left in a file. What is found is never repeated: a path, a rule, a line.

mod key;
mod place;
mod rules;

use std::sync::LazyLock;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use rules::{FILES, Rule, TOKENS};

/// Largest file that is looked into in bytes: credentials are written by hand or by small tools.
pub(in crate::scan) const MAX_FILE_BYTES: u64 = 1 << 20;
/// Longest secret in bytes: keys of RSA with 16,384 bits have 12,700.
const MAX_SECRET_BYTES: usize = 16 << 10;
/// Most secrets of a file that are told: the first says enough.
const MAX_TOLD: usize = 10;
/// Most beginnings of secrets of a file that are looked at: a list of examples has some hundred.
const MAX_LOOKED_AT: usize = 10_000;
/// Words in what only looks like a secret.
const PLACEHOLDERS: [&str; 8] = [
    "example",
    "placeholder",
    "changeme",
    "your",
    "xxxx",
    "0000000",
    "1234567890",
    "redacted",
];

/// A secret in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Secret {
    /// The file.
    pub path: String,
    /// What kind of secret.
    pub rule: String,
    /// The line where it begins, from 1.
    pub line: u32,
}

/// A rule with its expression made ready.
struct Ready {
    rule: &'static Rule,
    expression: Regex,
}

static TOKEN_RULES: LazyLock<Vec<Ready>> = LazyLock::new(|| ready(&TOKENS));
static FILE_RULES: LazyLock<Vec<Ready>> = LazyLock::new(|| ready(&FILES));
/// The beginnings of all tokens: a search for literals, so that all but a few files cost one pass.
static BEGINNINGS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words: Vec<String> = TOKENS
        .iter()
        .map(|rule| regex::escape(rule.start))
        .collect();
    Regex::new(&format!("(?-u){}", words.join("|"))).ok()
});

fn ready(rules: &'static [Rule]) -> Vec<Ready> {
    let ready = |rule: &'static Rule| {
        let expression = Regex::new(&format!("(?-u){}", rule.expression)).ok()?;
        Some(Ready { rule, expression })
    };
    rules.iter().filter_map(ready).collect()
}

/// Whether the file at `path` is looked into at all.
pub(in crate::scan) fn worth_a_look(path: &str, size: u64) -> bool {
    size > 0 && size <= MAX_FILE_BYTES && !place::is_published(path)
}

/// The secrets in a file.
pub(in crate::scan) fn find(path: &str, content: &[u8]) -> Vec<Secret> {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    for ready in FILE_RULES.iter().filter(|ready| (ready.rule.place)(path)) {
        let secrets = ready.expression.captures_iter(content);
        let real =
            secrets.filter_map(|one| one.get(1).filter(|one| is_real(ready.rule, one.as_bytes())));
        found.extend(
            real.take(MAX_TOLD)
                .map(|one| (one.start(), ready.rule.name)),
        );
    }
    let beginnings = BEGINNINGS.iter().flat_map(|all| all.find_iter(content));
    for start in beginnings.map(|found| found.start()).take(MAX_LOOKED_AT) {
        if found.len() >= MAX_TOLD {
            break;
        }
        if let Some(name) = token(content, start) {
            found.push((start, name));
        }
    }
    found.sort_unstable();
    found.dedup_by_key(|(at, _)| *at);
    let line = |at: usize| {
        let before = content.get(..at).unwrap_or_default();
        memchr::memchr_iter(b'\n', before).count().saturating_add(1)
    };
    let secret = |(at, rule): (usize, &str)| Secret {
        path: path.to_owned(),
        rule: rule.to_owned(),
        line: u32::try_from(line(at)).unwrap_or(u32::MAX),
    };
    found.into_iter().take(MAX_TOLD).map(secret).collect()
}

/// The rule that what begins at `start` is a secret by.
fn token(content: &[u8], start: usize) -> Option<&'static str> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let rest = content.get(start..)?;
    let rest = rest.get(..MAX_SECRET_BYTES).unwrap_or(rest);
    let inside = start > 0 && content.get(start - 1).is_some_and(word);
    let rules = TOKEN_RULES
        .iter()
        .filter(|ready| rest.starts_with(ready.rule.start.as_bytes()));
    for ready in rules {
        if ready.rule.start.starts_with('-') {
            if key::is_private(rest) {
                return Some(ready.rule.name);
            }
            continue;
        }
        let Some(found) = ready
            .expression
            .find(rest)
            .filter(|found| found.start() == 0)
        else {
            continue;
        };
        let longer = rest.get(found.end()).is_some_and(word);
        if !inside && !longer && is_real(ready.rule, found.as_bytes()) {
            return Some(ready.rule.name);
        }
    }
    None
}

/// Whether it is random enough, and none of the words that stand for a secret in texts about secrets.
fn is_real(rule: &Rule, secret: &[u8]) -> bool {
    let text = String::from_utf8_lossy(secret).to_ascii_lowercase();
    let variable =
        text.starts_with(['$', '%', '<', '{']) || text.contains("${") || text.contains("{{");
    !variable
        && !PLACEHOLDERS.iter().any(|word| text.contains(word))
        && entropy(secret) >= rule.entropy
}

/// Bits in each byte, by Shannon.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    let bits = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests;

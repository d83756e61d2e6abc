//! Waivers as they would be written: for whoever asks for an exception, and whoever keeps the policy.

use jiff::{SignedDuration, Timestamp};

use super::{Code, Finding, Verdict};
use crate::oci::Digest;

/// How long a proposed waiver holds where nobody says otherwise.
pub const PROPOSED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Whether a waiver is worth proposing to whoever was refused: where the name is the problem, another name is the answer.
pub fn is_excusable(finding: &Finding) -> bool {
    finding.code != Code::Revoked && !finding.code.as_str().starts_with("name-")
}

/// What only a person can say of a waiver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excuse {
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it is discussed.
    pub ticket: Option<String>,
    /// The image that it is for alone, by its digest.
    pub digest: Option<Digest>,
}

/// The table that would excuse `finding` in `repository` until the end of a day, bound as closely as the finding allows;
/// none for what no waiver excuses.
pub fn proposal(
    repository: &str,
    finding: &Finding,
    excuse: &Excuse,
    until: Timestamp,
) -> Option<String> {
    if finding.code == Code::Revoked {
        return None;
    }
    let about = finding.affected.as_ref();
    let cve = about.and_then(|about| {
        let cve = about.ids.iter().find(|id| id.starts_with("CVE-"));
        cve.or(about.ids.first())
    });
    let name = cve.cloned().unwrap_or_else(|| finding.code.to_string());
    let mut lines = vec![
        "[[waiver]]".to_owned(),
        format!("finding = {}", quoted(&name)),
        format!("images = [{}]", quoted(repository)),
    ];
    if let Some(about) = about {
        let packages: Vec<String> = about.packages.iter().map(|name| quoted(name)).collect();
        lines.push(format!("packages = [{}]", packages.join(", ")));
        lines.push(format!("paths = [{}]", quoted(&about.path)));
    }
    if let Some(digest) = &excuse.digest {
        lines.push(format!("digests = [{}]", quoted(&digest.to_string())));
    }
    lines.push(format!("reason = {}", quoted(&excuse.reason)));
    lines.push(format!("owner = {}", quoted(&excuse.owner)));
    if let Some(ticket) = &excuse.ticket {
        lines.push(format!("ticket = {}", quoted(ticket)));
    }
    lines.push(format!("until = {}", until.strftime("%Y-%m-%d")));
    Some(lines.join("\n") + "\n")
}

/// The tables that would excuse what denies in a verdict, or what one word means: a code, or an advisory's id.
pub fn proposals(
    repository: &str,
    verdict: &Verdict,
    word: Option<&str>,
    excuse: &Excuse,
    until: Timestamp,
) -> Vec<String> {
    let meant = |finding: &&Finding| match word {
        None => finding.denies(),
        Some(word) => {
            let mut named = finding.affected.iter().flat_map(|about| &about.ids);
            finding.code.as_str() == word || named.any(|id| id == word)
        }
    };
    let findings = verdict.findings.iter().filter(meant);
    findings
        .filter_map(|finding| proposal(repository, finding, excuse, until))
        .collect()
}

/// A basic string of TOML (1.0, "String").
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

//! What a case expects of a verdict, and what differs.

use serde::Deserialize;

use crate::policy::{Code, Finding, Level, Paint, Verdict, explain};

use super::Case;

/// What becomes of the pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It goes on.
    Allow,
    /// It stops.
    Deny,
}

impl Outcome {
    /// `allow` or `deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Deny => "deny",
        }
    }

    /// That of a verdict.
    pub fn of(verdict: &Verdict) -> Outcome {
        match verdict.allows() {
            true => Outcome::Allow,
            false => Outcome::Deny,
        }
    }
}

/// What is done to a finding, and which: `deny root-user`, `waived vulnerability`, or the code alone.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    how: Option<&'static str>,
    code: Code,
}

/// What is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    outcome: Option<Outcome>,
    findings: Option<Vec<Wanted>>,
    mentions: Vec<String>,
}

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the judge said.
    pub verdict: Verdict,
    /// What differs from what was expected, a line each: `- expected`, `+ said`.
    pub differences: Vec<String>,
}

const HOW: [&str; 4] = ["deny", "warn", "note", "waived"];

/// What is done to a finding, in one word.
fn how(finding: &Finding) -> &'static str {
    match (finding.level, &finding.waived) {
        (_, Some(_)) => "waived",
        (Level::Deny, None) => "deny",
        (Level::Warn, None) => "warn",
        (Level::Note, None) => "note",
    }
}

impl Wanted {
    fn read(text: &str) -> Result<Wanted, String> {
        let (how, code) = match text.split_once(' ') {
            Some((how, code)) => (Some(how), code.trim()),
            None => (None, text),
        };
        let how =
            match how {
                Some(word) => {
                    let known = HOW.into_iter().find(|known| *known == word);
                    Some(known.ok_or_else(|| {
                        format!("{text:?} begins with none of {}", HOW.join(", "))
                    })?)
                }
                None => None,
            };
        let code = code.parse::<Code>().map_err(|()| {
            let known = Code::ALL.iter().map(|code| code.as_str());
            let near = known.max_by(|a, b| {
                let near = |known: &str| strsim::jaro_winkler(known, code);
                near(a).total_cmp(&near(b))
            });
            format!(
                "{code:?} is no code of a finding; did you mean {:?}?",
                near.unwrap_or_default()
            )
        })?;
        Ok(Wanted { how, code })
    }

    fn is(&self, (how, code): (&str, Code)) -> bool {
        self.code == code && self.how.is_none_or(|wanted| wanted == how)
    }
}

impl Expected {
    pub(super) fn read(
        outcome: Option<Outcome>,
        findings: Option<&[String]>,
        mentions: &[String],
    ) -> Result<Option<Expected>, String> {
        let findings = findings.map(|all| all.iter().map(|text| Wanted::read(text)).collect());
        let findings = findings.transpose()?;
        let some = outcome.is_some() || findings.is_some() || !mentions.is_empty();
        Ok(some.then(|| Expected {
            outcome,
            findings,
            mentions: mentions.to_vec(),
        }))
    }

    /// What differs.
    pub(super) fn differences(&self, case: &Case, verdict: &Verdict) -> Vec<String> {
        let mut lines = Vec::new();
        let outcome = Outcome::of(verdict);
        if let Some(expected) = self.outcome.filter(|expected| *expected != outcome) {
            lines.push(format!("- {}", expected.as_str()));
            lines.push(format!("+ {}", outcome.as_str()));
        }
        let text = explain(&case.image, verdict, None, Paint::Plain);
        for words in &self.mentions {
            if !text.contains(words.as_str()) {
                lines.push(format!("- mentions {words:?}"));
            }
        }
        let Some(wanted) = &self.findings else {
            return lines;
        };
        let mut said: Vec<((&str, Code), &Finding)> = Vec::new();
        for finding in &verdict.findings {
            let key = (how(finding), finding.code);
            if said.iter().all(|(known, _)| *known != key) {
                said.push((key, finding));
            }
        }
        for one in wanted {
            if !said.iter().any(|(key, _)| one.is(*key)) {
                let how = one.how.map(|how| format!("{how} ")).unwrap_or_default();
                lines.push(format!("- {how}{}", one.code));
            }
        }
        for (key, finding) in said {
            // Notes are said for the record, and only compared where the case names them.
            if key.0 != "note" && !wanted.iter().any(|one| one.is(key)) {
                lines.push(format!("+ {} {}: {}", key.0, key.1, finding.message));
            }
        }
        lines
    }
}

//! What people are warned of though they get their image (distribution-spec, "Warnings"; RFC 7234, 5.5): skopeo, podman and
//! containerd 2.4 and later print it. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::policy::{Finding, Level, Verdict};

use super::refuse::reason_phrase;

/// Most bytes of all warnings of an answer together, as the distribution-spec has it.
const MAX_BYTES: usize = 4_096;
/// Most warnings; the verdict has them all.
const MAX_WARNINGS: usize = 10;
/// Waivers that end sooner than this are told of: time for the owner to act.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Advisories that are older are told of: they are fetched every six hours, so four fetches have failed.
const OLD: SignedDuration = SignedDuration::from_hours(26);

/// What an image is served under.
pub(super) struct Served<'a> {
    pub(super) verdict: &'a Verdict,
    /// Since when the registry cannot be asked what the tag points to, if that is so.
    pub(super) stale_since: Option<Timestamp>,
    /// Where the whole verdict stands.
    pub(super) why: &'a str,
    pub(super) now: Timestamp,
}

/// The values of the `Warning` headers: printable ASCII, bounded, the weightiest first.
pub(super) fn warnings(served: &Served<'_>) -> Vec<String> {
    let findings = &served.verdict.findings;
    let denied = findings.iter().filter(|finding| finding.denies());
    let audited =
        denied.map(|finding| format!("audit mode: this would be blocked: {}", finding.sentence()));
    let stale = served
        .stale_since
        .map(|since| format!("the registry is down; this tag was last resolved at {since}"));
    let ending = findings
        .iter()
        .filter_map(|finding| ending(finding, served.now));
    let warned = findings
        .iter()
        .filter(|finding| finding.level == Level::Warn && finding.waived.is_none())
        .map(Finding::sentence);
    let all: Vec<String> = audited
        .chain(stale)
        .chain(old(served))
        .chain(ending)
        .chain(warned)
        .map(|text| value(&text))
        .collect();
    fitting(all, served.why)
}

/// The oldest advisories, if they are old.
fn old(served: &Served<'_>) -> Option<String> {
    let asked = served.verdict.advisories.iter();
    let oldest = asked.min_by_key(|asked| asked.fetched)?;
    let age = served.now.duration_since(oldest.fetched);
    let days = age.as_hours() / 24;
    let day = if days == 1 { "day" } else { "days" };
    (age > OLD).then(|| {
        format!(
            "the advisories of {} are {days} {day} old",
            oldest.ecosystem
        )
    })
}

/// A waiver that ends soon, and what will then be.
fn ending(finding: &Finding, now: Timestamp) -> Option<String> {
    let waived = finding.waived.as_ref()?;
    let soon = finding.level == Level::Deny && waived.until.duration_since(now) < SOON;
    let day = waived.until.strftime("%Y-%m-%d");
    soon.then(|| {
        format!(
            "blocked from {day}, when the waiver of {} ends: {}",
            waived.owner,
            finding.sentence()
        )
    })
}

fn value(text: &str) -> String {
    let text = reason_phrase(text).replace(['"', '\\'], "'");
    format!("299 - \"{text}\"")
}

/// As many as are allowed; the last says how many there are beside.
fn fitting(all: Vec<String>, why: &str) -> Vec<String> {
    let more = |count: usize| value(&format!("{count} warnings more: {why}"));
    let (count, mut bytes) = (all.len(), 0);
    let room = MAX_BYTES - more(count).len();
    let fits = |text: &String| {
        bytes += text.len();
        bytes <= room
    };
    let mut kept: Vec<String> = all
        .into_iter()
        .take(MAX_WARNINGS)
        .take_while(fits)
        .collect();
    if kept.len() < count {
        kept.push(more(count - kept.len()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;
    use crate::policy::{AskedAdvisories, Code, Origin, Waived};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn finding(level: Level, message: &str) -> Finding {
        let origin = Origin {
            file: "policy.toml".to_owned(),
            line: 1,
            table: "[names]".to_owned(),
        };
        Finding {
            code: Code::RootUser,
            level,
            message: message.to_owned(),
            help: None,
            origin,
            platform: None,
            affected: None,
            respite: None,
            waived: None,
        }
    }

    fn waived(until: &str) -> Finding {
        let origin = finding(Level::Deny, "").origin;
        Finding {
            waived: Some(Waived {
                id: String::new(),
                ticket: None,
                origin,
                reason: "r".to_owned(),
                owner: "platform@acme.example".to_owned(),
                until: at(until),
            }),
            ..finding(Level::Deny, "it runs as root")
        }
    }

    fn asked(fetched: &str) -> AskedAdvisories {
        AskedAdvisories {
            ecosystem: "Debian".to_owned(),
            fetched: at(fetched),
            newest: at(fetched),
            digest: Digest::of(b""),
        }
    }

    fn said(findings: Vec<Finding>, stale: Option<&str>, fetched: Option<&str>) -> Vec<String> {
        let verdict = Verdict {
            rule: finding(Level::Note, "").origin,
            findings,
            valid_until: None,
            vouched: Vec::new(),
            advisories: fetched.map(asked).into_iter().collect(),
        };
        warnings(&Served {
            verdict: &verdict,
            stale_since: stale.map(at),
            why: "http://why/1",
            now: at("2026-05-10T12:00:00Z"),
        })
    }

    #[test]
    fn people_are_warned_of_what_will_stop_them_or_does_not_only_for_now() {
        let warn = finding(Level::Warn, "it runs as root");
        let deny = finding(Level::Deny, "it runs as root");
        type Case = (
            Vec<Finding>,
            Option<&'static str>,
            Option<&'static str>,
            &'static [&'static str],
        );
        let table: [Case; 9] = [
            (vec![], None, None, &[]),
            (vec![finding(Level::Note, "n")], None, None, &[]),
            (
                vec![warn],
                None,
                None,
                &["299 - \"it runs as root [root-user]\""],
            ),
            (
                vec![deny],
                None,
                None,
                &["299 - \"audit mode: this would be blocked: it runs as root [root-user]\""],
            ),
            (
                vec![waived("2026-05-17T00:00:00Z")],
                None,
                None,
                &[
                    "299 - \"blocked from 2026-05-17, when the waiver of platform@acme.example ends: it runs as root [root-user]\"",
                ],
            ),
            (vec![waived("2026-05-18T00:00:00Z")], None, None, &[]),
            (
                vec![],
                Some("2026-05-10T11:00:00Z"),
                None,
                &[
                    "299 - \"the registry is down; this tag was last resolved at 2026-05-10T11:00:00Z\"",
                ],
            ),
            (vec![], None, Some("2026-05-09T11:00:00Z"), &[]),
            (
                vec![],
                None,
                Some("2026-05-08T11:00:00Z"),
                &["299 - \"the advisories of Debian are 2 days old\""],
            ),
        ];
        for (findings, stale, fetched, wanted) in table {
            assert_eq!(said(findings, stale, fetched), wanted);
        }
    }

    #[test]
    fn warnings_are_bounded_printable_and_cannot_be_broken_out_of() {
        let hostile = "\"\r\nSet-Cookie: a=b\r\n\r\n\u{7f}é\\\" 199 - \"".to_owned();
        for (count, text) in [
            (1, hostile),
            (3, "word ".repeat(900)),
            (500, "w".to_owned()),
        ] {
            let findings = (0..count).map(|_| finding(Level::Warn, &text)).collect();
            let all = said(findings, None, None);
            let bytes: usize = all.iter().map(String::len).sum();
            assert!(bytes <= MAX_BYTES && all.len() <= MAX_WARNINGS + 1);
            for one in &all {
                assert!(
                    one.bytes().all(|b| b == b' ' || b.is_ascii_graphic()),
                    "{one}"
                );
                assert_eq!(one.matches('"').count(), 2, "{one}");
            }
            if count == 500 {
                assert_eq!(
                    all.last().unwrap(),
                    "299 - \"490 warnings more: http://why/1\""
                );
            }
        }
    }
}

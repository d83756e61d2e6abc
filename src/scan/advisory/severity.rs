//! How bad: what the vendor says of its package, else what CVSS says, else what the database says.

use std::fmt;

use cvss::Cvss;

/// How bad a vulnerability is. In order, so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Severity {
    /// Nobody says. Not the same as harmless: policy decides.
    #[default]
    Unknown = 0,
    /// No vulnerability: a notice, or one that the vendor calls negligible.
    Negligible = 1,
    /// CVSS 0.1 to 3.9.
    Low = 2,
    /// CVSS 4.0 to 6.9.
    Medium = 3,
    /// CVSS 7.0 to 8.9.
    High = 4,
    /// CVSS 9.0 and more; malicious packages.
    Critical = 5,
}

impl Severity {
    /// The word that a vendor or a database uses.
    pub(super) fn from_word(word: &str) -> Option<Severity> {
        match word.trim().to_ascii_lowercase().as_str() {
            "negligible" | "unimportant" | "none" | "informational" => Some(Severity::Negligible),
            "low" => Some(Severity::Low),
            "medium" | "moderate" => Some(Severity::Medium),
            "high" | "important" => Some(Severity::High),
            "critical" => Some(Severity::Critical),
            _ => None,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Severity> {
        let all = [
            Severity::Unknown,
            Severity::Negligible,
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ];
        all.get(usize::from(byte)).copied()
    }

    fn from_tenths(tenths: u8) -> Severity {
        match tenths {
            0 => Severity::Negligible,
            1..40 => Severity::Low,
            40..70 => Severity::Medium,
            70..90 => Severity::High,
            _ => Severity::Critical,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Unknown => "unknown",
            Severity::Negligible => "negligible",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// A severity, and the CVSS score that came with it, in tenths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rating {
    pub(super) severity: Severity,
    pub(super) tenths: Option<u8>,
}

/// Severities as an OSV record has them: kind (`CVSS_V3`, `Ubuntu`, …) and score.
pub(super) fn rate<'a>(scores: impl Iterator<Item = (&'a str, &'a str)>) -> Rating {
    let mut rating = Rating::default();
    let mut word = None;
    for (kind, score) in scores {
        if let Some(tenths) = kind.starts_with("CVSS").then(|| tenths(score)).flatten() {
            // Of several scores the highest: they are opinions, and the gate must not take the mildest.
            rating.tenths = rating.tenths.max(Some(tenths));
        }
        word = word.max(Severity::from_word(score));
    }
    let scored = rating.tenths.map(Severity::from_tenths);
    rating.severity = word.or(scored).unwrap_or_default();
    rating
}

/// The metrics without which a vector has no score, by how it begins (FIRST, CVSS 2, 3.1 and 4.0).
const BASE_METRICS: [(&str, &[&str]); 4] = [
    (
        "CVSS:4.0/",
        &[
            "AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA",
        ],
    ),
    ("CVSS:3.1/", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("CVSS:3.0/", &["AV", "AC", "PR", "UI", "S", "C", "I", "A"]),
    ("", &["AV", "AC", "Au", "C", "I", "A"]),
];

/// The score of a vector, or a bare number, in tenths.
fn tenths(score: &str) -> Option<u8> {
    let score = score.trim().trim_start_matches('(').trim_end_matches(')');
    let value = match score.parse::<f64>() {
        Ok(value) => value,
        Err(_) => vector(score)?,
    };
    // A float becomes an integer by saturation; outside of 0 to 10 it is no score.
    (0.0..=10.0)
        .contains(&value)
        .then(|| (value * 10.0).round() as u8)
}

fn vector(vector: &str) -> Option<f64> {
    let (version, metrics) = BASE_METRICS
        .iter()
        .find(|(version, _)| vector.starts_with(version))?;
    // The crate scores what is missing as if it did no harm: 0.0, when nothing is known.
    let has = |metric: &&str| {
        let mut parts = vector.split('/');
        parts.any(|part| {
            part.strip_prefix(metric)
                .is_some_and(|rest| rest.starts_with(':'))
        })
    };
    if !metrics.iter().all(has) {
        return None;
    }
    if version.is_empty() {
        return Some(vector.parse::<cvss::v2::Vector>().ok()?.score().value());
    }
    Some(vector.parse::<Cvss>().ok()?.score())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rated(scores: &[(&'static str, &'static str)]) -> (Severity, Option<u8>) {
        let rating = rate(scores.iter().copied());
        (rating.severity, rating.tenths)
    }

    #[test]
    fn scores_and_words() {
        let v3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let v3_medium = "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:C/C:L/I:L/A:N";
        let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
        let v2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P";
        assert_eq!(rated(&[("CVSS_V3", v3)]), (Severity::Critical, Some(98)));
        assert_eq!(rated(&[("CVSS_V4", v4)]), (Severity::Critical, Some(93)));
        assert_eq!(rated(&[("CVSS_V2", v2)]), (Severity::High, Some(75)));
        assert_eq!(
            rated(&[("CVSS_V3", v3_medium)]),
            (Severity::Medium, Some(47))
        );
        assert_eq!(
            rated(&[("CVSS_V3", v3_medium), ("CVSS_V3", v3)]).1,
            Some(98)
        );
        // What a vendor says of its own build outweighs the score, which is kept.
        assert_eq!(
            rated(&[("CVSS_V3", v3), ("Ubuntu", "low")]),
            (Severity::Low, Some(98))
        );
        for nonsense in [
            "",
            "CVSS:3.1/",
            "CVSS:3.1/AV:N",
            "11",
            "-1",
            "NaN",
            "inf",
            "🦀",
        ] {
            assert_eq!(
                rated(&[("CVSS_V3", nonsense)]),
                (Severity::Unknown, None),
                "{nonsense}"
            );
        }
        assert_eq!(rated(&[("CVSS_V3", "7.0")]), (Severity::High, Some(70)));
        assert_eq!(rated(&[("SSVC", "x")]), (Severity::Unknown, None));
    }

    #[test]
    fn bytes_and_words_are_read_back() {
        for byte in 0..=5 {
            let severity = Severity::from_byte(byte).unwrap();
            assert_eq!(severity as u8, byte);
            let word = Severity::from_word(&severity.to_string());
            assert_eq!(word.unwrap_or_default(), severity);
        }
        assert_eq!(Severity::from_byte(6), None);
    }
}

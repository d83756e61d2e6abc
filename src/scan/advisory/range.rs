//! Which versions an advisory means (OSV schema, `affected[].ranges` and "Evaluation").

use std::cmp::Ordering;

use super::codec::{Reader, put_number, put_text};
use crate::scan::version::{Incomparable, Rule, compare};

/// What happens at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// Affected from here on; `0` is before every version.
    Introduced = 0,
    /// No longer affected from here on.
    Fixed = 1,
    /// The last one that is affected.
    LastAffected = 2,
}

/// Versions that an advisory means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions<'a> {
    /// Ranges, each with its events in the order of the record.
    pub ranges: Vec<Vec<(Event, &'a str)>>,
    /// Versions named one by one, beside the ranges.
    pub named: Vec<&'a str>,
}

/// Whether a version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affects<'a> {
    /// It is not.
    No,
    /// It is; with the first version that is not, if there is one.
    Yes {
        /// The least version above it that is fixed.
        fixed: Option<&'a str>,
    },
    /// It cannot be ordered among the events: not to be taken for "no".
    Unsure(Incomparable),
}

impl<'a> Versions<'a> {
    /// Whether `version` is meant, by `rule`.
    pub fn affect(&self, rule: Rule, version: &str) -> Affects<'a> {
        let mut unsure = None;
        let mut affected = false;
        let mut fixed: Option<&'a str> = None;
        for range in &self.ranges {
            match in_range(range, rule, version) {
                Ok(false) => {}
                Ok(true) => {
                    affected = true;
                    fixed = least(rule, fixed, next_fix(range, rule, version));
                }
                Err(why) => unsure = Some(why),
            }
        }
        let same = |named: &&str| {
            **named == *version || compare(rule, named, version) == Ok(Ordering::Equal)
        };
        match (affected || self.named.iter().any(same), unsure) {
            (true, _) => Affects::Yes { fixed },
            (false, Some(why)) => Affects::Unsure(why),
            (false, None) => Affects::No,
        }
    }

    /// Whether `version` is one of those that are fixed.
    pub(super) fn fixed_at(&self, rule: Rule, version: &str) -> bool {
        let mut fixes = self.ranges.iter().flatten();
        fixes.any(|(event, at)| {
            *event == Event::Fixed && compare(rule, at, version) == Ok(Ordering::Equal)
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        put_number(out, self.ranges.len() as u64);
        for range in &self.ranges {
            put_number(out, range.len() as u64);
            for (event, version) in range {
                out.push(*event as u8);
                put_text(out, version);
            }
        }
        put_number(out, self.named.len() as u64);
        for named in &self.named {
            put_text(out, named);
        }
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Versions<'a>> {
        let count = reader.count()?;
        let ranges = (0..count)
            .map(|_| read_range(reader))
            .collect::<Option<_>>()?;
        let named = reader.texts()?;
        Some(Versions { ranges, named })
    }
}

fn read_range<'a>(reader: &mut Reader<'a>) -> Option<Vec<(Event, &'a str)>> {
    let count = reader.count()?;
    let event = |_| {
        let event = match reader.byte()? {
            0 => Event::Introduced,
            1 => Event::Fixed,
            2 => Event::LastAffected,
            _ => return None,
        };
        Some((event, reader.text()?))
    };
    (0..count).map(event).collect()
}

/// The latest event at or before the version decides; of two at one version, the one that the record names last.
fn in_range(range: &[(Event, &str)], rule: Rule, version: &str) -> Result<bool, Incomparable> {
    let mut latest: Option<(&str, bool)> = None;
    for (event, at) in range {
        let order = against(rule, version, at)?;
        let (reached, affected) = match event {
            Event::Introduced => (order.is_ge(), true),
            Event::Fixed => (order.is_ge(), false),
            Event::LastAffected => (order.is_gt(), false),
        };
        let later = match latest {
            Some((before, _)) if reached => compare_events(rule, at, before)?.is_ge(),
            _ => reached,
        };
        if later {
            latest = Some((at, affected));
        }
    }
    Ok(latest.is_some_and(|(_, affected)| affected))
}

/// `0` stands before every version (OSV schema, `events`).
fn against(rule: Rule, version: &str, event: &str) -> Result<Ordering, Incomparable> {
    match event {
        "0" => Ok(Ordering::Greater),
        event => compare(rule, version, event),
    }
}

fn compare_events(rule: Rule, a: &str, b: &str) -> Result<Ordering, Incomparable> {
    match (a, b) {
        ("0", "0") => Ok(Ordering::Equal),
        ("0", _) => Ok(Ordering::Less),
        (_, "0") => Ok(Ordering::Greater),
        _ => compare(rule, a, b),
    }
}

fn next_fix<'a>(range: &[(Event, &'a str)], rule: Rule, version: &str) -> Option<&'a str> {
    let fixes = range.iter().filter(|(event, _)| *event == Event::Fixed);
    let after = fixes.filter(|(_, at)| compare(rule, at, version) == Ok(Ordering::Greater));
    after.fold(None, |least_yet, (_, at)| least(rule, least_yet, Some(at)))
}

fn least<'a>(rule: Rule, a: Option<&'a str>, b: Option<&'a str>) -> Option<&'a str> {
    match (a, b) {
        (Some(a), Some(b)) if compare(rule, b, a) == Ok(Ordering::Less) => Some(b),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{Fixed, Introduced, LastAffected};
    use super::*;

    fn affect(events: &[(Event, &'static str)], version: &str) -> Affects<'static> {
        let versions = Versions {
            ranges: vec![events.to_vec()],
            named: vec!["9.9"],
        };
        versions.affect(Rule::SemVer, version)
    }

    #[test]
    fn ranges_are_read_as_the_schema_says() {
        let yes = |fixed| Affects::Yes { fixed };
        let gaps = [
            (Introduced, "0"),
            (Fixed, "1.2"),
            (Introduced, "2.0.0"),
            (Fixed, "2.1.0"),
            (Fixed, "3.1.0"),
            (Introduced, "3.0.0"),
        ];
        let cases = [
            ("0.0.0-alpha", yes(Some("1.2"))),
            ("1.1.9", yes(Some("1.2"))),
            ("1.2.0", Affects::No),
            ("1.9.0", Affects::No),
            ("2.0.0", yes(Some("2.1.0"))),
            ("2.1.0", Affects::No),
            ("3.0.0", yes(Some("3.1.0"))),
            ("3.1.0", Affects::No),
            ("9.9.0", yes(None)),
            (
                "main",
                Affects::Unsure(Incomparable::NotAVersion(Rule::SemVer)),
            ),
        ];
        for (version, expected) in cases {
            assert_eq!(affect(&gaps, version), expected, "{version}");
        }
        let last = [(Introduced, "1.0.0"), (LastAffected, "1.5.0")];
        assert_eq!(affect(&last, "0.9.0"), Affects::No);
        assert_eq!(affect(&last, "1.5.0"), yes(None));
        assert_eq!(affect(&last, "1.5.1"), Affects::No);
        let empty = [(Introduced, "1.0.0"), (Fixed, "1.0.0")];
        assert_eq!(affect(&empty, "2.0.0"), Affects::No);
        let again = [(Introduced, "0"), (Fixed, "1.0.0"), (Introduced, "1.0.0")];
        assert_eq!(affect(&again, "1.0.0"), yes(None));
        assert_eq!(affect(&[], "1.0.0"), Affects::No);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let versions = Versions {
            ranges: vec![
                vec![(Introduced, "0"), (Fixed, "1:2.3-4")],
                vec![(LastAffected, "5")],
            ],
            named: vec!["1.0", "1.0.post1"],
        };
        let mut bytes = Vec::new();
        versions.write(&mut bytes);
        assert_eq!(Versions::read(&mut Reader(&bytes)), Some(versions));
        for end in 0..bytes.len() {
            assert_eq!(Versions::read(&mut Reader(&bytes[..end])), None);
        }
    }
}

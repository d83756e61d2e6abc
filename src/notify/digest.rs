//! Many events in one message. Pure.

use std::collections::HashMap;

use jiff::Timestamp;

use super::message::lead;
use crate::ledger::{Event, Owed};
use crate::policy::{Code, EventKind};

/// Most images, findings and clients that are named.
const MAX_NAMED: usize = 8;

/// Whether events of this kind may become part of a digest: what lasts, ends or speaks of an attack in progress is told
/// for itself.
pub(super) fn may_fold(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Blocked
            | EventKind::WouldBlock
            | EventKind::Waived
            | EventKind::VerdictChanged
            | EventKind::FirstSeen
            | EventKind::TagMoved
            | EventKind::SignerChanged
            | EventKind::Guessing
    )
}

/// One event that tells of all these.
pub fn digest(owed: &[Owed], now: Timestamp) -> Event {
    let events = || owed.iter().map(|owed| &owed.event);
    let times = events().map(|event| event.at);
    let (first, last) = (times.clone().min(), times.max());
    let mut lines = Vec::new();
    if let (Some(first), Some(last)) = (first, last) {
        let (first, last) = (
            first.strftime("%Y-%m-%d %H:%M:%S"),
            last.strftime("%Y-%m-%d %H:%M:%S UTC"),
        );
        lines.push(format!("between {first} and {last}"));
    }
    let kinds = counted(events().map(|event| (lead(event.kind).to_lowercase(), event.count)));
    let of = |event: &Event| {
        event.image().map_or_else(
            || event.reference.clone(),
            |reference| reference.repository().to_string(),
        )
    };
    let images = counted(events().map(|event| (of(event), event.count)));
    let codes = counted(events().flat_map(|event| {
        let codes = event.codes.iter();
        codes.map(|code| (code.to_string(), event.count))
    }));
    let clients = counted(events().filter_map(|event| Some((event.client()?, event.count))));
    lines.extend(named("found", &codes));
    lines.extend(named("images", &images));
    lines.extend(named("asked for by", &clients));
    let title: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| format!("{count} × {kind}"))
        .collect();
    let mut all: Vec<Code> = events().flat_map(|event| event.codes.clone()).collect();
    all.sort_unstable();
    all.dedup();
    Event {
        detail: lines.join("\n"),
        codes: all,
        count: events().map(|event| event.count).sum(),
        ..Event::new(EventKind::Digest, title.join(", "), now)
    }
}

/// How often each is there, the most frequent first, in an order that does not change.
fn counted(all: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for (name, count) in all {
        *counts.entry(name).or_default() += count;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts
}

fn named(what: &str, counts: &[(String, u64)]) -> Option<String> {
    let shown = counts.iter().take(MAX_NAMED);
    let mut shown: Vec<String> = shown
        .map(|(name, count)| format!("{name} ({count})"))
        .collect();
    let more = counts.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    (!shown.is_empty()).then(|| format!("{what}: {}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(kind: EventKind, reference: &str, codes: &[Code], count: u64, second: i64) -> Owed {
        let at = Timestamp::from_second(1_790_000_000 + second).unwrap();
        let mut event = Event::new(kind, reference.to_owned(), at);
        event.codes = codes.to_vec();
        event.count = count;
        event.address = Some(format!("10.0.0.{}", second % 3).parse().unwrap());
        Owed {
            event,
            sequence: second,
            tries: 0,
            why: String::new(),
        }
    }

    #[test]
    fn a_flood_is_a_few_lines() {
        let mut all: Vec<Owed> = (0..100)
            .map(|n| {
                let name = format!("docker.io/acme/app{n}:1");
                owed(EventKind::Blocked, &name, &[Code::Vulnerability], 1, n)
            })
            .collect();
        all.push(owed(
            EventKind::Blocked,
            "ngnix",
            &[Code::NameSquat],
            900,
            7,
        ));
        all.push(owed(
            EventKind::TagMoved,
            "docker.io/acme/app1:2",
            &[],
            1,
            8,
        ));
        let now = Timestamp::from_second(1_790_000_200).unwrap();
        let event = digest(&all, now);
        assert_eq!(event.reference, "1000 × pull blocked, 1 × tag moved");
        assert_eq!(event.count, 1001);
        assert_eq!(event.codes, [Code::NameSquat, Code::Vulnerability]);
        assert_eq!(
            event.detail,
            "between 2026-09-21 14:13:20 and 2026-09-21 14:14:59 UTC\n\
             found: name-squat (900), vulnerability (100)\n\
             images: docker.io/library/ngnix (900), docker.io/acme/app1 (2), docker.io/acme/app0 (1), \
             docker.io/acme/app10 (1), docker.io/acme/app11 (1), docker.io/acme/app12 (1), \
             docker.io/acme/app13 (1), docker.io/acme/app14 (1), and 93 more\n\
             asked for by: 10.0.0.1 (933), 10.0.0.0 (34), 10.0.0.2 (34)"
        );
    }
}

//! What lasts: told when it begins and when it ends, and not every minute in between.

use jiff::Timestamp;

use super::Desk;
use crate::ledger::{Event, Known, LedgerError};
use crate::policy::EventKind;

/// Something that is not as it should be, as it is seen now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub kind: EventKind,
    /// With what: a registry, a waiver. The same as long as it lasts.
    pub subject: String,
    /// What is known of it, in lines.
    pub detail: String,
}

/// What is to be written: troubles that began, and those that are over.
#[derive(Debug, PartialEq, Eq)]
struct Changes<'a> {
    began: Vec<&'a Trouble>,
    over: Vec<&'a Known>,
}

fn changes<'a>(seen: &'a [Trouble], known: &'a [Known]) -> Changes<'a> {
    let same = |trouble: &Trouble, known: &Known| {
        trouble.kind == known.kind && trouble.subject == known.subject
    };
    let began = seen.iter();
    let began = began.filter(|seen| !known.iter().any(|known| same(seen, known)));
    let over = known.iter();
    let over = over.filter(|known| !seen.iter().any(|seen| same(seen, known)));
    Changes {
        began: began.collect(),
        over: over.collect(),
    }
}

/// Writes down what began and what is over since it was last looked. `seen` is all there is: what is missing is over.
///
/// # Errors
/// The ledger does not answer: it is looked at again.
pub async fn settle<D: Desk + ?Sized>(
    desk: &D,
    seen: &[Trouble],
    now: Timestamp,
) -> Result<(), LedgerError> {
    let outbox = desk.outbox();
    let known = outbox.troubles().await?;
    let changes = changes(seen, &known);
    for trouble in changes.began {
        let mut event = Event::new(trouble.kind, trouble.subject.clone(), now);
        event.detail = trouble.detail.clone();
        outbox.begin_trouble(trouble.subject.clone(), event).await?;
    }
    for known in changes.over {
        let told = end(known, now);
        outbox.end_trouble(known.clone(), told).await?;
    }
    Ok(())
}

/// The good news, where there is some.
fn end(known: &Known, now: Timestamp) -> Option<Event> {
    let mut all = EventKind::ALL.iter().map(|(kind, _)| *kind);
    let kind = all.find(|kind| kind.ends() == Some(known.kind))?;
    let mut event = Event::new(kind, known.subject.clone(), now);
    let since = known.since.strftime("%Y-%m-%d %H:%M UTC");
    event.detail = format!("it lasted since {since}");
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(kind: EventKind, subject: &str) -> Trouble {
        Trouble {
            kind,
            subject: subject.to_owned(),
            detail: String::new(),
        }
    }

    fn known(kind: EventKind, subject: &str) -> Known {
        Known {
            kind,
            subject: subject.to_owned(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_what_changes_is_told() {
        let down = trouble(EventKind::UpstreamDown, "quay.io");
        let waiver = trouble(EventKind::WaiverExpiring, "policy.toml:7");
        let (old, gone) = (
            known(EventKind::UpstreamDown, "quay.io"),
            known(EventKind::UpstreamDown, "ghcr.io"),
        );
        let (seen, told) = ([down, waiver.clone()], [old, gone.clone()]);
        let changes = changes(&seen, &told);
        assert_eq!(changes.began, [&waiver]);
        assert_eq!(changes.over, [&gone]);
        let end = end(&gone, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(end.kind, EventKind::UpstreamBack);
        assert_eq!(end.detail, "it lasted since 1970-01-01 00:00 UTC");
        let began = Event::new(gone.kind, gone.subject, Timestamp::UNIX_EPOCH);
        assert_eq!(
            end.key(),
            began.key(),
            "an incident is closed by the key that opened it"
        );
        assert!(super::end(&known(EventKind::WaiverExpired, "x"), Timestamp::UNIX_EPOCH).is_none());
    }
}

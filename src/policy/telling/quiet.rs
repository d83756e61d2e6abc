//! Quiet hours: what is not urgent waits until they are over.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use crate::policy::Urgency;

/// Days that are looked at for an end: a week has one unless it is quiet for ever.
const DAYS: usize = 9;

/// When a target is not disturbed.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiet {
    /// Each day from this time until that one, which is on the next day where it is the earlier one.
    pub hours: Option<(Time, Time)>,
    /// Whole days.
    pub days: Vec<Weekday>,
    /// Whose clock.
    pub zone: TimeZone,
    /// What is as urgent disturbs all the same.
    pub lets: Option<Urgency>,
}

impl Quiet {
    /// Until when somebody is not to be told at `now`; none: may be.
    pub fn until(&self, now: Timestamp, urgency: Urgency) -> Option<Timestamp> {
        if self.lets.is_some_and(|lets| urgency >= lets) {
            return None;
        }
        let local = self.zone.to_datetime(now);
        self.is_quiet(local).then(|| self.end(local, now))
    }

    fn is_quiet(&self, at: DateTime) -> bool {
        let hours = self.hours.is_some_and(|(from, to)| {
            let time = at.time();
            match from < to {
                true => from <= time && time < to,
                false => from <= time || time < to,
            }
        });
        hours || self.days.contains(&at.weekday())
    }

    /// The first moment at which something changes to not quiet. Never is an hour from now: it is looked at again.
    fn end(&self, local: DateTime, now: Timestamp) -> Timestamp {
        let days = std::iter::successors(Some(local.date()), |day: &Date| day.tomorrow().ok());
        let to = self.hours.map(|(_, to)| to);
        let changes = days.take(DAYS).flat_map(|day| {
            let times = [Some(Time::midnight()), to].into_iter().flatten();
            times.map(move |time| day.to_datetime(time))
        });
        let ends = changes
            .filter(|at| *at > local && !self.is_quiet(*at))
            .filter_map(|at| self.zone.to_timestamp(at).ok())
            .filter(|at| *at > now);
        ends.min()
            .unwrap_or_else(|| now + jiff::SignedDuration::from_hours(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(hours: Option<(&str, &str)>, days: &[Weekday]) -> Quiet {
        let time = |text: &str| text.parse::<Time>().unwrap();
        Quiet {
            hours: hours.map(|(from, to)| (time(from), time(to))),
            days: days.to_vec(),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            lets: Some(Urgency::Critical),
        }
    }

    fn until(quiet: &Quiet, now: &str) -> Option<String> {
        let until = quiet.until(now.parse().unwrap(), Urgency::Error);
        until.map(|until| until.to_string())
    }

    #[test]
    fn nights_and_weekends_end_when_they_end_there() {
        let night = quiet(Some(("22:00", "07:00")), &[]);
        let weekend = quiet(
            Some(("18:30", "09:00")),
            &[Weekday::Saturday, Weekday::Sunday],
        );
        let noon = quiet(Some(("12:00", "13:00")), &[]);
        for (quiet, now, wanted) in [
            // Winter: an hour ahead of UTC.
            (&night, "2026-01-14T20:59:59Z", None),
            (&night, "2026-01-14T21:00:00Z", Some("2026-01-15T06:00:00Z")),
            (&night, "2026-01-15T05:59:59Z", Some("2026-01-15T06:00:00Z")),
            (&night, "2026-01-15T06:00:00Z", None),
            // Summer: two.
            (&night, "2026-07-14T20:00:00Z", Some("2026-07-15T05:00:00Z")),
            // The night in which the clock goes forward, and the one in which it goes back.
            (&night, "2026-03-28T22:00:00Z", Some("2026-03-29T05:00:00Z")),
            (&night, "2026-10-24T22:00:00Z", Some("2026-10-25T06:00:00Z")),
            // Friday evening until Monday morning.
            (
                &weekend,
                "2026-01-16T18:00:00Z",
                Some("2026-01-19T08:00:00Z"),
            ),
            (
                &weekend,
                "2026-01-17T12:00:00Z",
                Some("2026-01-19T08:00:00Z"),
            ),
            (&weekend, "2026-01-19T08:00:00Z", None),
            (&noon, "2026-01-14T11:30:00Z", Some("2026-01-14T12:00:00Z")),
            (&noon, "2026-01-14T12:00:00Z", None),
        ] {
            assert_eq!(until(quiet, now).as_deref(), wanted, "{now}");
        }
    }

    #[test]
    fn what_is_urgent_disturbs() {
        let mut night = quiet(Some(("22:00", "07:00")), &[]);
        let midnight = "2026-01-14T23:00:00Z".parse().unwrap();
        assert!(night.until(midnight, Urgency::Error).is_some());
        assert!(night.until(midnight, Urgency::Critical).is_none());
        night.lets = None;
        assert!(night.until(midnight, Urgency::Critical).is_some());
    }

    #[test]
    fn who_is_always_quiet_is_looked_at_again() {
        let always = quiet(Some(("08:00", "08:00")), &[]);
        let now: Timestamp = "2026-01-14T23:00:00Z".parse().unwrap();
        let until = always.until(now, Urgency::Info).unwrap();
        assert_eq!(until, now + jiff::SignedDuration::from_hours(1));
    }
}

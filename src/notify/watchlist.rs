//! Which troubles there are, from what is known now. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Trouble;
use crate::policy::{EventKind, Policy, Waiver, last_day};

/// How long before its end a waiver's owner is told: time for a fix or a review.
const BEFORE_END: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long before a trusted root is believed no more somebody is told: refreshing is tried twice a day until then.
const BEFORE_STALE: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How old advisories may be where no scan says: they are fetched four times a day.
const USUAL_AGE: Duration = Duration::from_secs(3 * 86_400);
/// How long a registry must not answer before somebody is told: shorter ones mend themselves.
pub const DOWN_FOR: Duration = Duration::from_secs(300);
/// A disk with less than one part in so many free is nearly full…
const FREE_PART: u64 = 20;
/// …unless that is still so many bytes.
const FREE_ENOUGH: u64 = 10 << 30;

/// Waivers of the policy that end soon or have ended.
pub fn waivers(policy: &Policy, now: Timestamp) -> Vec<Trouble> {
    let soon = |waiver: &&Waiver| waiver.until.duration_since(now) <= BEFORE_END;
    let ending = policy.waivers().iter().filter(soon);
    ending.map(|waiver| of_waiver(waiver, now)).collect()
}

fn of_waiver(waiver: &Waiver, now: Timestamp) -> Trouble {
    let day = last_day(waiver.until);
    let images: Vec<&str> = waiver.images.iter().map(|image| image.as_str()).collect();
    let (finding, images) = (&waiver.finding, images.join(", "));
    let kind = match waiver.until <= now {
        true => EventKind::WaiverExpired,
        false => EventKind::WaiverExpiring,
    };
    Trouble {
        kind,
        subject: format!("{finding} in {images} until {day}"),
        detail: format!(
            "owner: {}\nreason: {}\n{}",
            waiver.owner, waiver.reason, waiver.origin
        ),
    }
}

/// Trusted roots that are believed no more, or soon will not be.
pub fn roots(policy: &Policy, now: Timestamp) -> Vec<Trouble> {
    let stale = policy.roots().iter().filter_map(|root| {
        let from = root.stale_from()?;
        (from.duration_since(now) <= BEFORE_STALE).then(|| Trouble {
            kind: EventKind::DataStale,
            subject: format!("trusted root {}", root.name),
            detail: format!(
                "signatures that rest on it are not believed from {}",
                from.strftime("%Y-%m-%d %H:%M UTC")
            ),
        })
    });
    stale.collect()
}

/// Advisories that are old, where the policy has images scanned: of each ecosystem, when they were fetched.
pub fn advisories(
    policy: &Policy,
    fetched: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Vec<Trouble> {
    let scans = policy.scans();
    let Some(limit) = scans
        .map(|scan| scan.max_database_age.unwrap_or(USUAL_AGE))
        .min()
    else {
        return Vec::new();
    };
    // Before pulls are denied for it, not after.
    let told = SignedDuration::try_from(limit * 3 / 4).unwrap_or(SignedDuration::MAX);
    let old = fetched
        .iter()
        .filter(|(_, at)| now.duration_since(**at) > told);
    let old: Vec<String> = old
        .map(|(name, at)| format!("{name}: fetched {}", at.strftime("%Y-%m-%d %H:%M UTC")))
        .collect();
    if old.is_empty() {
        return Vec::new();
    }
    vec![Trouble {
        kind: EventKind::DataStale,
        subject: "advisories".to_owned(),
        detail: old.join("\n"),
    }]
}

/// Registries that have not answered for so long.
pub fn upstreams<'a>(failing: impl Iterator<Item = (&'a str, Duration)>) -> Vec<Trouble> {
    let down = failing.filter(|(_, time)| *time >= DOWN_FOR);
    let troubles = down.map(|(host, time)| Trouble {
        kind: EventKind::UpstreamDown,
        subject: host.to_owned(),
        detail: format!("no answer for {} minutes", time.as_secs() / 60),
    });
    troubles.collect()
}

/// A disk that is nearly full: free and all bytes.
pub fn disk(folder: &str, free: u64, all: u64) -> Option<Trouble> {
    let full = free < all / FREE_PART && free < FREE_ENOUGH;
    full.then(|| Trouble {
        kind: EventKind::StorageTrouble,
        subject: format!("disk of {folder}"),
        detail: format!("{} MiB of {} MiB are free", free >> 20, all >> 20),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(troubles: &[Trouble]) -> Vec<(&str, &str)> {
        let each = troubles.iter();
        each.map(|one| (one.kind.as_str(), one.subject.as_str()))
            .collect()
    }

    fn policy(more: &str) -> Policy {
        let text = format!(
            "version = 1\n[names]\nregistries = [\"docker.io\"]\n[default]\nunsigned = \"allow\"\n{more}"
        );
        crate::config::parse_policy(&text, "policy.toml", None).unwrap()
    }

    /// The day that `until` names is the last on which a waiver holds, wherever the clock is.
    #[test]
    fn waivers_are_told_of_a_week_before_their_end_and_after_it() {
        let waived = policy(
            "[[waiver]]\nfinding = \"root-user\"\nimages = [\"docker.io/acme/app\"]\nreason = \"old\"\nowner = \"ops\"\nuntil = 2027-01-31\n",
        );
        let about = "root-user in docker.io/acme/app until 2027-01-31";
        for (now, wanted) in [
            ("2027-01-24T23:59:59Z", None),
            ("2027-01-25T00:00:00Z", Some("waiver-expiring")),
            ("2027-01-31T23:59:59Z", Some("waiver-expiring")),
            ("2027-02-01T00:00:00Z", Some("waiver-expired")),
            ("2028-01-01T00:00:00Z", Some("waiver-expired")),
        ] {
            let troubles = waivers(&waived, now.parse().unwrap());
            let wanted: Vec<_> = wanted.into_iter().map(|kind| (kind, about)).collect();
            assert_eq!(kinds(&troubles), wanted, "{now}");
            if let Some(trouble) = troubles.first() {
                assert_eq!(
                    trouble.detail,
                    "owner: ops\nreason: old\npolicy.toml:6 [[waiver]]"
                );
            }
        }
    }

    #[test]
    fn advisories_are_told_of_before_pulls_are_denied_for_them() {
        let fetched: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
        let known = BTreeMap::from([("Debian".to_owned(), fetched)]);
        let scanned =
            policy("scan = \"s\"\n[scan.s]\nmax_severity = \"high\"\nmax_database_age = \"40h\"\n");
        for (hours, stale) in [(30, false), (31, true), (400, true)] {
            let now = fetched + SignedDuration::from_hours(hours);
            let troubles = advisories(&scanned, &known, now);
            let wanted = [("data-stale", "advisories")];
            assert_eq!(kinds(&troubles), wanted[..usize::from(stale)], "{hours}");
            if stale {
                assert_eq!(troubles[0].detail, "Debian: fetched 2027-01-01 00:00 UTC");
            }
            // Whoever scans nothing needs none.
            assert!(advisories(&policy(""), &known, now).is_empty());
        }
    }

    #[test]
    fn registries_and_disks_are_troubles_from_some_point_on() {
        let failing = [
            ("quay.io", DOWN_FOR),
            ("ghcr.io", DOWN_FOR - Duration::from_secs(1)),
        ];
        let troubles = upstreams(failing.into_iter());
        assert_eq!(troubles.len(), 1);
        assert_eq!(troubles[0].subject, "quay.io");
        assert_eq!(troubles[0].detail, "no answer for 5 minutes");
        for (free, all, full) in [
            (1 << 30, 100 << 30, true),
            (6 << 30, 100 << 30, false),
            (11 << 30, 1000 << 30, false),
            (9 << 30, 1000 << 30, true),
            (0, 0, false),
        ] {
            assert_eq!(disk("/data", free, all).is_some(), full, "{free} of {all}");
        }
    }
}

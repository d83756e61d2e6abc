//! Is the image old enough that others would have met what is wrong with it?

use crate::policy::judge::Docket;
use crate::policy::{Code, ConfigEvidence, Gathered, Level};

/// How far ahead a builder's clock may be.
const CLOCK_SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

pub(in crate::policy) fn judge(docket: &mut Docket<'_>, config: &Gathered<ConfigEvidence>) {
    let Some(profile) = docket.rule.config.clone() else {
        return;
    };
    // Without configurations the config rule has denied already.
    let (Some(min_age), Gathered::Found(found)) = (profile.min_age, config) else {
        return;
    };
    let now = docket.now;
    for image in &found.images {
        let mut find = |code, message: String| {
            docket.find_on(
                code,
                Level::Deny,
                &profile.origin,
                Some(&image.platform),
                message,
            );
        };
        let Some(created) = image.config.created else {
            find(
                Code::AgeUnknown,
                format!(
                    "does not say when it was built, and must be {} old",
                    days(min_age.as_secs())
                ),
            );
            continue;
        };
        let of_age = jiff::SignedDuration::try_from(min_age)
            .ok()
            .and_then(|age| created.checked_add(age).ok());
        if created.duration_since(now) > CLOCK_SKEW {
            find(
                Code::AgeUnknown,
                format!("says that it was built at {created}, which is yet to come"),
            );
        } else if of_age.is_none_or(|of_age| now < of_age) {
            let age = now.duration_since(created).as_secs().max(0).unsigned_abs();
            find(
                Code::TooYoung,
                format!("is {} old, must be {}", days(age), days(min_age.as_secs())),
            );
            of_age
                .into_iter()
                .for_each(|of_age| docket.changes_at(of_age));
        }
    }
}

fn days(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600) {
        (0, 1) => "1 hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}

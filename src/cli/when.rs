//! Moments as people write them.

use jiff::Timestamp;

use super::Window;
use super::wire::Trouble;
use crate::config::units;

/// A time back, a day or a moment.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = format!("{text}T00:00:00Z").parse::<Timestamp>() {
        return Ok(at);
    }
    let back = units::duration(text).map_err(|_| {
        format!("{text:?} is no time: write a time back, a day or a moment, as in 30d, 2026-05-10, 2026-05-10T12:00:00Z")
    })?;
    Ok(now.checked_sub(back).unwrap_or(Timestamp::MIN))
}

/// A day, a moment or a time ahead.
pub(super) fn ahead(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let day = || format!("{text}T00:00:00Z").parse::<Timestamp>().ok();
    let later = || now.checked_add(units::duration(text).ok()?).ok();
    let at = text.parse::<Timestamp>().ok().or_else(day).or_else(later);
    at.filter(|at| *at > now).ok_or_else(|| {
        format!("{text:?} is no time to come: write a day, a moment or a time ahead, as in 2026-12-24, 2026-12-24T12:00:00Z, 14d")
    })
}

/// From when and until when; all of time where nothing is said.
pub(super) fn window(window: &Window, now: Timestamp) -> Result<(Timestamp, Timestamp), Trouble> {
    let read = |flag: &str, text: &Option<String>, default| match text {
        Some(text) => moment(text, now).map_err(|why| Trouble::Other(format!("--{flag}: {why}"))),
        None => Ok(default),
    };
    let since = read("since", &window.since, Timestamp::UNIX_EPOCH)?;
    Ok((since, read("until", &window.until, Timestamp::MAX)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let now: Timestamp = "2026-05-10T12:00:00Z".parse().unwrap();
        let cases = [
            ("2026-05-09", "2026-05-09T00:00:00Z"),
            ("2026-05-09T06:30:00Z", "2026-05-09T06:30:00Z"),
            ("2026-05-09T06:30:00+02:00", "2026-05-09T04:30:00Z"),
            ("1d", "2026-05-09T12:00:00Z"),
            ("90m", "2026-05-10T10:30:00Z"),
        ];
        for (text, at) in cases {
            assert_eq!(moment(text, now), Ok(at.parse().unwrap()), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "-1d"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn times_to_come() {
        let now: Timestamp = "2026-05-10T12:00:00Z".parse().unwrap();
        for (text, at) in [
            ("2026-05-11", "2026-05-11T00:00:00Z"),
            ("2026-05-10T12:00:01Z", "2026-05-10T12:00:01Z"),
            ("14d", "2026-05-24T12:00:00Z"),
        ] {
            assert_eq!(ahead(text, now), Ok(at.parse().unwrap()), "{text}");
        }
        for text in ["", "soon", "2026-05-10", "2026-05-10T12:00:00Z", "-1d"] {
            assert!(ahead(text, now).is_err(), "{text}");
        }
    }
}

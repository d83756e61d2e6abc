//! Sizes, durations and addresses as people write them.

use std::time::Duration;

/// Longest duration that makes sense in a configuration: ten years.
const MAX_SECONDS: u64 = 10 * 366 * 86_400;

/// `90s`, `20m`, `72h`, `3d`, `250ms`.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "write a whole number and a unit, as in \"20s\", \"15m\", \"72h\" or \"3d\"";
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(WRONG)?;
    let (number, unit) = text.split_at_checked(end).ok_or(WRONG)?;
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    let seconds = match unit {
        "ms" if number <= 1_000_000 => return Ok(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds <= MAX_SECONDS).ok_or("more than ten years")?;
    Ok(Duration::from_secs(seconds))
}

/// `50GiB`, `500MB`, `1TiB`; a bare number is bytes.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    const WRONG: &str = "write a whole number and a unit, as in \"50GiB\" or \"500MB\"";
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).ok_or(WRONG)?;
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(WRONG),
    };
    number.checked_mul(factor).ok_or("too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!(duration("3d"), Ok(Duration::from_secs(259_200)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(size("50GiB"), Ok(50 << 30));
        assert_eq!(size("10"), Ok(10));
        for text in ["", "3", "d", "-3d", "3 d", "3w", "99999999999999999999s", "9999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "GiB", "1.5GiB", "5XB", "99999999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}

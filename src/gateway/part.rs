//! Byte ranges of blobs.

/// The part of a blob that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) size: u64,
    pub(super) partial: bool,
}

impl Part {
    /// Reads a `Range` header (RFC 9110 section 14.2) of one byte range; others are ignored, as the RFC lets us.
    /// The error is the size, for ranges beyond it.
    pub(super) fn of(range: Option<&str>, size: u64) -> Result<Part, u64> {
        let whole = Part {
            start: 0,
            end: size,
            size,
            partial: false,
        };
        let Some((first, last)) = range
            .and_then(|range| range.strip_prefix("bytes="))
            .and_then(|set| set.split_once('-'))
        else {
            return Ok(whole);
        };
        let (first, last) = (first.trim(), last.trim());
        let part = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
            (Ok(first), Err(_)) if last.is_empty() => (first, size),
            (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => {
                (size.saturating_sub(suffix), size)
            }
            (Err(_), Ok(0)) if first.is_empty() => return Err(size),
            _ => return Ok(whole),
        };
        if part.0 >= size {
            return Err(size);
        }
        Ok(Part {
            start: part.0,
            end: part.1,
            size,
            partial: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let part = |range: &str| {
            Part::of(Some(range), 100).map(|part| (part.start, part.end, part.partial))
        };
        let table = [
            ("bytes=0-", Ok((0, 100, true))),
            ("bytes=10-19", Ok((10, 20, true))),
            ("bytes=90-1000", Ok((90, 100, true))),
            ("bytes=-5", Ok((95, 100, true))),
            ("bytes=-500", Ok((0, 100, true))),
            ("bytes=100-", Err(100)),
            ("bytes=-0", Err(100)),
            ("bytes=5-1", Ok((0, 100, false))),
            ("bytes=0-1,5-6", Ok((0, 100, false))),
            ("lines=0-1", Ok((0, 100, false))),
            ("bytes=0-99999999999999999999", Ok((0, 100, false))),
        ];
        for (range, expected) in table {
            assert_eq!(part(range), expected, "{range}");
        }
        assert_eq!(Part::of(None, 0).map(|part| part.partial), Ok(false));
    }
}

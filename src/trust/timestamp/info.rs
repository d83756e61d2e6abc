//! What a timestamp says.

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{Stamped, algorithm, skip};

/// `TSTInfo` (RFC 3161, 2.4.2), as far as it is needed.
pub(super) struct Info {
    hash: AlgorithmIdentifierOwned,
    imprint: Vec<u8>,
    time: String,
    accuracy: SignedDuration,
}

impl Info {
    pub(super) fn read(der: &[u8]) -> x509_cert::der::Result<Info> {
        let mut reader = SliceReader::new(der)?;
        let info = reader.sequence(|info| {
            let version: u8 = info.decode()?;
            if version != 1 {
                return Err(Tag::Integer.value_error());
            }
            let _policy = AnyRef::decode(info)?;
            let (hash, imprint) = info.sequence(|imprint| {
                let hash = imprint.decode()?;
                Ok((hash, OctetStringRef::decode(imprint)?.as_bytes().to_vec()))
            })?;
            let _serial = AnyRef::decode(info)?;
            let time = AnyRef::decode(info)?;
            if time.tag() != Tag::GeneralizedTime {
                return Err(Tag::GeneralizedTime.value_error());
            }
            let time = String::from_utf8_lossy(time.value()).into_owned();
            let mut accuracy = SignedDuration::ZERO;
            if !info.is_finished() && info.peek_tag()? == Tag::Sequence {
                accuracy = info.sequence(read_accuracy)?;
            }
            skip(info)?;
            Ok(Info {
                hash,
                imprint,
                time,
                accuracy,
            })
        })?;
        reader.finish(info)
    }

    pub(super) fn about(&self, message: &[u8]) -> Result<Stamped, String> {
        let algorithm =
            algorithm(&self.hash).ok_or("the timestamp is over a hash that is not known")?;
        if digest::digest(algorithm, message).as_ref() != self.imprint {
            return Err("the timestamp is of something else".to_owned());
        }
        let time = generalized(&self.time).ok_or("the timestamp's time is malformed")?;
        let beyond = |_| "the timestamp's time is beyond all bounds".to_owned();
        Ok(Stamped {
            at: time,
            earliest: time.checked_sub(self.accuracy).map_err(beyond)?,
            latest: time.checked_add(self.accuracy).map_err(beyond)?,
        })
    }
}

/// Seconds, and milliseconds and microseconds with tags of their own.
fn read_accuracy<'a, R: Reader<'a>>(
    accuracy: &mut x509_cert::der::NestedReader<'_, R>,
) -> x509_cert::der::Result<SignedDuration> {
    let mut sum = SignedDuration::ZERO;
    while !accuracy.is_finished() {
        let part = AnyRef::decode(accuracy)?;
        let number = part.value().iter().fold(0_i64, |sum, byte| {
            sum.saturating_mul(256).saturating_add(i64::from(*byte))
        });
        let part = match part.tag() {
            Tag::Integer => SignedDuration::from_secs(number.min(i64::from(u32::MAX))),
            Tag::ContextSpecific { number: tag, .. } if tag.value() == 0 => {
                SignedDuration::from_millis(number.min(999))
            }
            _ => SignedDuration::from_micros(number.min(999)),
        };
        sum = sum.saturating_add(part);
    }
    Ok(sum)
}

/// `20260601120000.25Z`, in UTC.
fn generalized(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() != 14
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let part = |at: std::ops::Range<usize>| whole.get(at);
    let fraction = fraction.get(..9.min(fraction.len()))?;
    let point = if fraction.is_empty() { "" } else { "." };
    let text = format!(
        "{}-{}-{}T{}:{}:{}{point}{fraction}Z",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?
    );
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::generalized;

    #[test]
    fn times_with_and_without_fractions() {
        for (text, time) in [
            ("20260601120000Z", Some("2026-06-01T12:00:00Z")),
            ("20260601120000.25Z", Some("2026-06-01T12:00:00.25Z")),
            (
                "20260601120000.1234567891Z",
                Some("2026-06-01T12:00:00.123456789Z"),
            ),
            ("20260601120000", None),
            ("202606011200Z", None),
            ("20260601120000+0100", None),
            ("2026060112000xZ", None),
            ("20261301120000Z", None),
        ] {
            assert_eq!(
                generalized(text),
                time.map(|time| time.parse().unwrap()),
                "{text}"
            );
        }
    }
}

//! Sizes, durations and address ranges as people write them.

use std::{net::IpAddr, time::Duration};

/// Reads `50GiB`, `500MB`, `4096B` or a bare number of bytes.
///
/// Decimal units are powers of 1000, binary ones (`KiB`…) of 1024; fractions are not understood.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(format!("`{unit}` is not a unit of size")),
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| "the size is too large".to_owned())
}

/// Reads `500ms`, `20s`, `5m`, `12h`, `400d` or `2w`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        "" => return Err("the unit is missing".to_owned()),
        _ => return Err(format!("`{unit}` is not a unit of time")),
    };
    number
        .checked_mul(millis)
        .filter(|millis| *millis <= MAX_DURATION_MILLIS)
        .map(Duration::from_millis)
        .ok_or_else(|| "the time is longer than 100 years".to_owned())
}

/// A hundred years: more is a slip of the pen, and less never overflows a timestamp.
const MAX_DURATION_MILLIS: u64 = 36_525 * 86_400_000;

fn split(text: &str) -> Result<(u64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    if number.is_empty() {
        return Err("a whole number is expected first".to_owned());
    }
    let number = number.parse().map_err(|_| "the number is too large")?;
    Ok((number, unit.trim_start()))
}

/// A range of addresses in CIDR notation (RFC 4632): `10.0.0.0/8`, `fd00::/8`; a bare address is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    address: IpAddr,
    bits: u8,
}

impl AddressRange {
    /// Reads a range.
    ///
    /// # Errors
    /// A sentence that says what is wrong; bits set behind the prefix are a mistake too.
    pub fn parse(text: &str) -> Result<AddressRange, String> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("`{address}` is not an IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(|| format!("the prefix must be a number from 0 to {most}"))?,
        };
        let range = AddressRange { address, bits };
        let network = range.network();
        if network != address {
            return Err(format!(
                "`{text}` has bits set behind its prefix; `{network}/{bits}` is meant"
            ));
        }
        Ok(range)
    }

    /// The first address of the range.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits count.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Does the address lie in the range? An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && AddressRange {
                address,
                bits: self.bits,
            }
            .network()
                == self.address
    }

    fn network(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(a) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((a.to_bits() & mask).into())
            }
            IpAddr::V6(a) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                IpAddr::V6((a.to_bits() & mask).into())
            }
        }
    }
}

impl std::fmt::Display for AddressRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("50GiB", Some(50 << 30)),
            ("500MB", Some(500_000_000)),
            ("1 kb", Some(1_000)),
            ("7", Some(7)),
            ("0B", Some(0)),
            ("1.5GB", None),
            ("-1GB", None),
            ("", None),
            ("GB", None),
            ("5 parsecs", None),
            ("99999999999TiB", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("500ms", Some(Duration::from_millis(500))),
            ("20s", Some(Duration::from_secs(20))),
            ("5m", Some(Duration::from_secs(300))),
            ("400d", Some(Duration::from_secs(400 * 86_400))),
            ("2w", Some(Duration::from_secs(14 * 86_400))),
            ("20", None),
            ("s", None),
            ("20y", None),
            ("99999999w", None),
        ] {
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn ranges() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::1"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::/0", "fe80::1", "10.0.0.1"),
        ] {
            let parsed = AddressRange::parse(range).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{range}");
            assert!(!parsed.contains(outside.parse().unwrap()), "{range}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "host",
        ] {
            assert!(AddressRange::parse(bad).is_err(), "{bad}");
        }
    }
}

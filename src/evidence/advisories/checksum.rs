//! CRC-32C (RFC 3720, appendix B.4), by which Google's storage lets a download be checked. It finds damage, not malice:
//! that the export is the publisher's is TLS's to say.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;
const TABLE: [u32; 256] = table();
/// Bytes read at once.
const CHUNK_BYTES: usize = 128 << 10;

#[expect(
    clippy::indexing_slicing,
    reason = "computed by the compiler, which would refuse an index out of bounds"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            let odd = value & 1 == 1;
            value >>= 1;
            if odd {
                value ^= POLYNOMIAL;
            }
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
}

/// The checksum that is told, if it is: `crc32c=` and four bytes, the highest first, in Base64.
pub(super) fn told(checksums: &[String]) -> Option<u32> {
    let told = checksums
        .iter()
        .find_map(|one| one.strip_prefix("crc32c="))?;
    let bytes: [u8; 4] = STANDARD.decode(told).ok()?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

/// The checksum of all that is read; waits.
pub(super) fn crc32c(mut from: impl Read) -> io::Result<u32> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut sum = !0_u32;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(!sum);
        }
        for byte in buffer.get(..count).unwrap_or_default() {
            let at = (sum ^ u32::from(*byte)) & 0xff;
            let value = TABLE.get(at as usize).copied().unwrap_or_default();
            sum = (sum >> 8) ^ value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        // The first is everybody's check value; the others are RFC 3720's.
        let cases: [(&[u8], u32); 4] = [
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (b"", 0),
        ];
        for (bytes, sum) in cases {
            assert_eq!(crc32c(bytes).unwrap(), sum);
        }
        let header = ["md5=xyz".to_owned(), "crc32c=4waSgw==".to_owned()];
        assert_eq!(told(&header), Some(0xe306_9283));
        assert_eq!(told(&["crc32c=4waS".to_owned()]), None);
        assert_eq!(told(&[]), None);
    }
}

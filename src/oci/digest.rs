//! Content digests (OCI image-spec, descriptor.md "Digests").

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

/// Longest digest as text: `sha512:` and 128 hex digits.
const MAX_TEXT_BYTES: usize = 7 + 128;

/// A hash function that the image-spec registers and that we can compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the one that every registry uses.
    Sha256,
    /// SHA-512, registered and rare.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }
}

/// The identity of content: parsed or computed, never a bare string.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Digest {
    /// 32 bytes of SHA-256.
    Sha256([u8; 32]),
    /// 64 bytes of SHA-512.
    Sha512([u8; 64]),
}

impl Digest {
    /// The SHA-256 digest of `content`.
    pub fn of(content: &[u8]) -> Digest {
        Digest::Sha256(Sha256::digest(content).into())
    }

    /// Whether `content` hashes to this digest.
    pub fn verifies(&self, content: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(content);
        hasher.finish() == *self
    }

    /// A fresh hasher of this digest's algorithm.
    pub fn hasher(&self) -> Hasher {
        match self.algorithm() {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Box::new(Sha512::new())),
        }
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Digest::Sha256(_) => Algorithm::Sha256,
            Digest::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The part after the colon: lower-case hexadecimal.
    pub fn hex(&self) -> String {
        let mut buffer = [0; MAX_TEXT_BYTES];
        let text = self.write(&mut buffer);
        let (_, hex) = text.split_once(':').unwrap_or_default();
        hex.to_owned()
    }

    /// Spells the digest into `buffer`; on the hot path, so nothing is allocated.
    fn write<'a>(&self, buffer: &'a mut [u8; MAX_TEXT_BYTES]) -> &'a str {
        let prefix = match self {
            Digest::Sha256(_) => b"sha256:",
            Digest::Sha512(_) => b"sha512:",
        };
        let (head, tail) = buffer.split_at_mut(prefix.len());
        head.copy_from_slice(prefix);
        let raw = self.raw();
        for (pair, byte) in tail.chunks_exact_mut(2).zip(raw) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        let written = buffer.get(..prefix.len() + raw.len() * 2);
        str::from_utf8(written.unwrap_or_default()).unwrap_or_default()
    }

    fn raw(&self) -> &[u8] {
        match self {
            Digest::Sha256(raw) => raw,
            Digest::Sha512(raw) => raw,
        }
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + (nibble - 10)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; MAX_TEXT_BYTES]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::Malformed)?;
        match name {
            "sha256" => unhex(hex).map(Digest::Sha256),
            "sha512" => unhex(hex).map(Digest::Sha512),
            _ => Err(DigestError::UnknownAlgorithm),
        }
    }
}

/// Exactly `N` bytes of lower-case hexadecimal; upper case is refused: the spec has one spelling per digest.
fn unhex<const N: usize>(hex: &str) -> Result<[u8; N], DigestError> {
    let mut raw = [0; N];
    let mut wrong = hex.len() != 2 * N;
    for (byte, pair) in raw.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { break };
        let (high, low) = (nibble(*high), nibble(*low));
        // A malformed digit has a high bit set; looking once at the end keeps the loop free of branches.
        wrong |= (high | low) > 15;
        *byte = high << 4 | low & 15;
    }
    if wrong {
        Err(DigestError::Malformed)
    } else {
        Ok(raw)
    }
}

/// The value of a digit, above 15 for any other byte.
fn nibble(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => u8::MAX,
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Parses in place, whether or not the document's text is borrowed.
struct TextVisitor;

impl serde::de::Visitor<'_> for TextVisitor {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digest, E> {
        text.parse().map_err(E::custom)
    }
}

/// Hashes content piece by piece.
#[derive(Clone, Debug)]
pub enum Hasher {
    /// Running SHA-256.
    Sha256(Sha256),
    /// Running SHA-512 (boxed: its state is large and rare).
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// Feeds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(state) => state.update(bytes),
            Hasher::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all that was fed.
    pub fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(state) => Digest::Sha256(state.finalize().into()),
            Hasher::Sha512(state) => Digest::Sha512(state.finalize().into()),
        }
    }
}

/// Why a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// Not `algorithm:hex` of the right length in lower case.
    Malformed,
    /// Well-formed perhaps, of an algorithm that we cannot compute and so cannot check.
    UnknownAlgorithm,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DigestError::Malformed => {
                "a digest is sha256: and 64, or sha512: and 128, lower-case hex digits"
            }
            DigestError::UnknownAlgorithm => "the digest's algorithm is neither sha256 nor sha512",
        })
    }
}

impl std::error::Error for DigestError {}

#[cfg(test)]
mod tests;

//! Content digests (OCI image-spec, descriptor.md "Digests").

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

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

    fn bytes(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
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
        let mut text = String::with_capacity(self.raw().len() * 2);
        for byte in self.raw() {
            text.push(hex_char(byte >> 4));
            text.push(hex_char(byte & 15));
        }
        text
    }

    fn raw(&self) -> &[u8] {
        match self {
            Digest::Sha256(raw) => raw,
            Digest::Sha512(raw) => raw,
        }
    }
}

fn hex_char(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), self.hex())
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
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(DigestError::UnknownAlgorithm),
        };
        if hex.len() != algorithm.bytes() * 2 {
            return Err(DigestError::Malformed);
        }
        let mut raw = [0u8; 64];
        for (byte, pair) in raw.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else {
                return Err(DigestError::Malformed);
            };
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(match algorithm {
            Algorithm::Sha512 => Digest::Sha512(raw),
            Algorithm::Sha256 => {
                let mut short = [0u8; 32];
                short.iter_mut().zip(raw).for_each(|(to, from)| *to = from);
                Digest::Sha256(short)
            }
        })
    }
}

/// Upper-case hexadecimal is refused: the spec has one spelling per digest.
fn nibble(byte: u8) -> Result<u8, DigestError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(DigestError::Malformed),
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
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

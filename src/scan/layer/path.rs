//! Names of entries as paths from the root, and a small memory of all of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::Unscannable;

/// A path from the root without a leading slash; the root itself is empty.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) path: String,
    /// Whether it was written from the root, as some builders do and every client allows.
    pub(super) absolute: bool,
    /// Whether it was UTF-8: what is not is kept with replacement characters.
    pub(super) exact: bool,
}

/// The path of a name; one with `..` leads out of where it stands, and no builder writes it.
pub(super) fn normal(name: &[u8]) -> Result<Name, Unscannable> {
    let text = String::from_utf8_lossy(name);
    let wrong = |why| Unscannable::Path {
        path: text.chars().take(256).collect(),
        why,
    };
    if name.contains(&0) {
        return Err(wrong("holds a NUL"));
    }
    let mut path = String::with_capacity(text.len());
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(wrong("climbs out by `..`")),
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
            }
        }
    }
    Ok(Name {
        absolute: name.starts_with(b"/"),
        exact: str::from_utf8(name).is_ok(),
        path,
    })
}

/// Where a link at `path` leads, from the root; none if it climbs above it, where clients stop it at the root.
pub(crate) fn follow(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts.extend(path.split('/'));
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folders above a path, nearest first; not the root.
pub(crate) fn above(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        (rest, _) = rest.rsplit_once('/')?;
        Some(rest)
    })
}

/// Every path of a layer in 8 bytes: what a higher layer replaces is only known from all of its names.
///
/// 63 bits of SHA-256 and one for "not a directory". Among a million paths one pair in 2^24 images collides; someone
/// who makes a collision removes a package of an image that is theirs to build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths(Vec<u64>);

impl Paths {
    pub(super) fn add(&mut self, path: &str, directory: bool) {
        self.0.push(PathKey::of(path).0 | u64::from(!directory));
    }

    pub(super) fn seal(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Whether the layer has an entry of this path, of any type.
    pub fn contains(&self, path: PathKey) -> bool {
        self.has(path.0) || self.has(path.0 | 1)
    }

    /// Whether the layer has an entry of this path that is no directory: nothing of lower layers stays below it.
    pub fn covers(&self, path: PathKey) -> bool {
        self.has(path.0 | 1)
    }

    fn has(&self, short: u64) -> bool {
        self.0.binary_search(&short).is_ok()
    }
}

/// A path as [`Paths`] remember it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathKey(u64);

impl PathKey {
    /// The key of a path without a leading slash.
    pub fn of(path: &str) -> PathKey {
        let digest: [u8; 32] = Sha256::digest(path.as_bytes()).into();
        let first = digest.first_chunk::<8>().copied().unwrap_or_default();
        PathKey(u64::from_le_bytes(first) & !1)
    }
}

impl Serialize for Paths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|path| path.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Paths, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD
            .decode(text)
            .map_err(serde::de::Error::custom)?;
        let (chunks, rest) = bytes.as_chunks::<8>();
        let mut paths = Paths(
            chunks
                .iter()
                .map(|chunk| u64::from_le_bytes(*chunk))
                .collect(),
        );
        if !rest.is_empty() {
            return Err(serde::de::Error::custom("paths are 8 bytes each"));
        }
        paths.seal();
        Ok(paths)
    }
}

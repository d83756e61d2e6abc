//! Platforms of an index (OCI image-spec, image-index.md "platform").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest operating system, architecture or variant in bytes; real ones have about ten.
const MAX_WORD_BYTES: usize = 64;

/// Operating system, architecture and variant, in Go's words: `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Platform {
    /// `linux`, `windows`, … or `unknown` for an attestation manifest.
    #[serde(deserialize_with = "plain")]
    pub os: String,
    /// `amd64`, `arm64`, …
    #[serde(deserialize_with = "plain")]
    pub architecture: String,
    /// `v7`, `v8`, … where the architecture has variants.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "plain_or_none"
    )]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether this is BuildKit's platform of things that do not run: `unknown/unknown`.
    pub fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }

    /// Whether a client that looks for `wanted` may take an image that says `self`.
    ///
    /// Read as containerd reads it, aliases and capitals included (its `platforms` package,
    /// "Normalization"): an image that we called foreign and a client ran would go unjudged.
    /// A wanted platform without variant covers every variant, and an empty system every system.
    pub fn satisfies(&self, wanted: &Platform) -> bool {
        let (has, wanted) = (Normal::of(self), Normal::of(wanted));
        (has.os.is_empty() || has.os == wanted.os)
            && (has.architecture.is_empty() || has.architecture == wanted.architecture)
            && (wanted.variant.is_empty()
                || has.variant.is_empty()
                || has.variant == wanted.variant)
    }
}

/// A platform in one spelling.
struct Normal {
    os: String,
    architecture: String,
    variant: String,
}

impl Normal {
    fn of(platform: &Platform) -> Normal {
        let os = platform.os.to_ascii_lowercase();
        let architecture = platform.architecture.to_ascii_lowercase();
        let variant = platform.variant.as_deref().unwrap_or_default();
        let variant = variant.to_ascii_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64", other) => ("amd64", other),
            ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
            ("aarch64", other) => ("arm64", other),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "7") => ("arm", "v7"),
            ("arm", "8") => ("arm", "v8"),
            same => same,
        };
        Normal {
            os: if os == "macos" {
                "darwin".to_owned()
            } else {
                os
            },
            architecture: architecture.to_owned(),
            variant: variant.to_owned(),
        }
    }
}

/// A word that [`plain`] lets through, possibly empty.
#[derive(Deserialize)]
pub(super) struct Word(#[serde(deserialize_with = "plain")] pub(super) String);

/// These words are shown to people: no control characters, no essays.
fn plain<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() <= MAX_WORD_BYTES && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(serde::de::Error::custom("a malformed platform"))
    }
}

/// An empty variant is none.
fn plain_or_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let word = Option::<Word>::deserialize(deserializer)?;
    Ok(word.map(|Word(text)| text).filter(|text| !text.is_empty()))
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .iter()
            .try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let mut parts = text.split('/').map(str::to_owned);
        let (Some(os), Some(architecture), variant, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(PlatformError);
        };
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        if !word(&os) || !word(&architecture) || !variant.as_deref().is_none_or(word) {
            return Err(PlatformError);
        }
        Ok(Platform {
            os,
            architecture,
            variant,
        })
    }
}

/// The text is not `os/architecture` or `os/architecture/variant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformError;

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a platform is os/architecture or os/architecture/variant, as in linux/arm64/v8",
        )
    }
}

impl std::error::Error for PlatformError {}

#[cfg(test)]
mod tests;

//! Platforms of an index (OCI image-spec, image-index.md "platform").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Operating system, architecture and variant, in Go's words: `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Platform {
    /// `linux`, `windows`, … or `unknown` for an attestation manifest.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `v7`, `v8`, … where the architecture has variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether an image for `self` is what is meant by `wanted`.
    /// A wanted platform without variant covers every variant; `arm64` and `arm64/v8` are one.
    pub fn satisfies(&self, wanted: &Platform) -> bool {
        let variant = |platform: &Platform| match (
            platform.architecture.as_str(),
            platform.variant.as_deref(),
        ) {
            ("arm64", Some("v8")) => None,
            (_, variant) => variant.map(str::to_owned),
        };
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (variant(wanted).is_none() || variant(self) == variant(wanted))
    }
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

//! Image configuration (OCI image-spec config.md; Docker's image.v1 is the same JSON).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::descriptor::null_is_empty;
use super::platform::Word;
use super::{Platform, json};

/// Largest configuration in bytes; real ones have a few KiB, history of huge builds some 100 KiB.
pub const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// Every key that we read; the container's are written with capitals.
const KEYS: [&str; 15] = [
    "created",
    "architecture",
    "os",
    "variant",
    "config",
    "rootfs",
    "diff_ids",
    "User",
    "ExposedPorts",
    "Env",
    "Labels",
    "Healthcheck",
    "Test",
    "history",
    "created_by",
];

/// What an image says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// When it says it was built; absent or zero in reproducible builds.
    pub created: Option<Timestamp>,
    /// What it runs on.
    pub platform: Platform,
    /// How a container of it starts.
    pub container: ContainerConfig,
    /// Digests of the uncompressed layers, base first, as text: only a scanner compares them.
    pub diff_ids: Vec<String>,
    /// The instructions that built it, base first, as its builder words them; empty where they are not told.
    pub history: Vec<String>,
}

/// How a container starts by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// User (and group) name or number; empty is root.
    pub user: String,
    /// `8080/tcp`, …
    pub exposed_ports: BTreeSet<String>,
    /// `NAME=value` in order.
    pub env: Vec<String>,
    /// Free text by key.
    pub labels: BTreeMap<String, String>,
    /// Whether a health check is set and not `NONE`.
    pub healthcheck: bool,
}

#[derive(Deserialize)]
struct Raw {
    created: Option<String>,
    architecture: Option<Word>,
    os: Option<Word>,
    variant: Option<Word>,
    #[serde(default, deserialize_with = "null_is_empty")]
    config: RawContainer,
    #[serde(default, deserialize_with = "null_is_empty")]
    rootfs: RawRootfs,
    #[serde(default, deserialize_with = "null_is_empty")]
    history: Vec<RawStep>,
}

#[derive(Default, Deserialize)]
struct RawStep {
    #[serde(default, deserialize_with = "null_is_empty")]
    created_by: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    #[serde(default, deserialize_with = "null_is_empty")]
    user: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    exposed_ports: BTreeMap<String, IgnoredAny>,
    #[serde(default, deserialize_with = "null_is_empty")]
    env: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    healthcheck: RawHealthcheck,
}

/// `{"Test": ["NONE"]}` switches a check off, an empty list sets none (Docker image-spec v1.2).
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHealthcheck {
    #[serde(default, deserialize_with = "null_is_empty")]
    test: Vec<String>,
}

#[derive(Default, Deserialize)]
struct RawRootfs {
    #[serde(default, deserialize_with = "null_is_empty")]
    diff_ids: Vec<String>,
}

impl ImageConfig {
    /// Parses a configuration blob.
    ///
    /// # Errors
    /// [`ImageConfigError`]: too large, not JSON, ambiguous, or without `os` and `architecture`.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, ImageConfigError> {
        if bytes.len() as u64 > MAX_CONFIG_BYTES {
            return Err(ImageConfigError(format!(
                "larger than {MAX_CONFIG_BYTES} bytes"
            )));
        }
        let wrong = |e: serde_json::Error| ImageConfigError(e.to_string());
        json::check_unambiguous(bytes, &KEYS).map_err(wrong)?;
        let raw: Raw = serde_json::from_slice(bytes).map_err(wrong)?;
        let (Some(Word(os)), Some(Word(architecture))) = (raw.os, raw.architecture) else {
            return Err(ImageConfigError("os or architecture is missing".to_owned()));
        };
        let created = match raw.created.as_deref() {
            None | Some("") => None,
            Some(text) => Some(
                text.parse::<Timestamp>()
                    .map_err(|_| ImageConfigError(format!("created is {text:?}, not a time")))?,
            ),
        };
        let check = raw.config.healthcheck.test.first();
        Ok(ImageConfig {
            created: created.filter(|time| time.as_second() > 0),
            platform: Platform {
                os,
                architecture,
                variant: raw
                    .variant
                    .map(|word| word.0)
                    .filter(|text| !text.is_empty()),
            },
            container: ContainerConfig {
                user: raw.config.user,
                exposed_ports: raw.config.exposed_ports.into_keys().collect(),
                env: raw.config.env,
                labels: raw.config.labels,
                healthcheck: check.is_some_and(|kind| kind != "NONE"),
            },
            diff_ids: raw.rootfs.diff_ids,
            history: raw
                .history
                .into_iter()
                .map(|step| step.created_by)
                .collect(),
        })
    }
}

/// Why a blob is no image configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfigError(String);

impl fmt::Display for ImageConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the image configuration is malformed: {}", self.0)
    }
}

impl std::error::Error for ImageConfigError {}

#[cfg(test)]
mod tests;

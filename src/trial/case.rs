//! The shape of a case.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::oci::Reference;

use super::expect::Expected;
use super::scan::Scan;

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it is about, for people.
    pub name: Option<String>,
    /// What is pulled.
    #[serde(deserialize_with = "reference")]
    pub image: Reference,
    /// When.
    #[serde(default, deserialize_with = "maybe_time")]
    pub now: Option<Timestamp>,
    /// Whether it should be allowed or denied.
    verdict: Option<super::expect::Outcome>,
    /// What should be found, if that is told: all that denies, warns or is waived, and no more.
    findings: Option<Vec<String>>,
    /// Words that what a person reads should have.
    #[serde(default)]
    mentions: Vec<String>,
    /// Why nothing could be fetched, if so.
    pub(super) unfetched: Option<String>,
    /// Those of its index; none: it is a single image for linux/amd64.
    #[serde(default)]
    pub(super) platforms: Vec<String>,
    #[serde(default)]
    pub(super) config: Config,
    pub(super) signature: Option<Signatures>,
    #[serde(default)]
    pub(super) statement: Vec<Statement>,
    pub(super) scan: Option<Scan>,
    /// Why a layer of it was revoked, if it was.
    pub(super) revoked: Option<String>,
    /// When the image was signed that the tag led to before.
    #[serde(default, deserialize_with = "maybe_time")]
    pub(super) newest_signed: Option<Timestamp>,
    /// What was admitted before it.
    pub(super) before: Option<Before>,
    /// The same path in another registry that is known here.
    #[serde(default, deserialize_with = "maybe_reference")]
    pub(super) namesake: Option<Reference>,
    /// Whether nothing of its publisher was pulled here before.
    #[serde(default)]
    pub(super) new_publisher: bool,
    /// Whether it was admitted before, and since when it would be denied.
    #[serde(default)]
    pub(super) admitted: bool,
    #[serde(default, deserialize_with = "maybe_time")]
    pub(super) failing_since: Option<Timestamp>,
    /// Whether the name was pulled or approved here before.
    #[serde(default)]
    pub(super) met: bool,
}

/// The image that its tag led to before or, with a `tag`, one of another tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Before {
    pub(super) tag: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(super) at: Timestamp,
    #[serde(default)]
    pub(super) signers: Vec<String>,
    #[serde(default)]
    pub(super) changes: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) unavailable: Option<String>,
    #[serde(default)]
    pub(super) absent: bool,
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: Option<String>,
    #[serde(default)]
    pub(super) history: Vec<String>,
    #[serde(default)]
    pub(super) foreign: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signatures {
    pub(super) unavailable: Option<String>,
    pub(super) incomplete: Option<String>,
    #[serde(default)]
    pub(super) by: Vec<By>,
    #[serde(default)]
    pub(super) refused: Vec<RefusedCase>,
}

/// Somebody of the policy who signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) signer: String,
    pub(super) reference: Option<String>,
    #[serde(default, deserialize_with = "maybe_time")]
    pub(super) at: Option<Timestamp>,
}

/// A signature that does not count: why, and whose it is (issuer and subject).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedCase {
    pub(super) why: String,
    pub(super) identity: Option<[String; 2]>,
}

/// A signed statement; `predicate` is JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    pub(super) signers: Vec<String>,
    #[serde(rename = "type")]
    pub(super) predicate_type: String,
    pub(super) predicate: String,
    #[serde(default, deserialize_with = "maybe_time")]
    pub(super) at: Option<Timestamp>,
}

impl Case {
    /// What it expects; none where it expects nothing.
    ///
    /// # Errors
    /// A finding that there is not.
    pub fn expected(&self) -> Result<Option<Expected>, String> {
        let findings = self.findings.as_deref();
        Expected::read(self.verdict, findings, &self.mentions)
    }
}

fn reference<'de, D: Deserializer<'de>>(written: D) -> Result<Reference, D::Error> {
    let text = String::deserialize(written)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn maybe_reference<'de, D: Deserializer<'de>>(written: D) -> Result<Option<Reference>, D::Error> {
    reference(written).map(Some)
}

/// A time of TOML, or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Written(toml::value::Datetime),
}

pub(super) fn time<'de, D: Deserializer<'de>>(written: D) -> Result<Timestamp, D::Error> {
    let text = match Time::deserialize(written)? {
        Time::Text(text) => text,
        Time::Written(written) => match (written.time, written.offset) {
            (Some(_), Some(_)) => written.to_string(),
            (Some(_), None) => format!("{written}Z"),
            (None, _) => format!("{written}T00:00:00Z"),
        },
    };
    let wrong = |error| serde::de::Error::custom(format_args!("{text:?} is no time: {error}"));
    text.parse().map_err(wrong)
}

pub(super) fn maybe_time<'de, D: Deserializer<'de>>(
    written: D,
) -> Result<Option<Timestamp>, D::Error> {
    time(written).map(Some)
}

//! Descriptors (OCI image-spec, descriptor.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, Platform};

/// What some content is: its type, its digest and its size in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Type of the content that is pointed to.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Exact size in bytes; at most `i64::MAX`, beyond which clients read it as negative or not at all.
    #[serde(deserialize_with = "signed_size")]
    pub size: u64,
    /// Where else the content is said to be; containerd dials these before any registry.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_is_empty"
    )]
    pub urls: Vec<String>,
    /// Free text by key.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// What the image is for, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Type of the artifact that the manifest holds, in an index or a referrers list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// A descriptor of `content` with SHA-256.
    pub fn of(media_type: &str, content: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(content),
            size: content.len() as u64,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    /// Whether this entry of an index is BuildKit's attestation manifest: evidence, not a platform.
    ///
    /// The annotation alone does not tell: clients choose by platform, so an image that only
    /// calls itself an attestation would be run without having been judged.
    pub fn is_attestation(&self) -> bool {
        let nowhere = self.platform.as_ref().is_some_and(Platform::is_unknown);
        let kind = self.annotations.get("vnd.docker.reference.type");
        nowhere && kind.is_some_and(|kind| kind == "attestation-manifest")
    }
}

fn signed_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = i64::deserialize(deserializer)?;
    u64::try_from(size).map_err(|_| serde::de::Error::custom("a negative size"))
}

/// Some builders write `"annotations": null`.
pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rest: &str) -> Result<Descriptor, serde_json::Error> {
        let digest = Digest::of(b"x");
        serde_json::from_str(&format!(
            r#"{{"mediaType":"m/t","digest":"{digest}","size":1{rest}}}"#
        ))
    }

    #[test]
    fn nulls_are_empty() {
        let plain = parse("").unwrap();
        assert_eq!(plain, Descriptor::of("m/t", b"x"));
        assert_eq!(
            parse(r#","urls":null,"annotations":null,"platform":null"#).unwrap(),
            plain
        );
    }

    #[test]
    fn sizes_are_natural_and_fit_what_clients_use() {
        for (size, fits) in [
            ("0", true),
            ("9223372036854775807", true),
            ("9223372036854775808", false),
            ("18446744073709551616", false),
            ("-1", false),
            ("1.0", false),
            ("1e3", false),
            ("\"1\"", false),
            ("null", false),
        ] {
            let digest = Digest::of(b"");
            let text = format!(r#"{{"mediaType":"m","digest":"{digest}","size":{size}}}"#);
            assert_eq!(
                serde_json::from_str::<Descriptor>(&text).is_ok(),
                fits,
                "{size}"
            );
        }
    }

    #[test]
    fn only_an_unknown_platform_is_an_attestation() {
        let annotation = r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
        let on = |platform: &str| {
            let entry = parse(&format!("{annotation}{platform}")).unwrap();
            entry.is_attestation()
        };
        assert!(on(
            r#","platform":{"os":"unknown","architecture":"unknown"}"#
        ));
        assert!(!on(r#","platform":{"os":"linux","architecture":"amd64"}"#));
        assert!(!on(""));
        let plain = parse(r#","platform":{"os":"unknown","architecture":"unknown"}"#).unwrap();
        assert!(!plain.is_attestation());
    }
}

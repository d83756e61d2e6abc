//! The catalogue of publishers who sign: a readable file, checked when it is first used.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::identity::Subject;
use super::key::{Hash, PublicKey};
use super::root::PUBLIC_GOOD;
use super::signer::{Keyless, SignerKind};

/// One publisher of the catalogue.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// How policies name it.
    pub id: String,
    /// Which images it signs, as patterns of a policy.
    pub scope: Vec<String>,
    /// How it signs.
    pub kind: SignerKind,
    /// `publisher` where it says so itself, `third-party` where others do.
    pub grade: String,
    /// Where that is written.
    pub source: String,
    /// When it was read there.
    pub read: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    publisher: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    scope: Vec<String>,
    issuer: Option<String>,
    subject: Option<String>,
    key: Option<String>,
    tlog: Option<String>,
    grade: String,
    source: String,
    read: toml::value::Datetime,
}

/// All publishers, as in the file.
pub fn publishers() -> &'static [Publisher] {
    static ALL: LazyLock<Vec<Publisher>> = LazyLock::new(|| {
        parse(include_str!("data/publishers.toml")).unwrap_or_else(|error| {
            // A policy that names one is refused then; a test keeps this from happening.
            tracing::error!(error, "the catalogue of publishers is unusable");
            Vec::new()
        })
    });
    &ALL
}

fn parse(text: &str) -> Result<Vec<Publisher>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.publisher.into_iter().map(publisher).collect()
}

fn publisher(written: Written) -> Result<Publisher, String> {
    let kind = match (&written.key, &written.issuer, &written.subject) {
        (Some(key), None, None) => SignerKind::Key {
            keys: vec![PublicKey::from_base64(key)?],
            hash: Hash::Auto,
            log: (written.tlog.as_deref() != Some("off")).then(|| PUBLIC_GOOD.to_owned()),
        },
        (None, Some(issuer), Some(subject)) => SignerKind::Keyless(Keyless {
            root: PUBLIC_GOOD.to_owned(),
            issuer: issuer.clone(),
            subject: Subject::parse(subject)?,
            claims: BTreeMap::new(),
        }),
        _ => return Err(format!("{}: either a key or an identity", written.id)),
    };
    Ok(Publisher {
        id: written.id,
        scope: written.scope,
        kind,
        grade: written.grade,
        source: written.source,
        read: written.read.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_is_sound() {
        let all = parse(include_str!("data/publishers.toml")).unwrap();
        let ids: BTreeSet<&str> = all.iter().map(|known| known.id.as_str()).collect();
        assert_eq!(ids.len(), all.len(), "an id twice");
        assert!(ids.contains("kubernetes") && ids.contains("chainguard"));
        for known in &all {
            assert!(!known.scope.is_empty(), "{}", known.id);
            assert!(
                matches!(known.grade.as_str(), "publisher" | "third-party"),
                "{}",
                known.id
            );
            assert!(known.source.starts_with("https://"), "{}", known.id);
        }
    }
}

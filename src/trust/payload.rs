//! What a signature says: the simple-signing payload and the in-toto statement.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::oci::Digest;

/// Predicate type by which cosign marks a plain signature in a bundle.
pub(super) const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
/// Largest statement in bytes that is read: SBOMs of large images reach some ten MiB.
const MAX_STATEMENT_BYTES: usize = 32 * 1024 * 1024;
/// Largest simple-signing payload; real ones have 250 bytes.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024;
/// Most subjects of a statement.
const MAX_SUBJECTS: usize = 10_000;

/// Type of cosign's payloads.
pub(super) const COSIGN: &str = "cosign container image signature";
/// Type of OpenPGP's payloads.
#[cfg(feature = "pgp")]
pub(super) const ATOMIC: &str = "atomic container signature";

/// The simple-signing payload (containers/image, docs/containers-signature.5.md), as cosign writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SimplePayload {
    /// The manifest that is signed.
    pub(super) digest: Digest,
    /// The name that it was signed under, as written.
    pub(super) reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    critical: Critical,
    #[serde(rename = "optional")]
    _optional: Option<serde_json::Value>,
}

/// Whoever adds a member here means that a verifier that does not know it must refuse.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

impl SimplePayload {
    /// Reads a payload of the wanted type, strictly.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: &[u8], wanted: &str) -> Result<SimplePayload, String> {
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(format!(
                "the signed payload is larger than {MAX_PAYLOAD_BYTES} bytes"
            ));
        }
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| format!("the signed payload is malformed: {error}"))?;
        let kind = written.critical.kind;
        if kind != wanted {
            return Err(format!("the signed payload is a {kind:?}"));
        }
        Ok(SimplePayload {
            digest: written.critical.image.digest,
            reference: written.critical.identity.reference,
        })
    }
}

/// An in-toto statement (in-toto attestation framework, Statement v0.1 and v1).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Statement {
    /// What kind of claim it is.
    pub predicate_type: String,
    /// The claim.
    pub predicate: serde_json::Value,
    /// What it is about, as it stands there: a list.
    pub subject: serde_json::Value,
    subjects: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenStatement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<serde_json::Value>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: serde_json::Value,
}

#[derive(Deserialize)]
struct WrittenSubject {
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Statement, String> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            return Err(format!(
                "the statement is larger than {MAX_STATEMENT_BYTES} bytes"
            ));
        }
        let written: WrittenStatement = serde_json::from_slice(bytes)
            .map_err(|error| format!("the statement is malformed: {error}"))?;
        if !matches!(
            written.kind.as_str(),
            "https://in-toto.io/Statement/v1" | "https://in-toto.io/Statement/v0.1"
        ) {
            return Err(format!("the statement is a {:?}", written.kind));
        }
        if written.subject.len() > MAX_SUBJECTS {
            return Err(format!("more than {MAX_SUBJECTS} subjects"));
        }
        let mut subjects = Vec::with_capacity(written.subject.len());
        for subject in &written.subject {
            let subject = WrittenSubject::deserialize(subject)
                .map_err(|error| format!("a subject of the statement is malformed: {error}"))?;
            let digests = subject.digest.into_iter();
            subjects.extend(digests.map(|(algorithm, hex)| format!("{algorithm}:{hex}")));
        }
        Ok(Statement {
            predicate_type: written.predicate_type,
            predicate: written.predicate,
            subject: serde_json::Value::Array(written.subject),
            subjects,
        })
    }

    /// Whether it is about this manifest.
    pub fn is_about(&self, digest: &Digest) -> bool {
        let wanted = digest.to_string();
        self.subjects.contains(&wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(digest: &Digest, extra: &str, kind: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"ghcr.io/acme/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"{extra}}},"optional":null}}"#
        )
    }

    #[test]
    fn payloads_are_read_strictly() {
        let digest = Digest::of(b"an image");
        let good = payload(&digest, "", "cosign container image signature");
        let read = SimplePayload::parse(good.as_bytes(), COSIGN).unwrap();
        assert_eq!(
            (read.digest, read.reference.as_str()),
            (digest, "ghcr.io/acme/app")
        );
        for bad in [
            payload(&digest, "", "atomic container signature"),
            payload(
                &digest,
                r#","expires":1"#,
                "cosign container image signature",
            ),
            payload(
                &digest,
                r#","type":"x""#,
                "cosign container image signature",
            ),
            good.replace("sha256:", "sha256:0"),
            good.replace(r#""optional""#, r#""critical":{},"optional""#),
            String::new(),
            "[]".to_owned(),
        ] {
            assert!(
                SimplePayload::parse(bad.as_bytes(), COSIGN).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn statements_are_about_their_sha256_or_sha512_subjects_only() {
        let digest = Digest::of(b"an image");
        let hex = digest.hex();
        let about = |subject: &str| {
            let text = format!(
                r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subject}],"predicateType":"x","predicate":{{}}}}"#
            );
            Statement::parse(text.as_bytes()).is_ok_and(|statement| statement.is_about(&digest))
        };
        assert!(about(&format!(r#"{{"digest":{{"sha256":"{hex}"}}}}"#)));
        assert!(about(&format!(
            r#"{{"digest":{{"sha256":"00"}}}},{{"name":"b","digest":{{"sha256":"{hex}"}}}}"#
        )));
        for no in [
            String::new(),
            "null".to_owned(),
            r#"{"digest":null}"#.to_owned(),
            r#"{"digest":{}}"#.to_owned(),
            format!(r#"{{"digest":{{"gitCommit":"{hex}"}}}}"#),
            format!(r#"{{"name":"{digest}","digest":{{"sha256":"00"}}}}"#),
            format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, hex.to_uppercase()),
        ] {
            assert!(!about(&no), "{no}");
        }
    }
}

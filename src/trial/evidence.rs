//! From a case to what the judge takes.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::evidence::NameCollector;
use crate::names::Corpus;
use crate::oci::{Digest, ImageConfig, Manifest, Platform, media_type};
use crate::policy::{
    Admitted, AttestationEvidence, ConfigEvidence, Evidence, Gathered, JudgedImage, NameEvidence,
    Policy, Predecessor, Refused, Revocation, Revoked, ScanEvidence, ScannedImage, SeenIdentity,
    SignatureEvidence, SignedTag, Standing, Subject, ValidSignature, ValidStatement, Verdict,
};
use crate::trust::Authority;

use super::case::Case;
use super::scan::{HarmlessCase, OpinionCase, Scan};

static NAMES: LazyLock<NameCollector> = LazyLock::new(|| NameCollector::new(Corpus::embedded()));

/// For which an image is that tells nothing else.
const USUAL: &str = "linux/amd64";
/// When an image was built that tells nothing else.
const BUILT: &str = "2026-01-01T00:00:00Z";

fn platform(text: &str) -> Result<Platform, String> {
    text.parse()
        .map_err(|error| format!("{text:?} is no platform: {error}"))
}

impl Case {
    /// What a policy says of it.
    ///
    /// # Errors
    /// What is wrong with the case, in a sentence.
    pub fn judge(&self, policy: &Policy) -> Result<Verdict, String> {
        match &self.unfetched {
            Some(why) => Ok(policy.unjudged(&self.image, why.clone())),
            None => Ok(policy.judge(&self.subject()?, &self.evidence(policy)?, self.time()?)),
        }
    }

    /// When it is judged.
    ///
    /// # Errors
    /// It does not say.
    pub fn time(&self) -> Result<Timestamp, String> {
        self.now.ok_or_else(|| {
            "it does not say when: add now = 2026-06-01T12:00:00Z, to the case or to the file"
                .to_owned()
        })
    }

    /// What is judged.
    ///
    /// # Errors
    /// A platform that is none.
    pub fn subject(&self) -> Result<Subject, String> {
        let manifest = if self.platforms.is_empty() {
            json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
                "config": { "mediaType": media_type::OCI_CONFIG, "digest": Digest::of(b"{}"), "size": 2 },
                "layers": [],
            })
        } else {
            let child = |text: &String| {
                let platform = platform(text)?;
                Ok(json!({
                    "mediaType": media_type::OCI_MANIFEST, "digest": Digest::of(text.as_bytes()), "size": 2,
                    "platform": platform,
                }))
            };
            let children = self.platforms.iter().map(child);
            let children = children.collect::<Result<Vec<Value>, String>>()?;
            json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children })
        };
        let bytes = manifest.to_string().into_bytes();
        Ok(Subject {
            reference: self.image.clone(),
            digest: Digest::of(&bytes),
            manifest: Manifest::parse(&bytes, None).map_err(|error| error.to_string())?,
        })
    }

    /// What is known of it.
    ///
    /// # Errors
    /// What is wrong with the case, in a sentence.
    pub fn evidence(&self, policy: &Policy) -> Result<Evidence, String> {
        Ok(Evidence {
            revoked: self.revocations()?,
            admitted: self.admitted.then_some(Admitted {
                failing_since: self.failing_since,
            }),
            newest_signed: self.newest_signed.map(|at| SignedTag {
                digest: Digest::of(b"newer"),
                at,
            }),
            predecessor: self.predecessor(),
            name: self.name_evidence(policy),
            config: self.configs(policy)?,
            signature: self.signatures(),
            attestation: self.attestations()?,
            scan: self.scanned()?,
        })
    }

    fn name_evidence(&self, policy: &Policy) -> Gathered<NameEvidence> {
        let mut name = NAMES.collect(&self.image, policy.names());
        if let Gathered::Found(found) = &mut name {
            let namesake = self.namesake.as_ref();
            found.namesake = namesake.map(|other| other.repository().clone());
            found.new_publisher = self.new_publisher;
        }
        if let Gathered::Found(found) = &mut name
            && self.met
            && found.standing == Standing::New
        {
            found.standing = Standing::Met;
        }
        name
    }

    fn predecessor(&self) -> Option<Predecessor> {
        let before = self.before.as_ref()?;
        let own = self.image.tag().map(ToString::to_string);
        Some(Predecessor {
            same_tag: before.tag.is_none(),
            tag: before.tag.clone().or(own).unwrap_or_default(),
            digest: Digest::of(b"before"),
            at: before.at,
            signers: before.signers.clone(),
            changes: before.changes.clone(),
        })
    }

    fn revocations(&self) -> Result<Vec<Revocation>, String> {
        let Some(why) = &self.revoked else {
            return Ok(Vec::new());
        };
        Ok(vec![Revocation {
            id: "01JD0000000000000000000000".to_owned(),
            what: Revoked::Digest(Digest::of(b"a layer")),
            reason: why.clone(),
            by: "alice".to_owned(),
            at: self.time()?,
        }])
    }

    fn all_platforms(&self) -> Result<Vec<(String, Platform)>, String> {
        let usual = [USUAL.to_owned()];
        let all = match self.platforms.as_slice() {
            [] => usual.iter(),
            written => written.iter(),
        };
        all.map(|text| Ok((text.clone(), platform(text)?)))
            .collect()
    }

    fn scanned(&self) -> Result<Gathered<ScanEvidence>, String> {
        let clean = Scan::default();
        let written = self.scan.as_ref().unwrap_or(&clean);
        if let Some(why) = &written.unavailable {
            return Ok(Gathered::unavailable(why));
        }
        if written.absent {
            return Ok(Gathered::Absent);
        }
        let contents = match &written.unscannable {
            Some(why) => Err(why.clone()),
            None => Ok(written.contents()?),
        };
        let images = self.all_platforms()?.into_iter().map(|(_, platform)| {
            let opinions = written.opinion.iter().map(OpinionCase::opinion);
            ScannedImage {
                platform,
                contents: contents.clone(),
                opinions: opinions.collect(),
            }
        });
        let harmless = written.harmless.iter().map(HarmlessCase::exoneration);
        Ok(Gathered::Found(ScanEvidence {
            images: images.collect(),
            exonerations: harmless.collect(),
        }))
    }

    fn configs(&self, policy: &Policy) -> Result<Gathered<ConfigEvidence>, String> {
        if let Some(why) = &self.config.unavailable {
            return Ok(Gathered::unavailable(why));
        }
        if self.config.absent {
            return Ok(Gathered::Absent);
        }
        let judged = |has: &Platform| {
            let mut wanted = policy.platforms().iter();
            self.platforms.is_empty() || wanted.any(|wanted| has.satisfies(wanted))
        };
        let all = self.all_platforms()?.into_iter();
        let images = all
            .filter(|(_, platform)| judged(platform))
            .map(|(text, platform)| self.judged_image(&text, platform))
            .collect::<Result<_, String>>()?;
        Ok(Gathered::Found(ConfigEvidence { images }))
    }

    fn judged_image(&self, text: &str, platform: Platform) -> Result<JudgedImage, String> {
        let written = &self.config;
        let ports = written.ports.iter().map(|port| (port.clone(), json!({})));
        let history = written.history.iter();
        let history = history.map(|step| json!({ "created_by": step }));
        let config = json!({
            "os": platform.os, "architecture": platform.architecture,
            "created": written.created.as_deref().unwrap_or(BUILT),
            "config": {
                "User": written.user.as_deref().unwrap_or("1000"),
                "ExposedPorts": ports.collect::<Map<_, _>>(),
                "Env": written.env, "Labels": written.labels,
            },
            "history": history.collect::<Vec<_>>(),
        });
        let config = ImageConfig::parse(config.to_string().as_bytes());
        let foreign = written.foreign.then(|| Digest::of(b"foreign"));
        Ok(JudgedImage {
            manifest: Digest::of(text.as_bytes()),
            platform,
            config: config.map_err(|error| error.to_string())?,
            foreign_layers: foreign.into_iter().collect(),
        })
    }

    fn signatures(&self) -> Gathered<SignatureEvidence> {
        let Some(written) = &self.signature else {
            return Gathered::Absent;
        };
        if let Some(why) = &written.unavailable {
            return Gathered::unavailable(why);
        }
        let found = |at: usize| format!("referrer {at}");
        let signatures = written.by.iter().enumerate();
        let signatures = signatures.map(|(at, by)| ValidSignature {
            signer: by.signer.clone(),
            reference: by.reference.clone(),
            at: by.at,
            found: found(at),
            authority: Authority::default(),
        });
        let refused = written.refused.iter().enumerate();
        let refused = refused.map(|(at, refused)| Refused {
            found: found(at),
            why: refused.why.clone(),
            identity: refused
                .identity
                .clone()
                .map(|[issuer, subject]| SeenIdentity { issuer, subject }),
        });
        Gathered::Found(SignatureEvidence {
            signatures: signatures.collect(),
            refused: refused.collect(),
            incomplete: written.incomplete.clone(),
        })
    }

    fn attestations(&self) -> Result<Gathered<AttestationEvidence>, String> {
        // They lie in the same places.
        let written = self.signature.as_ref();
        if let Some(why) = written.and_then(|written| written.unavailable.as_ref()) {
            return Ok(Gathered::unavailable(why));
        }
        if self.statement.is_empty() {
            return Ok(Gathered::Absent);
        }
        let statements = self.statement.iter().map(|written| {
            let predicate = serde_json::from_str::<Value>(&written.predicate);
            let predicate = predicate.map_err(|error| format!("predicate: {error}"))?;
            Ok(ValidStatement {
                signers: written.signers.clone(),
                predicate_type: written.predicate_type.clone(),
                predicate: Arc::new(predicate),
                subject: Arc::default(),
                at: written.at,
                reference: None,
                found: "referrer".to_owned(),
                authority: Authority::default(),
            })
        });
        Ok(Gathered::Found(AttestationEvidence {
            statements: statements.collect::<Result<_, String>>()?,
            ..AttestationEvidence::default()
        }))
    }
}

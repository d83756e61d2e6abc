//! Evidence from a few lines of TOML: what is not written is as a harmless image would have it.

use std::sync::LazyLock;

use lazaret::evidence::NameCollector;
use lazaret::names::Corpus;
use lazaret::oci::{Digest, ImageConfig, Manifest, Reference, media_type};
use lazaret::policy::{
    Admitted, AttestationEvidence, ConfigEvidence, Contents, Evidence, Exoneration, Gathered,
    Hygiene, JudgedImage, LeftSecret, Opinion, Policy, RaisingProgram, Refused, Revocation,
    Revoked, Said, ScanEvidence, ScannedImage, SeenIdentity, Severity, SignatureEvidence,
    SignedTag, Subject, Uncovered, ValidSignature, ValidStatement, Viruses, Vulnerability,
};
use lazaret::trust::Authority;
use serde::Deserialize;

static NAMES: LazyLock<NameCollector> = LazyLock::new(|| NameCollector::new(Corpus::embedded()));

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(deserialize_with = "reference")]
    pub(crate) image: Reference,
    pub(crate) now: jiff::Timestamp,
    /// Why nothing could be fetched, if so.
    pub(crate) unfetched: Option<String>,
    #[serde(default)]
    platforms: Vec<String>,
    #[serde(default)]
    config: Config,
    signature: Option<Signatures>,
    #[serde(default)]
    statement: Vec<Statement>,
    scan: Option<Scan>,
    /// Why a layer of it was revoked, if it was.
    revoked: Option<String>,
    /// When the image was signed that the tag led to before.
    newest_signed: Option<jiff::Timestamp>,
    /// Whether it was admitted before, and since when it would be denied.
    #[serde(default)]
    admitted: bool,
    failing_since: Option<jiff::Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    unavailable: Option<String>,
    #[serde(default)]
    absent: bool,
    user: Option<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    env: Vec<String>,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
    created: Option<String>,
    #[serde(default)]
    history: Vec<String>,
    #[serde(default)]
    foreign: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signatures {
    unavailable: Option<String>,
    incomplete: Option<String>,
    #[serde(default)]
    by: Vec<By>,
    #[serde(default)]
    refused: Vec<RefusedCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct By {
    signer: String,
    reference: Option<String>,
    at: Option<jiff::Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusedCase {
    why: String,
    identity: Option<[String; 2]>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    unavailable: Option<String>,
    #[serde(default)]
    absent: bool,
    unscannable: Option<String>,
    #[serde(default)]
    unidentified: bool,
    #[serde(default)]
    uncovered: Vec<UncoveredCase>,
    #[serde(default)]
    fetched: std::collections::BTreeMap<String, jiff::Timestamp>,
    #[serde(default)]
    found: Vec<FoundCase>,
    #[serde(default)]
    care: CareCase,
    #[serde(default)]
    opinion: Vec<OpinionCase>,
    #[serde(default)]
    harmless: Vec<HarmlessCase>,
}

/// What an image shows of its author's care: `path` alone, or `path=what`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CareCase {
    secrets: Vec<String>,
    buried: Vec<String>,
    setuid: Vec<String>,
    packaged_setuid: Vec<String>,
    world_writable: Vec<String>,
    empty_passwords: Vec<String>,
    second_roots: Vec<String>,
    packed: Vec<String>,
    programs: Vec<String>,
    undigested: u64,
    untold: u64,
    end_of_life: Option<(String, jiff::Timestamp)>,
    infected: Option<Vec<String>>,
    unscanned: Vec<String>,
}

impl CareCase {
    fn hygiene(&self) -> Hygiene {
        let pair = |line: &String| {
            let (path, what) = line.split_once('=').unwrap();
            (path.to_owned(), what.to_owned())
        };
        let secret = |buried| {
            move |path: &String| LeftSecret {
                path: path.clone(),
                rule: "private-key".to_owned(),
                line: 1,
                buried,
            }
        };
        let raising = |packaged| {
            move |path: &String| RaisingProgram {
                path: path.clone(),
                user: true,
                packaged,
            }
        };
        let (left, buried) = (self.secrets.iter(), self.buried.iter());
        let (own, packaged) = (self.setuid.iter(), self.packaged_setuid.iter());
        Hygiene {
            secrets: left
                .map(secret(false))
                .chain(buried.map(secret(true)))
                .collect(),
            setuid: own
                .map(raising(false))
                .chain(packaged.map(raising(true)))
                .collect(),
            world_writable: self.world_writable.clone(),
            empty_passwords: self.empty_passwords.iter().map(pair).collect(),
            second_roots: self.second_roots.iter().map(pair).collect(),
            packed: self.packed.clone(),
            digests: self
                .programs
                .iter()
                .map(|path| (path.clone(), Digest::of(path.as_bytes())))
                .collect(),
            undigested: self.undigested,
            untold: self.untold,
            end_of_life: self.end_of_life.clone(),
            viruses: self.infected.as_ref().map(|infected| Viruses {
                infected: infected.iter().map(pair).collect(),
                unscanned: self.unscanned.iter().map(pair).collect(),
                scanner: "ClamAV 1.4.3".to_owned(),
            }),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UncoveredCase {
    ecosystem: String,
    packages: usize,
    why: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundCase {
    ids: Vec<String>,
    severity: String,
    packages: Vec<[String; 2]>,
    path: String,
    fixed: Option<String>,
    #[serde(default)]
    malicious: bool,
    #[serde(default)]
    exploited: bool,
    epss: Option<u16>,
    published: Option<jiff::Timestamp>,
    #[serde(default)]
    unsure: bool,
    #[serde(default)]
    purls: Vec<String>,
}

/// What another scanner says, or why it says nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpinionCase {
    scanner: String,
    silent: Option<String>,
    data: Option<jiff::Timestamp>,
    refuses: Option<String>,
    #[serde(default)]
    found: Vec<FoundCase>,
}

/// What somebody says that does no harm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HarmlessCase {
    ids: Vec<String>,
    #[serde(default)]
    purls: Vec<String>,
    why: String,
    by: String,
}

fn severity(word: &str) -> Severity {
    match word {
        "low" => Severity::Low,
        "medium" => Severity::Medium,
        "high" => Severity::High,
        "critical" => Severity::Critical,
        _ => Severity::Unknown,
    }
}

impl OpinionCase {
    fn opinion(&self) -> Opinion {
        let said = || Said {
            version: "1".to_owned(),
            data: self.data,
            until: None,
            refuses: self.refuses.clone(),
            vulnerabilities: self.found.iter().map(found).collect(),
        };
        Opinion {
            scanner: self.scanner.clone(),
            said: self.silent.clone().map_or_else(|| Ok(said()), Err),
        }
    }
}

fn found(one: &FoundCase) -> Vulnerability {
    Vulnerability {
        ids: one.ids.clone(),
        severity: severity(&one.severity),
        packages: one
            .packages
            .iter()
            .map(|[name, version]| (name.clone(), version.clone()))
            .collect(),
        purls: one.purls.clone(),
        path: one.path.clone(),
        fixed: one.fixed.clone(),
        summary: String::new(),
        malicious: one.malicious,
        exploited: one.exploited,
        epss: one.epss,
        published: one.published,
        unsure: one.unsure,
        by: Vec::new(),
    }
}

impl Scan {
    fn contents(&self) -> Contents {
        let uncovered = self.uncovered.iter().map(|one| Uncovered {
            ecosystem: one.ecosystem.clone(),
            packages: one.packages,
            why: one.why.clone(),
        });
        Contents {
            packages: 7,
            unidentified: self.unidentified,
            vulnerabilities: self.found.iter().map(found).collect(),
            uncovered: uncovered.collect(),
            asked: self
                .fetched
                .iter()
                .map(|(name, at)| lazaret::policy::AskedAdvisories {
                    ecosystem: name.clone(),
                    fetched: *at,
                    newest: *at,
                    digest: lazaret::oci::Digest::of(name.as_bytes()),
                })
                .collect(),
            scored: self.found.iter().any(|one| one.epss.is_some()),
            hygiene: self.care.hygiene(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    signers: Vec<String>,
    #[serde(rename = "type")]
    predicate_type: String,
    predicate: String,
    at: Option<jiff::Timestamp>,
}

fn reference<'de, D: serde::Deserializer<'de>>(written: D) -> Result<Reference, D::Error> {
    String::deserialize(written)?
        .parse()
        .map_err(serde::de::Error::custom)
}

impl Case {
    pub(crate) fn subject(&self) -> Subject {
        let manifest = if self.platforms.is_empty() {
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":2}},"layers":[]}}"#,
                media_type::OCI_MANIFEST,
                media_type::OCI_CONFIG,
                Digest::of(b"{}")
            )
        } else {
            let child = |platform: &String| {
                let (os, architecture) = platform.split_once('/').unwrap();
                format!(
                    r#"{{"mediaType":"{}","digest":"{}","size":2,"platform":{{"os":"{os}","architecture":"{architecture}"}}}}"#,
                    media_type::OCI_MANIFEST,
                    Digest::of(platform.as_bytes())
                )
            };
            let children: Vec<String> = self.platforms.iter().map(child).collect();
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
                media_type::OCI_INDEX,
                children.join(",")
            )
        };
        Subject {
            reference: self.image.clone(),
            digest: Digest::of(manifest.as_bytes()),
            manifest: Manifest::parse(manifest.as_bytes(), None).unwrap(),
        }
    }

    pub(crate) fn evidence(&self, policy: &Policy) -> Evidence {
        Evidence {
            revoked: self.revoked(),
            admitted: self.admitted.then_some(Admitted {
                failing_since: self.failing_since,
            }),
            newest_signed: self.newest_signed.map(|at| SignedTag {
                digest: Digest::of(b"newer"),
                at,
            }),
            name: NAMES.collect(&self.image, policy.names()),
            config: self.configs(policy),
            signature: self.signatures(),
            attestation: self.attestations(),
            scan: self.scanned(),
        }
    }

    fn revoked(&self) -> Vec<Revocation> {
        let revoked = self.revoked.iter();
        let revoked = revoked.map(|why| Revocation {
            id: "01JD0000000000000000000000".to_owned(),
            what: Revoked::Digest(Digest::of(b"a layer")),
            reason: why.clone(),
            by: "alice".to_owned(),
            at: self.now,
        });
        revoked.collect()
    }

    fn scanned(&self) -> Gathered<ScanEvidence> {
        let Some(written) = &self.scan else {
            return Gathered::unavailable("the registry did not answer in time");
        };
        if let Some(why) = &written.unavailable {
            return Gathered::unavailable(why);
        }
        if written.absent {
            return Gathered::Absent;
        }
        let contents = match &written.unscannable {
            Some(why) => Err(why.clone()),
            None => Ok(written.contents()),
        };
        let platforms = if self.platforms.is_empty() {
            vec!["linux/amd64".to_owned()]
        } else {
            self.platforms.clone()
        };
        let images = platforms.iter().map(|platform| ScannedImage {
            platform: platform.parse().unwrap(),
            contents: contents.clone(),
            opinions: written.opinion.iter().map(OpinionCase::opinion).collect(),
        });
        let harmless = written.harmless.iter().map(|one| Exoneration {
            ids: one.ids.clone(),
            purls: one.purls.clone(),
            why: one.why.clone(),
            by: one.by.clone(),
        });
        Gathered::Found(ScanEvidence {
            images: images.collect(),
            exonerations: harmless.collect(),
        })
    }

    fn configs(&self, policy: &Policy) -> Gathered<ConfigEvidence> {
        let written = &self.config;
        if let Some(why) = &written.unavailable {
            return Gathered::unavailable(why);
        }
        if written.absent {
            return Gathered::Absent;
        }
        let platforms: Vec<&str> = if self.platforms.is_empty() {
            vec!["linux/amd64"]
        } else {
            let judged = |platform: &&String| {
                let platform: lazaret::oci::Platform = platform.parse().unwrap();
                policy
                    .platforms()
                    .iter()
                    .any(|wanted| platform.satisfies(wanted))
            };
            self.platforms
                .iter()
                .filter(judged)
                .map(String::as_str)
                .collect()
        };
        let images = platforms.into_iter().map(|platform| self.image(platform));
        Gathered::Found(ConfigEvidence {
            images: images.collect(),
        })
    }

    fn image(&self, platform: &str) -> JudgedImage {
        let written = &self.config;
        let (os, architecture) = platform.split_once('/').unwrap();
        let config = serde_json::json!({
            "os": os, "architecture": architecture,
            "created": written.created.as_deref().unwrap_or("2026-01-01T00:00:00Z"),
            "config": {
                "User": written.user.as_deref().unwrap_or("1000"),
                "ExposedPorts": written.ports.iter().map(|port| (port.clone(), serde_json::json!({}))).collect::<serde_json::Map<_, _>>(),
                "Env": written.env, "Labels": written.labels,
            },
            "history": written.history.iter().map(|step| serde_json::json!({ "created_by": step })).collect::<Vec<_>>(),
        });
        JudgedImage {
            manifest: Digest::of(platform.as_bytes()),
            platform: platform.parse().unwrap(),
            config: ImageConfig::parse(config.to_string().as_bytes()).unwrap(),
            foreign_layers: written
                .foreign
                .then(|| Digest::of(b"foreign"))
                .into_iter()
                .collect(),
        }
    }

    fn signatures(&self) -> Gathered<SignatureEvidence> {
        let Some(written) = &self.signature else {
            return Gathered::Absent;
        };
        if let Some(why) = &written.unavailable {
            return Gathered::unavailable(why);
        }
        let found = |at: usize| format!("referrer {at}");
        Gathered::Found(SignatureEvidence {
            signatures: written
                .by
                .iter()
                .enumerate()
                .map(|(at, by)| ValidSignature {
                    signer: by.signer.clone(),
                    reference: by.reference.clone(),
                    at: by.at,
                    found: found(at),
                    authority: Authority::default(),
                })
                .collect(),
            refused: written
                .refused
                .iter()
                .enumerate()
                .map(|(at, refused)| Refused {
                    found: found(at),
                    why: refused.why.clone(),
                    identity: refused
                        .identity
                        .clone()
                        .map(|[issuer, subject]| SeenIdentity { issuer, subject }),
                })
                .collect(),
            incomplete: written.incomplete.clone(),
        })
    }

    fn attestations(&self) -> Gathered<AttestationEvidence> {
        // They lie in the same places.
        let why = self
            .signature
            .as_ref()
            .and_then(|written| written.unavailable.as_ref());
        if let Some(why) = why {
            return Gathered::unavailable(why);
        }
        if self.statement.is_empty() {
            return Gathered::Absent;
        }
        let statements = self.statement.iter().map(|written| ValidStatement {
            signers: written.signers.clone(),
            predicate_type: written.predicate_type.clone(),
            predicate: std::sync::Arc::new(serde_json::from_str(&written.predicate).unwrap()),
            subject: std::sync::Arc::default(),
            at: written.at,
            reference: None,
            found: "referrer".to_owned(),
            authority: Authority::default(),
        });
        Gathered::Found(AttestationEvidence {
            statements: statements.collect(),
            ..AttestationEvidence::default()
        })
    }
}

//! Where signatures over an image may lie, and what lies there.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::oci::{Descriptor, Digest, ImageManifest, Manifest, Repository, Tag, Target};
use crate::policy::Refused;
use crate::trust::{COSE, JWS, MAX_MATERIAL_BYTES, Material, NOTATION_ARTIFACT};
use crate::upstream::Kind;

use super::dossier::material;
use super::{Content, ContentError, buildkit, openpgp};

/// Most artifacts beside one image that are looked at; popular images have some ten.
const MAX_ARTIFACTS: usize = 50;
/// Most layers of them all together: each of cosign's layers is one signature.
const MAX_CANDIDATES: usize = 200;
/// Most bytes of them all together.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// What is looked for.
pub(super) struct Sought<'a> {
    /// The repository of the image.
    pub(super) home: &'a Repository,
    /// Where to look.
    pub(super) places: &'a [Repository],
    /// Whose signatures.
    pub(super) digest: Digest,
    /// Whether statements are wanted, which lie under a tag of their own.
    pub(super) attestations: bool,
    /// Where OpenPGP signatures may lie.
    pub(super) shelves: openpgp::Shelves,
}

/// Signature material, not examined yet.
#[derive(Deserialize, Serialize)]
pub(super) struct Candidate {
    /// For people: `referrer sha256:…`, `tag sha256-….sig`.
    pub(super) found: String,
    #[serde(with = "material")]
    pub(super) material: Material,
}

/// A manifest of BuildKit's that refers to the image and holds statements, unsigned.
pub(super) struct Attached {
    pub(super) repository: Repository,
    pub(super) digest: Digest,
    pub(super) image: ImageManifest,
    pub(super) bytes: Bytes,
}

/// All that lies beside an image.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Discovery {
    pub(super) candidates: Vec<Candidate>,
    /// Read for statements before anything is examined, and then of no use.
    #[serde(skip)]
    pub(super) attached: Vec<Attached>,
    pub(super) refused: Vec<Refused>,
    /// Where nothing could be learnt: there may be more.
    pub(super) incomplete: Option<String>,
}

/// A layer that holds material.
struct Layer {
    repository: Repository,
    found: String,
    descriptor: Descriptor,
}

/// What one place told.
#[derive(Default)]
struct Looked {
    layers: Vec<Layer>,
    discovery: Discovery,
}

/// Looks at the referrers (API and fallback tag) and at cosign's tags, in each place.
pub(super) async fn discover(content: &Arc<Content>, sought: &Sought<'_>) -> Discovery {
    let mut discovery = Discovery::default();
    let mut layers = Vec::new();
    let stem = sought.digest.to_string().replacen(':', "-", 1);
    // All at once: each question is a journey to the registry, and a pull waits for them.
    for place in sought.places {
        let tag = |suffix| format!("{stem}{suffix}");
        let (signatures, attestations) = (tag(".sig"), tag(".att"));
        let statements = async {
            match sought.attestations {
                true => tagged(content, sought, place, &attestations).await,
                false => Looked::default(),
            }
        };
        let looked = tokio::join!(
            referrers(content, sought, place),
            tagged(content, sought, place, &signatures),
            statements
        );
        for part in [looked.0, looked.1, looked.2] {
            layers.extend(part.layers);
            discovery.absorb(part.discovery);
        }
    }
    fetch(content, layers, &mut discovery).await;
    openpgp::discover(content, sought, &mut discovery).await;
    discovery
}

impl Sought<'_> {
    /// What a person reads of where something lies.
    pub(super) fn name(&self, place: &Repository, what: impl std::fmt::Display) -> String {
        if place == self.home {
            what.to_string()
        } else {
            format!("{what} in {place}")
        }
    }
}

impl Discovery {
    /// How large it is, about.
    pub(super) fn bytes(&self) -> usize {
        let candidates = self.candidates.iter();
        candidates.map(|one| material::size(&one.material)).sum()
    }

    fn absorb(&mut self, other: Discovery) {
        self.candidates.extend(other.candidates);
        self.attached.extend(other.attached);
        self.refused.extend(other.refused);
        self.incomplete = self.incomplete.take().or(other.incomplete);
    }

    pub(super) fn lacks(&mut self, place: &str, why: impl std::fmt::Display) {
        self.incomplete
            .get_or_insert_with(|| format!("{place}: {why}"));
    }

    fn refuse(&mut self, found: String, why: impl Into<String>) {
        self.refused.push(Refused {
            found,
            why: why.into(),
            identity: None,
        });
    }
}

async fn referrers(content: &Arc<Content>, sought: &Sought<'_>, place: &Repository) -> Looked {
    let name = sought.name(place, "referrers");
    let mut looked = Looked::default();
    let Looked { layers, discovery } = &mut looked;
    let listed = match content.upstream(place) {
        Ok(upstream) => {
            let listed = upstream.referrers(place, &sought.digest).await;
            listed.map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    let listed = match listed {
        Ok(listed) => listed,
        Err(why) => {
            discovery.lacks(&name, why);
            return looked;
        }
    };
    if listed.len() > MAX_ARTIFACTS {
        let why = format!(
            "{} artifacts, of which {MAX_ARTIFACTS} are looked at",
            listed.len()
        );
        discovery.lacks(&name, why);
    }
    // The list's words on what an artifact is are not to be relied on: cosign's own fallback index gets them wrong.
    let mut reading = JoinSet::new();
    for (at, entry) in listed.into_iter().take(MAX_ARTIFACTS).enumerate() {
        let (content, place) = (content.clone(), place.clone());
        reading.spawn(async move {
            let manifest = content.manifest(&place, &entry.digest).await;
            (at, entry.digest, manifest)
        });
    }
    let mut read = reading.join_all().await;
    read.sort_by_key(|(at, ..)| *at);
    for (_, artifact, manifest) in read {
        let found = sought.name(place, format_args!("referrer {artifact}"));
        match manifest {
            Ok((bytes, Manifest::Image(image))) => {
                let about = image.subject.as_ref().map(|subject| subject.digest);
                if about != Some(sought.digest) {
                    if !interesting(&image).is_empty() {
                        discovery.refuse(found, "it is attached to another image");
                    }
                    continue;
                }
                collect(&found, place, &image, layers);
                if sought.attestations && buildkit::is_attestation(&image) {
                    discovery.attached.push(Attached {
                        repository: place.clone(),
                        digest: artifact,
                        image,
                        bytes,
                    });
                }
            }
            Ok((_, Manifest::Index(_))) => {}
            Err(error) => failed(found, &error, discovery),
        }
    }
    looked
}

async fn tagged(
    content: &Arc<Content>,
    sought: &Sought<'_>,
    place: &Repository,
    tag: &str,
) -> Looked {
    let mut looked = Looked::default();
    let Looked { layers, discovery } = &mut looked;
    let found = sought.name(place, format_args!("tag {tag}"));
    let (Ok(upstream), Ok(tag)) = (content.upstream(place), tag.parse::<Tag>()) else {
        return looked;
    };
    match upstream.manifest(place, &Target::Tag(tag)).await {
        Ok(fetched) => match Manifest::parse(&fetched.bytes, Some(&fetched.media_type)) {
            Ok(Manifest::Image(image)) => collect(&found, place, &image, layers),
            Ok(Manifest::Index(_)) => discovery.refuse(found, "it is an index"),
            Err(error) => discovery.refuse(found, error.to_string()),
        },
        Err(error) if error.kind() == Kind::NotFound => {}
        Err(error) => discovery.lacks(&found, error),
    }
    looked
}

fn interesting(image: &ImageManifest) -> Vec<&Descriptor> {
    // notation names itself in the configuration's type where a registry knows no artifact types.
    let kinds = [
        image.artifact_type.as_deref(),
        Some(image.config.media_type.as_str()),
    ];
    let notation = image.layers.len() == 1 && kinds.contains(&Some(NOTATION_ARTIFACT));
    let known = |layer: &&Descriptor| {
        layer
            .media_type
            .starts_with("application/vnd.dev.sigstore.bundle")
            || layer.media_type == SIMPLE
            || layer.media_type == ENVELOPE
            || (notation && [JWS, COSE].contains(&layer.media_type.as_str()))
    };
    image.layers.iter().filter(known).collect()
}

const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

fn collect(found: &str, place: &Repository, image: &ImageManifest, layers: &mut Vec<Layer>) {
    for descriptor in interesting(image) {
        layers.push(Layer {
            repository: place.clone(),
            found: found.to_owned(),
            descriptor: descriptor.clone(),
        });
    }
}

async fn fetch(content: &Arc<Content>, layers: Vec<Layer>, discovery: &mut Discovery) {
    let mut left = MAX_BYTES;
    if layers.len() > MAX_CANDIDATES {
        let why = format!(
            "{} signatures, of which {MAX_CANDIDATES} are looked at",
            layers.len()
        );
        discovery.lacks("signatures", why);
    }
    for layer in layers.into_iter().take(MAX_CANDIDATES) {
        let Layer {
            repository,
            found,
            descriptor,
        } = layer;
        let Some(rest) = left.checked_sub(descriptor.size) else {
            discovery.lacks(&found, format!("more than {MAX_BYTES} bytes of signatures"));
            continue;
        };
        left = rest;
        match content
            .small(&repository, &descriptor, MAX_MATERIAL_BYTES)
            .await
        {
            Ok(bytes) => discovery.candidates.push(Candidate {
                found,
                material: material(descriptor, bytes),
            }),
            Err(error) => failed(found, &error, discovery),
        }
    }
}

fn material(descriptor: Descriptor, bytes: Bytes) -> Material {
    let annotations = descriptor.annotations;
    match descriptor.media_type.as_str() {
        SIMPLE => Material::Simple {
            payload: bytes,
            annotations,
        },
        JWS | COSE => Material::Notation {
            envelope: bytes,
            media_type: descriptor.media_type,
            answers: Vec::new(),
        },
        ENVELOPE => Material::Envelope {
            envelope: bytes,
            annotations,
        },
        _ => Material::Bundle(bytes),
    }
}

/// Garbage is refused and harms nobody; an answer that did not arrive leaves open what it would have been.
pub(super) fn failed(found: String, error: &ContentError, discovery: &mut Discovery) {
    match error {
        ContentError::Upstream(upstream) if upstream.kind() != Kind::NotFound => {
            discovery.lacks(&found, upstream);
        }
        ContentError::UnknownRegistry(_) => discovery.lacks(&found, error),
        _ => discovery.refuse(found, error.to_string()),
    }
}

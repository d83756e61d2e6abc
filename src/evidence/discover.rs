//! Where signatures over an image may lie, and what lies there.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::oci::{Descriptor, Digest, ImageManifest, Manifest, Repository, Tag, Target};
use crate::policy::{Refused, Subject};
use crate::trust::{MAX_MATERIAL_BYTES, Material};
use crate::upstream::Kind;

use super::{Content, ContentError};

/// Most artifacts beside one image that are looked at; popular images have some ten.
const MAX_ARTIFACTS: usize = 50;
/// Most layers of them all together: each of cosign's layers is one signature.
const MAX_CANDIDATES: usize = 200;
/// Most bytes of them all together.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Signature material, not examined yet.
pub(super) struct Candidate {
    /// For people: `referrer sha256:…`, `tag sha256-….sig`.
    pub(super) found: String,
    pub(super) material: Material,
}

/// All that lies beside an image.
#[derive(Default)]
pub(super) struct Discovery {
    pub(super) candidates: Vec<Candidate>,
    pub(super) refused: Vec<Refused>,
    /// Where nothing could be learnt: there may be more.
    pub(super) incomplete: Option<String>,
}

/// A layer that holds material.
struct Layer {
    found: String,
    descriptor: Descriptor,
}

/// Looks at the referrers (API and fallback tag) and at cosign's tags. `attestations` says whether statements are
/// wanted, which lie under a tag of their own.
pub(super) async fn discover(
    content: &Arc<Content>,
    subject: &Subject,
    attestations: bool,
) -> Discovery {
    let repository = subject.reference.repository();
    let mut discovery = Discovery::default();
    let mut layers = Vec::new();
    referrers(
        content,
        repository,
        &subject.digest,
        &mut layers,
        &mut discovery,
    )
    .await;
    let stem = subject.digest.to_string().replacen(':', "-", 1);
    for suffix in [".sig", ".att"]
        .into_iter()
        .take(if attestations { 2 } else { 1 })
    {
        tagged(
            content,
            repository,
            &format!("{stem}{suffix}"),
            &mut layers,
            &mut discovery,
        )
        .await;
    }
    fetch(content, repository, layers, &mut discovery).await;
    discovery
}

impl Discovery {
    fn lacks(&mut self, place: &str, why: impl std::fmt::Display) {
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

async fn referrers(
    content: &Arc<Content>,
    repository: &Repository,
    digest: &Digest,
    layers: &mut Vec<Layer>,
    discovery: &mut Discovery,
) {
    let upstream = match content.upstream(repository) {
        Ok(upstream) => upstream,
        Err(error) => return discovery.lacks("referrers", error),
    };
    let listed = match upstream.referrers(repository, digest).await {
        Ok(listed) => listed,
        Err(error) => return discovery.lacks("referrers", error),
    };
    if listed.len() > MAX_ARTIFACTS {
        let why = format!(
            "{} artifacts, of which {MAX_ARTIFACTS} are looked at",
            listed.len()
        );
        discovery.lacks("referrers", why);
    }
    // The list's words on what an artifact is are not to be relied on: cosign's own fallback index gets them wrong.
    let mut reading = JoinSet::new();
    for (at, entry) in listed.into_iter().take(MAX_ARTIFACTS).enumerate() {
        let (content, repository) = (content.clone(), repository.clone());
        reading.spawn(async move {
            (
                at,
                entry.digest,
                content.manifest(&repository, &entry.digest).await,
            )
        });
    }
    let mut read = reading.join_all().await;
    read.sort_by_key(|(at, ..)| *at);
    for (_, artifact, manifest) in read {
        let found = format!("referrer {artifact}");
        match manifest {
            Ok((_, Manifest::Image(image))) => {
                let about = image.subject.as_ref().map(|subject| subject.digest);
                if about == Some(*digest) {
                    collect(&found, image, layers);
                } else if !interesting(&image).is_empty() {
                    discovery.refuse(found, "it is attached to another image");
                }
            }
            Ok((_, Manifest::Index(_))) => {}
            Err(error) => failed(found, &error, discovery),
        }
    }
}

async fn tagged(
    content: &Arc<Content>,
    repository: &Repository,
    tag: &str,
    layers: &mut Vec<Layer>,
    discovery: &mut Discovery,
) {
    let found = format!("tag {tag}");
    let (Ok(upstream), Ok(tag)) = (content.upstream(repository), tag.parse::<Tag>()) else {
        return;
    };
    match upstream.manifest(repository, &Target::Tag(tag)).await {
        Ok(fetched) => match Manifest::parse(&fetched.bytes, Some(&fetched.media_type)) {
            Ok(Manifest::Image(image)) => collect(&found, image, layers),
            Ok(Manifest::Index(_)) => discovery.refuse(found, "it is an index"),
            Err(error) => discovery.refuse(found, error.to_string()),
        },
        Err(error) if error.kind() == Kind::NotFound => {}
        Err(error) => discovery.lacks(&found, error),
    }
}

fn interesting(image: &ImageManifest) -> Vec<&Descriptor> {
    let known = |layer: &&Descriptor| {
        layer
            .media_type
            .starts_with("application/vnd.dev.sigstore.bundle")
            || layer.media_type == SIMPLE
            || layer.media_type == ENVELOPE
    };
    image.layers.iter().filter(known).collect()
}

const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

fn collect(found: &str, image: ImageManifest, layers: &mut Vec<Layer>) {
    for descriptor in interesting(&image) {
        layers.push(Layer {
            found: found.to_owned(),
            descriptor: descriptor.clone(),
        });
    }
}

async fn fetch(
    content: &Arc<Content>,
    repository: &Repository,
    layers: Vec<Layer>,
    discovery: &mut Discovery,
) {
    let mut left = MAX_BYTES;
    if layers.len() > MAX_CANDIDATES {
        let why = format!(
            "{} signatures, of which {MAX_CANDIDATES} are looked at",
            layers.len()
        );
        discovery.lacks("signatures", why);
    }
    for layer in layers.into_iter().take(MAX_CANDIDATES) {
        let Layer { found, descriptor } = layer;
        let Some(rest) = left.checked_sub(descriptor.size) else {
            discovery.lacks(&found, format!("more than {MAX_BYTES} bytes of signatures"));
            continue;
        };
        left = rest;
        match content
            .small(repository, &descriptor, MAX_MATERIAL_BYTES)
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
        ENVELOPE => Material::Envelope {
            envelope: bytes,
            annotations,
        },
        _ => Material::Bundle(bytes),
    }
}

/// Garbage is refused and harms nobody; an answer that did not arrive leaves open what it would have been.
fn failed(found: String, error: &ContentError, discovery: &mut Discovery) {
    match error {
        ContentError::Upstream(upstream) if upstream.kind() != Kind::NotFound => {
            discovery.lacks(&found, upstream);
        }
        ContentError::UnknownRegistry(_) => discovery.lacks(&found, error),
        _ => discovery.refuse(found, error.to_string()),
    }
}

//! BuildKit's attestation manifests (moby/buildkit, docs/attestations/attestation-storage.md): statements that nobody
//! signed, believed on the word of whoever signed what they stand in.
//!
//! Two chains count: the index that lists the attestation manifest is signed, or the attestation manifest itself is,
//! which then must say itself which image it is about.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::oci::{Descriptor, Digest, ImageManifest, Index, Manifest, Repository};
use crate::trust::{MAX_MATERIAL_BYTES, Statement};

use super::Content;
use super::discover::{Attached, Discovery, Sought, discover, failed};
use super::dossier::raw;

/// Type of the artifact where BuildKit says what it writes.
const ATTESTATION: &str = "application/vnd.docker.attestation.manifest.v1+json";
/// Type of its layers: a plain statement.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The annotation of an index entry that names the image.
const REFERENCE: &str = "vnd.docker.reference.digest";
/// Most attestation manifests of one image; BuildKit writes one.
const MAX_MANIFESTS: usize = 8;
/// Most statements of one of them; BuildKit writes two or three.
const MAX_STATEMENTS: usize = 16;
/// Most bytes of statements of one image.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// An index that lists an image and was asked for: what is signed and said about the whole counts for its parts.
#[derive(Clone, Debug)]
pub struct Within {
    /// Of the index.
    pub digest: Digest,
    /// The document.
    pub bytes: Bytes,
    /// What it says.
    pub index: Index,
}

impl Within {
    /// The attestation manifests that the index lists for an image.
    pub fn attestations_of<'a>(
        &'a self,
        image: &'a Digest,
    ) -> impl Iterator<Item = &'a Descriptor> + 'a {
        let image = image.to_string();
        self.index.manifests.iter().filter(move |entry| {
            entry.is_attestation() && entry.annotations.get(REFERENCE) == Some(&image)
        })
    }
}

/// Statements about an image in one attestation manifest.
#[derive(Deserialize, Serialize)]
pub(super) struct Unsigned {
    /// For people.
    pub(super) found: String,
    pub(super) digest: Digest,
    #[serde(with = "raw")]
    pub(super) bytes: Bytes,
    /// The indexes that list it for the image.
    pub(super) within: Vec<Digest>,
    /// Whether it says itself, in full, which image it is about; only then its own signature counts.
    pub(super) names_image: bool,
    pub(super) statements: Vec<Statement>,
    /// What lies beside the attestation manifest.
    pub(super) beside: Discovery,
}

/// Whether a manifest holds plain statements.
pub(super) fn is_attestation(image: &ImageManifest) -> bool {
    image.artifact_type.as_deref() == Some(ATTESTATION) || statements(image).next().is_some()
}

fn statements(image: &ImageManifest) -> impl Iterator<Item = &Descriptor> {
    let layers = image.layers.iter();
    layers.filter(|layer| layer.media_type == STATEMENT)
}

/// All attestation manifests of an image: those that refer to it and those that stand beside it in an index.
pub(super) async fn gather(
    content: &Arc<Content>,
    home: &Repository,
    places: &[Repository],
    image: &Descriptor,
    attached: Vec<Attached>,
    within: &[Within],
    discovery: &mut Discovery,
) -> Vec<Unsigned> {
    let mut all = listed(content, home, image, within, discovery).await;
    for attached in attached {
        if all.iter().all(|(known, _)| known.digest != attached.digest) {
            all.push((attached, Vec::new()));
        }
    }
    if all.len() > MAX_MANIFESTS {
        let why = format!(
            "{} of them, of which {MAX_MANIFESTS} are looked at",
            all.len()
        );
        discovery.lacks("attestation manifests", why);
    }
    let mut left = MAX_BYTES;
    let mut gathered = Vec::new();
    for (attached, within) in all.into_iter().take(MAX_MANIFESTS) {
        let found = format!("attestation manifest {}", attached.digest);
        let said = read(content, &attached, &image.digest, &mut left, discovery).await;
        if said.is_empty() {
            continue;
        }
        let sought = Sought {
            home,
            places,
            digest: attached.digest,
            attestations: false,
            shelves: Default::default(),
        };
        let names_image = attached.image.subject.as_ref().is_some_and(|subject| {
            let is = |one: &Descriptor| (one.digest, one.size, one.media_type.clone());
            is(subject) == is(image)
        });
        gathered.push(Unsigned {
            found,
            digest: attached.digest,
            bytes: attached.bytes,
            within,
            names_image,
            statements: said,
            beside: discover(content, &sought).await,
        });
    }
    gathered
}

/// Those that indexes list for the image, each with these indexes.
async fn listed(
    content: &Arc<Content>,
    home: &Repository,
    image: &Descriptor,
    within: &[Within],
    discovery: &mut Discovery,
) -> Vec<(Attached, Vec<Digest>)> {
    let mut all: Vec<(Attached, Vec<Digest>)> = Vec::new();
    for of in within {
        for entry in of.attestations_of(&image.digest).take(MAX_MANIFESTS) {
            if let Some((_, indexes)) = all.iter_mut().find(|(a, _)| a.digest == entry.digest) {
                indexes.push(of.digest);
                continue;
            }
            let found = format!("attestation manifest {}", entry.digest);
            match content.manifest(home, &entry.digest).await {
                Ok((bytes, Manifest::Image(manifest)))
                    if bytes.len() as u64 == entry.size
                        && manifest.media_type == entry.media_type =>
                {
                    let attached = Attached {
                        repository: home.clone(),
                        digest: entry.digest,
                        image: manifest,
                        bytes,
                    };
                    all.push((attached, vec![of.digest]));
                }
                Ok(_) => {}
                Err(error) => failed(found, &error, discovery),
            }
        }
    }
    all
}

/// The statements about the image; what is malformed or about something else says nothing.
async fn read(
    content: &Arc<Content>,
    attached: &Attached,
    image: &Digest,
    left: &mut u64,
    discovery: &mut Discovery,
) -> Vec<Statement> {
    let mut said = Vec::new();
    for layer in statements(&attached.image).take(MAX_STATEMENTS) {
        let found = format!("statement {}", layer.digest);
        let Some(rest) = left.checked_sub(layer.size) else {
            discovery.lacks(&found, format!("more than {MAX_BYTES} bytes of statements"));
            break;
        };
        *left = rest;
        let read = content.small(&attached.repository, layer, MAX_MATERIAL_BYTES);
        match read.await {
            Ok(bytes) => {
                let statement = Statement::parse(&bytes).ok();
                said.extend(statement.filter(|said| said.is_about(image)));
            }
            Err(error) => failed(found, &error, discovery),
        }
    }
    said
}

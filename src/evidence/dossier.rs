//! What was gathered of an image, kept: so that it can be judged again, under another policy, without asking anybody.
//!
//! Documents and signature material are kept as they were found, not what was made of them: another policy believes
//! others. What is in layers is kept apart, as facts.

pub(super) mod material;
pub(super) mod raw;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::oci::{Digest, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Repository};
use crate::policy::Subject;
use crate::store::Store;
use crate::telemetry;

use super::Structure;
use super::kept::Kept;
use super::signature::Haul;

/// Most images of which either kind is kept: some ten kB each, so a few hundred MB. The longest untouched go first.
const MAX_KEPT: usize = 20_000;
/// Most bytes of either kind for one image, unpacked: an index with 32 images and their configurations has some MB, as
/// have ten bills of material. What is larger is not kept.
const MAX_BYTES: usize = 32 << 20;
/// Of what is written; another one is not read.
const VERSION: u32 = 1;
/// The folder beside the store.
const FOLDER: &str = "evidence";

/// What is kept of images, by repository and digest.
#[derive(Debug)]
pub(super) struct Dossiers {
    documents: Kept,
    signed: Kept,
}

/// What is in a file.
#[derive(Deserialize, Serialize)]
struct File<T> {
    version: u32,
    at: Timestamp,
    content: T,
}

/// Manifests and configurations.
#[derive(Deserialize, Serialize)]
struct Document {
    digest: Digest,
    #[serde(with = "raw")]
    bytes: Bytes,
}

impl Dossiers {
    /// In the data folder; nothing need be there.
    pub(super) fn in_folder(data: &Path) -> Dossiers {
        let folder = data.join(FOLDER);
        let kind = |name| Kept::open(&folder.join(name), "zst", MAX_KEPT);
        Dossiers {
            documents: kind("documents"),
            signed: kind("signed"),
        }
    }

    fn name(repository: &Repository, digest: &Digest) -> String {
        let about = format!("{repository}\n{digest}");
        Digest::of(about.as_bytes()).hex().to_owned()
    }

    /// Keeps what lay beside an image. Waits for the disk.
    pub(super) fn keep_haul(&self, repository: &Repository, digest: &Digest, haul: &Haul) {
        if haul.bytes() <= MAX_BYTES {
            keep(&self.signed, &Dossiers::name(repository, digest), haul);
        }
    }

    /// What lay beside an image when that was last looked for. Waits for the disk.
    pub(super) fn haul(&self, repository: &Repository, digest: &Digest) -> Option<Haul> {
        read(&self.signed, &Dossiers::name(repository, digest))
    }

    fn keep_documents(&self, repository: &Repository, digest: &Digest, documents: &[Document]) {
        let size: usize = documents.iter().map(|document| document.bytes.len()).sum();
        if size <= MAX_BYTES {
            let name = Dossiers::name(repository, digest);
            keep(&self.documents, &name, &documents);
        }
    }

    /// Manifests and configurations of an image, each with the digest that it has. Waits for the disk.
    pub(super) fn documents(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> HashMap<Digest, Bytes> {
        let name = Dossiers::name(repository, digest);
        let read: Option<Vec<Document>> = read(&self.documents, &name);
        let all = read.into_iter().flatten();
        let genuine = all.filter(|document| document.digest.verifies(&document.bytes));
        genuine
            .map(|document| (document.digest, document.bytes))
            .collect()
    }
}

/// What cannot be kept is not there when somebody asks; a pull does not fail for that.
fn keep<T: Serialize>(kept: &Kept, name: &str, content: &T) {
    let written = || {
        let file = File {
            version: VERSION,
            at: telemetry::now(),
            content,
        };
        let json = serde_json::to_vec(&file).map_err(std::io::Error::other)?;
        kept.write(name, &zstd::bulk::compress(&json, 3)?)
    };
    if let Err(error) = written() {
        tracing::warn!(%error, "the evidence about an image is not kept");
    }
}

/// Base64 and escapes make text longer.
const LARGER: usize = 2;

fn read<T: DeserializeOwned>(kept: &Kept, name: &str) -> Option<T> {
    let packed = kept.read(name)?;
    let json = zstd::bulk::decompress(&packed, MAX_BYTES * LARGER).ok()?;
    let file: File<T> = serde_json::from_slice(&json).ok()?;
    (file.version == VERSION).then_some(file.content)
}

/// Copies an image's manifests and configurations out of the store, which forgets what nobody pulls.
pub(super) async fn keep_documents(
    dossiers: &std::sync::Arc<Dossiers>,
    store: &Store,
    subject: &Subject,
    structure: &Structure,
) {
    let children = structure.images.iter().map(|(digest, _, _)| *digest);
    let manifests: BTreeSet<Digest> = children.chain([subject.digest]).collect();
    let configs = structure.images.iter();
    let configs: BTreeSet<Digest> = configs.map(|(_, _, image)| image.config.digest).collect();
    let wanted = manifests
        .into_iter()
        .map(|digest| (digest, MAX_MANIFEST_BYTES))
        .chain(configs.into_iter().map(|digest| (digest, MAX_CONFIG_BYTES)));
    let mut documents = Vec::new();
    for (digest, most) in wanted {
        let bytes = store.read_small(&digest, most).await;
        documents.extend(bytes.map(|bytes| Document { digest, bytes }));
    }
    let (dossiers, digest) = (dossiers.clone(), subject.digest);
    let repository = subject.reference.repository().clone();
    let written = tokio::task::spawn_blocking(move || {
        dossiers.keep_documents(&repository, &digest, &documents);
    });
    if written.await.is_err() {
        tracing::error!("keeping the evidence about an image crashed");
    }
}

//! What an image consists of: the judged images of an index and all the digests that a permit would open.

use crate::oci::{Descriptor, Digest, ImageManifest, Manifest, Platform, Repository};
use crate::policy::Subject;

use super::{Content, ContentError};

/// Most images of one index that are judged; a policy names two or three platforms, each may come in variants.
const MAX_JUDGED: usize = 32;

/// The images that stand for a subject.
#[derive(Clone, Debug)]
pub struct Structure {
    /// Each with the digest of its manifest and the platform that the index gives it.
    pub images: Vec<(Digest, Option<Platform>, ImageManifest)>,
    /// All that a permit for the subject opens, the subject first.
    pub opened: Vec<Opened>,
}

/// Content that a permit opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A manifest or index.
    Manifest(Digest),
    /// A configuration or layer.
    Blob(Digest),
    /// What a signature, an attestation or another document about the image consists of.
    Attachment(Digest),
}

impl Opened {
    /// Of the content.
    pub fn digest(&self) -> &Digest {
        match self {
            Opened::Manifest(digest) | Opened::Blob(digest) | Opened::Attachment(digest) => digest,
        }
    }
}

impl Structure {
    /// Reads the manifests of the images that `platforms` select.
    ///
    /// # Errors
    /// [`ContentError`] where one cannot be had: what is not fully known is not judged.
    pub async fn read(
        content: &Content,
        subject: &Subject,
        platforms: &[Platform],
    ) -> Result<Structure, ContentError> {
        let mut structure = Structure {
            images: Vec::new(),
            opened: vec![Opened::Manifest(subject.digest)],
        };
        match &subject.manifest {
            Manifest::Image(image) => structure.add(subject.digest, None, image.clone())?,
            Manifest::Index(index) => {
                let judged: Vec<&Descriptor> = subject.judged_children(platforms).collect();
                if judged.len() > MAX_JUDGED {
                    return Err(ContentError::Shape(format!(
                        "the index has more than {MAX_JUDGED} images to judge"
                    )));
                }
                for child in judged {
                    let image = child_image(content, subject.reference.repository(), child).await?;
                    structure.opened.push(Opened::Manifest(child.digest));
                    structure.add(child.digest, child.platform.clone(), image)?;
                }
                let attestations = index
                    .manifests
                    .iter()
                    .filter(|child| child.is_attestation());
                structure
                    .opened
                    .extend(attestations.map(|child| Opened::Manifest(child.digest)));
            }
        }
        Ok(structure)
    }

    fn add(
        &mut self,
        digest: Digest,
        platform: Option<Platform>,
        image: ImageManifest,
    ) -> Result<(), ContentError> {
        let blobs = std::iter::once(&image.config).chain(&image.layers);
        if !image.is_container() && blobs.clone().any(|blob| !blob.urls.is_empty()) {
            return Err(ContentError::Shape(
                "the artifact sends clients to other servers for its content".to_owned(),
            ));
        }
        self.opened
            .extend(blobs.map(|blob| Opened::Blob(blob.digest)));
        self.images.push((digest, platform, image));
        Ok(())
    }
}

async fn child_image(
    content: &Content,
    repository: &Repository,
    child: &Descriptor,
) -> Result<ImageManifest, ContentError> {
    let (bytes, manifest) = content.manifest(repository, &child.digest).await?;
    if bytes.len() as u64 != child.size {
        return Err(ContentError::Shape(format!(
            "the index gives {} {} bytes, it has {}",
            child.digest,
            child.size,
            bytes.len()
        )));
    }
    if manifest.media_type() != child.media_type {
        return Err(ContentError::Shape(format!(
            "the index calls {} a {:?}, it is a {:?}",
            child.digest,
            child.media_type,
            manifest.media_type()
        )));
    }
    match manifest {
        Manifest::Image(image) => Ok(image),
        Manifest::Index(_) => Err(ContentError::Shape(
            "the index lists another index as an image".to_owned(),
        )),
    }
}

//! Signatures, attestations and SBOMs ride on the permit of the image that they are about.
//!
//! Docker, cosign and others fetch them beside the image. They are no images themselves: a rule that asks for a
//! signature would refuse every signature.

use std::sync::Arc;

use crate::ledger::Client;
use crate::oci::{Digest, Manifest, Reference, Tag};

use super::admit::{Admission, Answer};
use super::ruling::AdmissionError;

/// Most entries of an index of attachments that are looked at, each a small fetch.
const MAX_ATTACHMENTS: usize = 50;

impl Admission {
    /// The answer for a refused manifest that is an attachment of an approved image of the same repository.
    pub(super) async fn attachment(
        self: &Arc<Self>,
        reference: &Reference,
        digest: Digest,
        client: &Client,
    ) -> Result<Option<Answer>, AdmissionError> {
        let repository = reference.repository();
        let Ok((_, manifest)) = self.content().manifest(repository, &digest).await else {
            return Ok(None);
        };
        let Some(subject) =
            subject_of(reference.tag(), &manifest).filter(|subject| *subject != digest)
        else {
            return Ok(None);
        };
        if !self.lists_only_artifacts(reference, &manifest).await {
            return Ok(None);
        }
        let indexes = self.indexes_of(repository, &subject, client).await?;
        let of = match self
            .rule(&repository.at_digest(subject), subject, &indexes, client)
            .await
        {
            Ok(ruling) if ruling.permit().is_some() => ruling,
            Ok(_) | Err(AdmissionError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let answer = self.answer(of, repository, digest).await?;
        self.open_further(repository, subject, &answer).await?;
        Ok(Some(answer))
    }

    /// An index of attachments must not smuggle an image in.
    async fn lists_only_artifacts(&self, reference: &Reference, manifest: &Manifest) -> bool {
        let Manifest::Index(index) = manifest else {
            return true;
        };
        if index.manifests.len() > MAX_ATTACHMENTS {
            return false;
        }
        for child in &index.manifests {
            match self
                .content()
                .manifest(reference.repository(), &child.digest)
                .await
            {
                Ok((_, Manifest::Image(image))) if !image.is_container() => {}
                _ => return false,
            }
        }
        true
    }
}

/// The digest that an artifact is about, by its `subject` or by the tag that it is kept under
/// (distribution-spec "Referrers Tag Schema"; cosign's `.sig`, `.att`, `.sbom`). Never for a container image.
fn subject_of(tag: Option<&Tag>, manifest: &Manifest) -> Option<Digest> {
    let tag = tag.and_then(subject_of_tag);
    match manifest {
        Manifest::Image(image) if image.is_container() => None,
        Manifest::Image(image) => image.subject.as_ref().map(|subject| subject.digest).or(tag),
        Manifest::Index(_) => tag,
    }
}

fn subject_of_tag(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let hex = rest.split('.').next()?;
    format!("{algorithm}:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_attachments_name_their_subject() {
        let hex = "a".repeat(64);
        let digest: Digest = format!("sha256:{hex}").parse().unwrap();
        for tag in [
            format!("sha256-{hex}"),
            format!("sha256-{hex}.sig"),
            format!("sha256-{hex}.att"),
        ] {
            assert_eq!(subject_of_tag(&tag.parse().unwrap()), Some(digest), "{tag}");
        }
        for tag in ["latest", "1.27-alpine", "sha256-short"] {
            assert_eq!(subject_of_tag(&tag.parse().unwrap()), None, "{tag}");
        }
    }
}

//! Bills of material for the admin listener: of images that are kept, without asking anybody.

use std::sync::Arc;

use crate::admission::Admission;
use crate::console::Sbom;
use crate::oci::{Platform, Reference, Target};
use crate::report::{cyclonedx, spdx};

/// What the admin listener asks for `(image, format, platform)`.
pub fn sbom(admission: Arc<Admission>) -> Sbom {
    Box::new(move |image, format, platform| {
        let admission = admission.clone();
        Box::pin(async move { document(&admission, &image, &format, platform.as_deref()).await })
    })
}

async fn document(
    admission: &Arc<Admission>,
    image: &str,
    format: &str,
    platform: Option<&str>,
) -> Result<String, String> {
    let write = match format {
        "cyclonedx" => cyclonedx,
        "spdx" => spdx,
        other => return Err(format!("format {other:?} is neither cyclonedx nor spdx")),
    };
    let reference: Reference = image.parse().map_err(|error| format!("{image}: {error}"))?;
    let repository = reference.repository();
    let digest = match reference.target() {
        Target::Digest(digest) => digest,
        Target::Tag(tag) => {
            let known = admission.ledger().last_tag(repository.clone(), tag).await;
            let known = known.map_err(|error| error.to_string())?;
            known
                .ok_or_else(|| format!("{image} was not pulled here"))?
                .0
        }
    };
    let platform: Platform = match platform {
        Some(written) => written
            .parse()
            .map_err(|error| format!("{written}: {error}"))?,
        None => {
            let policy = admission.policy();
            let first = policy.platforms().first().cloned();
            first.ok_or("which platform? &platform=linux/amd64")?
        }
    };
    let kept = Arc::new(admission.content().kept());
    let pinned = repository.at_digest(digest);
    let surveys = admission
        .scanner()
        .survey(&kept, &pinned, &platform, &mut |_, _| {})
        .await;
    let surveys = surveys.map_err(|why| format!("too little is kept of {pinned}: {why}"))?;
    let survey = surveys.first().ok_or("nothing is kept of it")?;
    Ok(write(survey).to_string())
}

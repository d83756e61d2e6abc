//! What the judged images say of themselves.

use crate::oci::{ImageConfig, MAX_CONFIG_BYTES, Repository};
use crate::policy::{ConfigEvidence, Gathered, JudgedImage};

use super::{Content, Structure};

/// Reads every judged image's configuration; `Absent` where the subject is an artifact and has none.
pub(super) async fn collect(
    content: &Content,
    repository: &Repository,
    structure: &Structure,
) -> Gathered<ConfigEvidence> {
    let mut images = Vec::new();
    for (digest, platform, image) in &structure.images {
        if !image.is_container() {
            continue;
        }
        let bytes = match content
            .small(repository, &image.config, MAX_CONFIG_BYTES)
            .await
        {
            Ok(bytes) => bytes,
            Err(error) => return Gathered::unavailable(error.to_string()),
        };
        let config = match ImageConfig::parse(&bytes) {
            Ok(config) => config,
            Err(error) => return Gathered::unavailable(error.to_string()),
        };
        let foreign = image.layers.iter().filter(|layer| !layer.urls.is_empty());
        images.push(JudgedImage {
            manifest: *digest,
            platform: platform.clone().unwrap_or_else(|| config.platform.clone()),
            foreign_layers: foreign.map(|layer| layer.digest).collect(),
            config,
        });
    }
    // An index without a single judged image is for the judge to refuse, so it is found, and empty.
    if images.is_empty() && !structure.images.is_empty() {
        return Gathered::Absent;
    }
    Gathered::Found(ConfigEvidence { images })
}

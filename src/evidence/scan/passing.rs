//! A layer's pass with its onlooker, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::{Scanner, Seen, Version, viruses};
use crate::oci::{Descriptor, Digest, ImageConfig, ImageManifest};
use crate::policy::Viruses;
use crate::scan::{LayerFacts, Onlooker, Source, Toc, Unscannable, merge, show_layer};

use crate::evidence::clamd::{Looked, Streamed};

impl Scanner {
    /// Which virus scanner there is, and with which data.
    pub(super) async fn virus_scanner(self: &std::sync::Arc<Self>) -> Version {
        self.viruses.as_ref()?;
        let scanner = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            scanner.viruses.as_ref().map(viruses::VirusScanner::version)
        });
        asked
            .await
            .unwrap_or_else(|error| Some(Err(error.to_string())))
    }

    /// What is known of a layer, if all of it is; waits for the disk.
    pub(super) fn kept(&self, layer: &Descriptor, version: &Version) -> Option<Seen> {
        let facts = self.facts.read(layer)?;
        let looked = match (&self.viruses, version) {
            (Some(scanner), Some(Ok(version))) => Some(Ok(scanner.kept(&layer.digest, version)?)),
            (_, Some(Err(why))) => Some(Err(why.clone())),
            _ => None,
        };
        Some((facts, looked))
    }

    /// The packages of an image, by name; none where not all of its layers were ever looked into.
    pub(in crate::evidence) async fn packages(
        self: &std::sync::Arc<Self>,
        image: &ImageManifest,
        config: &ImageConfig,
    ) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let (scanner, image, config) = (self.clone(), image.clone(), config.clone());
        let merged = tokio::task::spawn_blocking(move || {
            let layers = image.layers.iter();
            let layers = layers.map(|layer| Some((layer.digest, scanner.facts.read(layer)?)));
            let layers: Vec<_> = layers.collect::<Option<_>>()?;
            let merged = merge(&Source {
                layers: &layers,
                config: image.config.digest,
                environment: &config.container.env,
                diff_ids: &config.diff_ids,
            });
            merged.ok()
        });
        let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in merged.await.ok().flatten()?.packages {
            packages
                .entry(package.name)
                .or_default()
                .insert(package.version);
        }
        Some(packages)
    }

    /// Reads a layer, and shows its files to the virus scanner if one answers; waits.
    pub(super) fn read(
        &self,
        layer: &Descriptor,
        version: &Version,
        toc: Option<Toc>,
        bytes: impl Read,
    ) -> Result<Seen, Unscannable> {
        let scanner = self
            .viruses
            .as_ref()
            .filter(|_| matches!(version, Some(Ok(_))));
        let mut streamed = scanner.map(viruses::VirusScanner::onlooker);
        let onlooker = streamed.as_mut().map(|one| one as &mut dyn Onlooker);
        let facts = show_layer(&layer.media_type, toc, bytes, &self.limits, onlooker)?;
        let looked = match version {
            Some(Err(why)) => Some(Err(why.clone())),
            _ => streamed.map(Streamed::finish),
        };
        Ok((facts, looked))
    }

    /// Keeps what is known for good; waits for the disk.
    pub(super) fn keep(
        &self,
        layer: &Descriptor,
        version: &Version,
        facts: &LayerFacts,
        looked: Option<&Result<Looked, String>>,
    ) {
        self.facts.keep(layer, facts);
        if let (Some(scanner), Some(Ok(version)), Some(Ok(looked))) =
            (&self.viruses, version, looked)
        {
            scanner.keep(&layer.digest, version, looked);
        }
    }
}

/// Facts for the merge, and what the virus scanner says of all layers.
pub(super) fn apart(
    layers: Vec<(Digest, Seen)>,
    version: Version,
) -> (Vec<(Digest, LayerFacts)>, Option<Viruses>) {
    let mut looked = Vec::new();
    let mut facts = Vec::new();
    for (digest, (layer, said)) in layers {
        facts.push((digest, layer));
        looked.extend(said);
    }
    let viruses = version.map(|version| {
        let name = version.unwrap_or_else(|_| "clamd".to_owned());
        viruses::judged(name, looked)
    });
    (facts, viruses)
}

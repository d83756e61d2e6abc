//! A layer's pass with its onlookers, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use tokio::task::JoinError;

use super::lookers::{Answer, Looker, Said, Shown, Versions, judged};
use super::{Scanner, Seen};
use crate::oci::{Descriptor, Digest, ImageConfig, ImageManifest};
use crate::scan::{LayerFacts, Onlooker, Source, Toc, Unscannable, merge, show_layer};

impl Scanner {
    /// Who looks at files, and with which data.
    pub(super) async fn versions(self: &Arc<Self>) -> Versions {
        if self.lookers.is_empty() {
            return Versions::new();
        }
        let scanner = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            scanner.lookers.iter().map(Looker::version).collect()
        });
        let crashed = |error: JoinError| {
            self.lookers
                .iter()
                .map(|_| Err(error.to_string()))
                .collect()
        };
        asked.await.unwrap_or_else(crashed)
    }

    /// What is known of a layer already; waits for the disk. `digest`: none where it is not known yet.
    pub(super) fn known(
        &self,
        digest: Option<&Digest>,
        versions: &Versions,
    ) -> Vec<Option<Answer>> {
        let each = self.lookers.iter().zip(versions);
        each.map(|(looker, version)| looker.known(digest, version))
            .collect()
    }

    /// The packages of an image, by name; none where not all of its layers were ever looked into.
    pub(in crate::evidence) async fn packages(
        self: &Arc<Self>,
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

    /// Reads a layer, and shows its files to those of whom nothing is `known`; waits.
    pub(super) fn read(
        &self,
        layer: &Descriptor,
        known: Vec<Option<Answer>>,
        toc: Option<Toc>,
        bytes: impl Read,
    ) -> Result<Seen, Unscannable> {
        let mut shown = Shown::to(&self.lookers, known);
        let onlooker = match shown.is_watched() {
            true => Some(&mut shown as &mut dyn Onlooker),
            false => None,
        };
        let facts = show_layer(&layer.media_type, toc, bytes, &self.limits, onlooker)?;
        Ok((facts, shown.finish()))
    }

    /// Keeps what is known for good; waits for the disk.
    pub(super) fn keep(&self, layer: &Descriptor, versions: &Versions, seen: &Seen) {
        let (facts, answers) = seen;
        self.facts.keep(layer, facts);
        for ((looker, version), answer) in self.lookers.iter().zip(versions).zip(answers) {
            looker.keep(&layer.digest, version, answer);
        }
    }

    /// Facts for the merge, and what all who look say of the layers' files.
    pub(super) fn apart(
        &self,
        layers: Vec<(Digest, Seen)>,
        versions: Versions,
    ) -> (Vec<(Digest, LayerFacts)>, Said) {
        let (facts, answers) = layers
            .into_iter()
            .map(|(digest, (facts, answers))| ((digest, facts), answers))
            .unzip();
        (facts, judged(&self.lookers, versions, answers))
    }
}

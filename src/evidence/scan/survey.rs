//! Looks into images for people, not for the gate: with everything that was found, and from wherever they lie.

use std::io::{self, Read};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::{Failed, Scanner};
use crate::evidence::local::{LocalImage, LocalLayer};
use crate::evidence::{Content, Structure};
use crate::oci::{
    Descriptor, Digest, ImageConfig, MAX_CONFIG_BYTES, Manifest, Platform, Reference, Target,
};
use crate::policy::Subject;
use crate::report::Survey;
use crate::telemetry;

/// Told how many layers are read, and of how many.
pub(super) type Layers<'a> = &'a mut (dyn FnMut(usize, usize) + Send);

impl Scanner {
    /// Looks into the images of a reference that are for `platform`; nothing is judged.
    ///
    /// # Errors
    /// Why there is nothing to say, in a sentence.
    pub async fn survey(
        self: &Arc<Self>,
        content: &Arc<Content>,
        reference: &Reference,
        platform: &Platform,
        progress: Layers<'_>,
    ) -> Result<Vec<Survey>, String> {
        let repository = reference.repository();
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let digest = match reference.target() {
            Target::Digest(digest) => digest,
            tag => {
                let upstream = content.upstream(repository).map_err(|error| said(&error))?;
                let resolved = upstream.resolve(repository, &tag).await;
                resolved.map_err(|error| said(&error))?.digest
            }
        };
        let read = content.manifest(repository, &digest).await;
        let (_, manifest) = read.map_err(|error| said(&error))?;
        let subject = Subject {
            reference: reference.clone(),
            digest,
            manifest,
        };
        let structure = Structure::read(content, &subject, std::slice::from_ref(platform)).await;
        let structure = structure.map_err(|error| said(&error))?;
        if structure.images.is_empty() {
            return Err(match &subject.manifest {
                Manifest::Index(_) => format!("it has no image for {platform}"),
                Manifest::Image(_) => "this is no container image".to_owned(),
            });
        }
        let mut surveys = Vec::new();
        for (manifest, _, image) in &structure.images {
            let config = content
                .small(repository, &image.config, MAX_CONFIG_BYTES)
                .await;
            let config = ImageConfig::parse(&config.map_err(|error| said(&error))?);
            let config = config.map_err(|error| said(&error))?;
            let layers = self
                .fetched(content, reference, &image.layers, progress)
                .await?;
            let name = reference.to_string();
            let names = (name, Some(*manifest), image.config.digest);
            surveys.push(self.surveyed(names, config, layers).await?);
        }
        Ok(surveys)
    }

    async fn fetched(
        self: &Arc<Self>,
        content: &Arc<Content>,
        reference: &Reference,
        layers: &[Descriptor],
        progress: Layers<'_>,
    ) -> Result<Vec<(Digest, super::Seen)>, String> {
        let versions = self.versions().await;
        let mut reading = JoinSet::new();
        for (at, layer) in layers.iter().cloned().enumerate() {
            let (scanner, content) = (self.clone(), content.clone());
            let (repository, versions) = (reference.repository().clone(), versions.clone());
            reading.spawn(async move {
                let seen = scanner.layer(&content, &repository, &layer, versions).await;
                (at, seen.map(|seen| (layer.digest, seen)).map_err(why))
            });
        }
        arrived(reading, progress).await
    }

    /// Looks into an image that lies on this machine.
    ///
    /// # Errors
    /// Why there is nothing to say, in a sentence.
    pub async fn survey_local(
        self: &Arc<Self>,
        image: LocalImage,
        progress: Layers<'_>,
    ) -> Result<Survey, String> {
        let versions = self.versions().await;
        let mut reading = JoinSet::new();
        for (at, layer) in image.layers.into_iter().enumerate() {
            let (scanner, versions) = (self.clone(), versions.clone());
            reading.spawn(async move {
                let Ok(_pass) = scanner.passes.acquire().await else {
                    return (at, Err("the scanner ended".to_owned()));
                };
                let reader = scanner.clone();
                let read = tokio::task::spawn_blocking(move || read(&reader, &layer, &versions));
                (
                    at,
                    read.await.unwrap_or_else(|error| Err(error.to_string())),
                )
            });
        }
        let layers = arrived(reading, progress).await?;
        let names = (
            image.name.unwrap_or_default(),
            image.manifest,
            image.config_digest,
        );
        self.surveyed(names, image.config, layers).await
    }

    async fn surveyed(
        self: &Arc<Self>,
        (target, manifest, digest): (String, Option<Digest>, Digest),
        mut config: ImageConfig,
        layers: Vec<(Digest, super::Seen)>,
    ) -> Result<Survey, String> {
        let versions = self.versions().await;
        let (layers, said) = self.apart(layers, versions);
        if manifest.is_none() && config.diff_ids.is_empty() {
            // A file system without a configuration is what it is.
            let unpacked = layers.iter().map(|(_, facts)| facts.diff_id.to_string());
            config.diff_ids = unpacked.collect();
        }
        let digests = layers.iter().map(|(digest, _)| *digest).collect();
        let (platform, created) = (config.platform.clone(), config.created);
        let found = self.contents(layers, said, digest, config).await;
        let (inventory, contents) = found.map_err(why)?;
        Ok(Survey {
            target,
            platform,
            created,
            at: telemetry::now(),
            manifest,
            config: digest,
            layers: digests,
            inventory,
            contents,
        })
    }
}

fn why(failed: Failed) -> String {
    match failed {
        Failed::ForGood(why) | Failed::ForNow(why) => why,
    }
}

async fn arrived<T: 'static>(
    mut reading: JoinSet<(usize, Result<T, String>)>,
    progress: Layers<'_>,
) -> Result<Vec<T>, String> {
    let all = reading.len();
    let mut done = Vec::new();
    progress(0, all);
    while let Some(ended) = reading.join_next().await {
        let (at, seen) = ended.map_err(|error| error.to_string())?;
        done.push((at, seen?));
        progress(done.len(), all);
    }
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, seen)| seen).collect())
}

/// One layer where it lies, and that its bytes are those of its digest; waits.
fn read(
    scanner: &Scanner,
    layer: &LocalLayer,
    versions: &super::Versions,
) -> Result<(Digest, super::Seen), String> {
    let bytes = layer.bytes.open().map_err(|error| error.to_string())?;
    let mut hashed = Hashed(bytes, Sha256::new());
    let asked = Descriptor::of(&layer.media_type, b"");
    // What was said of a layer is kept by its digest, and that is known at the end only.
    let known = scanner.known(None, versions);
    let seen = scanner.read(&asked, known, None, &mut hashed);
    let seen = seen.map_err(|why| why.to_string())?;
    // Nothing after the archive's end is read for its content, but all of it is hashed.
    io::copy(&mut hashed, &mut io::sink()).map_err(|error| error.to_string())?;
    let digest = Digest::Sha256(hashed.1.finalize().into());
    match layer.digest {
        Some(wanted) if wanted != digest => {
            Err(format!("what lies under {wanted} is something else"))
        }
        _ => Ok((digest, seen)),
    }
}

struct Hashed(Box<dyn Read + Send>, Sha256);

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

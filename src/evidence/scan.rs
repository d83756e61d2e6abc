//! What is in the layers: each is read once, on its way into the store; what is known about it is asked anew each time.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinError, JoinSet};

use crate::oci::{
    Descriptor, Digest, ImageConfig, ImageManifest, MAX_CONFIG_BYTES, Platform, Repository,
};
use crate::policy::{Contents, Gathered, ScanEvidence, ScannedImage, Viruses};
use crate::report::Survey;
use crate::scan::{Ecosystem, Inventory, LayerFacts, Limits, Source, Toc, Unscannable, merge};
use crate::telemetry;

mod hygiene;
mod known;
mod others;
mod passing;
mod survey;
mod viruses;

pub(super) use others::Asking;
use passing::apart;
use viruses::VirusScanner;

use super::clamd::{Clamd, Looked};
use super::facts::Facts;
use super::scanners::{OtherScanner, OtherScanners};
use super::{AdvisoryData, Content, Structure};

/// Layers that are read at once, of all images: each takes a core and up to some hundred MiB.
const MAX_PASSES: usize = 4;
/// Pieces of a layer that wait for its reader.
const PIECES_AHEAD: usize = 8;
/// The folder of what a virus scanner said, beside that of facts.
const ANSWERS: &str = "viruses";
/// The folder of what other scanners said, beside that.
const REPORTS: &str = "reports";

/// Looks into images.
pub struct Scanner {
    facts: Facts,
    advisories: Arc<AdvisoryData>,
    viruses: Option<VirusScanner>,
    others: Arc<OtherScanners>,
    passes: Semaphore,
    limits: Limits,
}

/// What a layer holds, and what a virus scanner says of it where there is one.
type Seen = (LayerFacts, Option<Result<Looked, String>>);
/// The version of a virus scanner and its data, or why it does not answer; none where there is none.
type Version = Option<Result<String, String>>;

/// Why there is nothing to say of an image.
enum Failed {
    /// It will never be otherwise.
    ForGood(String),
    /// Another try may end otherwise.
    ForNow(String),
}

impl Failed {
    fn for_now(error: impl std::fmt::Display) -> Failed {
        Failed::ForNow(error.to_string())
    }
}

impl From<Unscannable> for Failed {
    fn from(why: Unscannable) -> Failed {
        match why.temporary() {
            true => Failed::ForNow(why.to_string()),
            false => Failed::ForGood(why.to_string()),
        }
    }
}

impl Scanner {
    /// Keeps facts of layers in `folder`.
    pub fn new(folder: &Path, advisories: Arc<AdvisoryData>) -> Arc<Scanner> {
        Scanner::with(folder, advisories, None, Vec::new())
    }

    /// The same, and shows images to the `others`; with other bounds of a pass.
    pub fn bounded(
        folder: &Path,
        advisories: Arc<AdvisoryData>,
        others: Vec<OtherScanner>,
        limits: Limits,
    ) -> Arc<Scanner> {
        let scanner = Scanner::made(folder, advisories, None, others);
        Arc::new(Scanner { limits, ..scanner })
    }

    /// The same, and shows the files of layers to `clamd`, and images to the `others` for whom profiles ask.
    pub fn with(
        folder: &Path,
        advisories: Arc<AdvisoryData>,
        clamd: Option<Clamd>,
        others: Vec<OtherScanner>,
    ) -> Arc<Scanner> {
        Arc::new(Scanner::made(folder, advisories, clamd, others))
    }

    fn made(
        folder: &Path,
        advisories: Arc<AdvisoryData>,
        clamd: Option<Clamd>,
        others: Vec<OtherScanner>,
    ) -> Scanner {
        let answers = folder.with_file_name(ANSWERS);
        let reports = folder.with_file_name(REPORTS);
        Scanner {
            others: Arc::new(OtherScanners::new(others, &reports)),
            facts: Facts::in_folder(folder),
            advisories,
            viruses: clamd.map(|clamd| VirusScanner::new(clamd, &answers)),
            passes: Semaphore::new(MAX_PASSES),
            limits: Limits::default(),
        }
    }

    /// What it asks.
    pub fn advisories(&self) -> &Arc<AdvisoryData> {
        &self.advisories
    }

    /// Looks into every judged image; `Absent` where the subject is an artifact and has no file system.
    pub(super) async fn collect(
        self: Arc<Self>,
        content: Arc<Content>,
        repository: Repository,
        structure: Arc<Structure>,
        asking: Asking,
    ) -> Gathered<ScanEvidence> {
        let images = &structure.images;
        if images.iter().any(|(_, _, image)| !image.is_container()) {
            return Gathered::Absent;
        }
        let looking = images.iter().cloned().map(|(manifest, platform, image)| {
            let (scanner, content) = (self.clone(), content.clone());
            let (repository, asking) = (repository.clone(), asking.clone());
            async move {
                let named = (&repository, manifest, platform.as_ref());
                scanner.image(&content, named, &image, &asking).await
            }
        });
        match together(looking, |crashed| crashed.to_string()).await {
            Ok(images) => Gathered::Found(ScanEvidence {
                images,
                exonerations: Vec::new(),
            }),
            Err(why) => Gathered::unavailable(why),
        }
    }

    async fn image(
        self: &Arc<Self>,
        content: &Arc<Content>,
        (repository, manifest, platform): (&Repository, Digest, Option<&Platform>),
        image: &ImageManifest,
        asking: &Asking,
    ) -> Result<ScannedImage, String> {
        let version = self.virus_scanner().await;
        let layers = self
            .layers(content, repository, &image.layers, version.clone())
            .await;
        let config = content
            .small(repository, &image.config, MAX_CONFIG_BYTES)
            .await
            .map_err(|error| error.to_string())?;
        let config = ImageConfig::parse(&config).map_err(|error| error.to_string())?;
        let platform = platform.unwrap_or(&config.platform).clone();
        let created = config.created;
        let looked = match layers {
            Ok(layers) => {
                let (layers, viruses) = apart(layers, version);
                self.contents(layers, viruses, image.config.digest, config)
                    .await
            }
            Err(failed) => Err(failed),
        };
        let (inventory, contents) = match looked {
            Ok(looked) => looked,
            Err(Failed::ForGood(why)) => {
                return Ok(ScannedImage {
                    platform,
                    contents: Err(why),
                    opinions: Vec::new(),
                });
            }
            Err(Failed::ForNow(why)) => return Err(why),
        };
        let survey = Survey {
            target: repository.to_string(),
            platform,
            created,
            at: telemetry::now(),
            manifest: Some(manifest),
            config: image.config.digest,
            layers: image.layers.iter().map(|layer| layer.digest).collect(),
            inventory,
            contents,
        };
        let opinions = self.opinions(content, (repository, image), &survey, asking);
        let opinions = opinions.await?;
        Ok(ScannedImage {
            platform: survey.platform,
            contents: Ok(survey.contents),
            opinions,
        })
    }

    async fn contents(
        self: &Arc<Self>,
        layers: Vec<(Digest, LayerFacts)>,
        viruses: Option<Viruses>,
        digest: Digest,
        config: ImageConfig,
    ) -> Result<(Inventory, Contents), Failed> {
        let merged = tokio::task::spawn_blocking(move || {
            merge(&Source {
                layers: &layers,
                config: digest,
                environment: &config.container.env,
                diff_ids: &config.diff_ids,
            })
        });
        let inventory = merged.await.map_err(Failed::for_now)??;
        let known = inventory
            .packages
            .iter()
            .map(|package| &package.ecosystem)
            .filter(|ecosystem| !matches!(ecosystem, Ecosystem::Unsupported(_)))
            .map(|ecosystem| ecosystem.base().to_owned());
        let wanted: BTreeSet<String> = known.collect();
        let asked: Vec<String> = wanted.into_iter().collect();
        let missing = self.advisories.ensure(asked.clone()).await;
        let current = self.advisories.current();
        let matched = tokio::task::spawn_blocking(move || {
            let judged = known::judged(&inventory, &current, &asked, &missing, viruses);
            judged.map(|contents| (inventory, contents))
        });
        matched
            .await
            .map_err(Failed::for_now)?
            .map_err(Failed::ForNow)
    }

    /// The facts of all layers, base first; all are fetched and read at once.
    async fn layers(
        self: &Arc<Self>,
        content: &Arc<Content>,
        repository: &Repository,
        layers: &[Descriptor],
        version: Version,
    ) -> Result<Vec<(Digest, Seen)>, Failed> {
        let reading = layers.iter().cloned().map(|layer| {
            let (scanner, content) = (self.clone(), content.clone());
            let (repository, version) = (repository.clone(), version.clone());
            async move {
                let facts = scanner.layer(&content, &repository, &layer, version).await;
                facts.map(|facts| (layer.digest, facts))
            }
        });
        together(reading, Failed::for_now).await
    }

    async fn layer(
        self: &Arc<Self>,
        content: &Content,
        repository: &Repository,
        layer: &Descriptor,
        version: Version,
    ) -> Result<Seen, Failed> {
        if !layer.urls.is_empty() {
            return Err(Unscannable::Foreign.into());
        }
        let toc = Toc::announced(&layer.annotations)?;
        let (scanner, wanted, asked) = (self.clone(), layer.clone(), version.clone());
        let kept = tokio::task::spawn_blocking(move || scanner.kept(&wanted, &asked));
        if let Some(seen) = kept.await.map_err(Failed::for_now)? {
            return Ok(seen);
        }
        let _pass = self.passes.acquire().await.map_err(Failed::for_now)?;
        let mut reading = content
            .layer(repository, layer)
            .await
            .map_err(Failed::for_now)?;
        let kept_by = version.clone();
        let (pieces, arriving) = mpsc::channel(PIECES_AHEAD);
        let (scanner, wanted) = (self.clone(), layer.clone());
        let pass = tokio::task::spawn_blocking(move || {
            let bytes = Arriving {
                pieces: arriving,
                piece: Some(Bytes::new()),
            };
            scanner.read(&wanted, &version, toc, bytes)
        });
        let whole = loop {
            let piece = reading.chunk().await.transpose();
            let (last, whole) = (!matches!(piece, Ok(Some(_))), matches!(piece, Ok(None)));
            // A reader that has seen enough is gone.
            let sent = pieces.send(piece.map_err(|error| error.to_string())).await;
            if last || sent.is_err() {
                break whole;
            }
        };
        let (facts, looked) = pass.await.map_err(Failed::for_now)??;
        if !whole {
            // Only the end says that the bytes are those of the digest.
            return Err(Failed::for_now("the layer was not read to its end"));
        }
        let (scanner, wanted) = (self.clone(), layer.clone());
        let kept = tokio::task::spawn_blocking(move || {
            scanner.keep(&wanted, &kept_by, &facts, looked.as_ref());
            (facts, looked)
        });
        kept.await.map_err(Failed::for_now)
    }
}

/// Does all at once and gives the results in their order; the first failure ends the others.
async fn together<T: Send + 'static, E: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = Result<T, E>> + Send + 'static>,
    crashed: impl Fn(JoinError) -> E,
) -> Result<Vec<T>, E> {
    let mut running = JoinSet::new();
    for (at, one) in all.enumerate() {
        running.spawn(async move { (at, one.await) });
    }
    let mut done = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (at, result) = ended.map_err(&crashed)?;
        done.push((at, result?));
    }
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// A layer's pieces as a reader that may block. The end is said; silence is none.
struct Arriving {
    pieces: mpsc::Receiver<Result<Option<Bytes>, String>>,
    piece: Option<Bytes>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.as_ref().is_some_and(Bytes::is_empty) {
            let next = self.pieces.blocking_recv();
            let next = next.unwrap_or_else(|| Err("its download was given up".to_owned()));
            self.piece = next.map_err(io::Error::other)?;
        }
        let Some(piece) = &mut self.piece else {
            return Ok(0);
        };
        let count = piece.len().min(buffer.len());
        if let Some(buffer) = buffer.get_mut(..count) {
            piece.copy_to_slice(buffer);
        }
        Ok(count)
    }
}

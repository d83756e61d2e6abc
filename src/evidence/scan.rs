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
use crate::policy::{Contents, Gathered, ScanEvidence, ScannedImage};
use crate::report::Survey;
use crate::scan::{Ecosystem, Inventory, LayerFacts, Limits, Source, Toc, Unscannable, merge};
use crate::store::Reading;
use crate::telemetry::{self, Working};

mod hygiene;
mod known;
mod lookers;
mod others;
mod passing;
mod survey;

use lookers::{Answer, Looker, Said, Versions, Who};
pub(super) use others::Asking;

use super::clamd::Clamd;
use super::facts::Facts;
use super::scanners::{OtherScanner, OtherScanners};
use super::{AdvisoryData, Content, Structure};

/// Layers that are read at once, of all images: each takes a core and up to some hundred MiB.
const MAX_PASSES: usize = 4;
/// Pieces of a layer that wait for its reader.
const PIECES_AHEAD: usize = 8;
/// The folder of what other scanners said, beside that of facts.
const REPORTS: &str = "reports";

/// Looks into images.
pub struct Scanner {
    facts: Facts,
    advisories: Arc<AdvisoryData>,
    /// Who is shown the files of layers.
    lookers: Vec<Looker>,
    others: Arc<OtherScanners>,
    passes: Semaphore,
    limits: Limits,
}

/// Who helps to look into images.
#[derive(Default)]
pub struct Helpers {
    /// Is shown the files of layers.
    pub clamd: Option<Clamd>,
    /// Are tried on the files of layers.
    #[cfg(feature = "yara")]
    pub yara: Option<super::Yara>,
    /// Are asked about images where profiles want it.
    pub others: Vec<OtherScanner>,
}

/// What a layer holds, and what each who looks at its files says of them.
type Seen = (LayerFacts, Vec<Answer>);

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
        Scanner::with(folder, advisories, Helpers::default())
    }

    /// The same with `helpers`.
    pub fn with(folder: &Path, advisories: Arc<AdvisoryData>, helpers: Helpers) -> Arc<Scanner> {
        Scanner::bounded(folder, advisories, helpers, Limits::default())
    }

    /// The same with other bounds of a pass.
    pub fn bounded(
        folder: &Path,
        advisories: Arc<AdvisoryData>,
        helpers: Helpers,
        limits: Limits,
    ) -> Arc<Scanner> {
        let data = folder.parent().unwrap_or(folder);
        let lookers = helpers.clamd.map(Who::Clamd).into_iter();
        #[cfg(feature = "yara")]
        let lookers = lookers.chain(helpers.yara.map(Who::Yara));
        Arc::new(Scanner {
            others: Arc::new(OtherScanners::new(helpers.others, &data.join(REPORTS))),
            facts: Facts::in_folder(folder),
            advisories,
            lookers: lookers.map(|who| Looker::new(who, data)).collect(),
            passes: Semaphore::new(MAX_PASSES),
            limits,
        })
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
        let versions = self.versions().await;
        let layers = self
            .layers(content, repository, &image.layers, versions.clone())
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
                let (layers, said) = self.apart(layers, versions);
                self.contents(layers, said, image.config.digest, config)
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
        said: Said,
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
            let judged = known::judged(&inventory, &current, &asked, &missing, said);
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
        versions: Versions,
    ) -> Result<Vec<(Digest, Seen)>, Failed> {
        let reading = layers.iter().cloned().map(|layer| {
            let (scanner, content) = (self.clone(), content.clone());
            let (repository, versions) = (repository.clone(), versions.clone());
            async move {
                let facts = scanner.layer(&content, &repository, &layer, versions).await;
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
        versions: Versions,
    ) -> Result<Seen, Failed> {
        if !layer.urls.is_empty() {
            return Err(Unscannable::Foreign.into());
        }
        let toc = Toc::announced(&layer.annotations)?;
        let (scanner, wanted, asked) = (self.clone(), layer.clone(), versions.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let known = scanner.known(Some(&wanted.digest), &asked);
            (scanner.facts.read(&wanted), known)
        });
        let (facts, known) = kept.await.map_err(Failed::for_now)?;
        if let Some(facts) = facts
            && known.iter().all(Option::is_some)
        {
            return Ok((facts, known.into_iter().flatten().collect()));
        }
        let layer_of = format!("layer {} of {repository}", layer.digest);
        let waiting = telemetry::works().wait(format!("a turn to read {layer_of}"));
        let pass = waiting.until(self.passes.acquire()).await;
        let _pass = pass.map_err(Failed::for_now)?;
        drop(waiting);
        let what = format!("{layer_of}, which is read");
        let working = telemetry::works().begin(what, Some(layer.size));
        let reading = working.until(content.layer(repository, layer)).await;
        let reading = reading.map_err(Failed::for_now)?;
        let (pieces, arriving) = mpsc::channel(PIECES_AHEAD);
        let (scanner, wanted) = (self.clone(), layer.clone());
        let pass = tokio::task::spawn_blocking(move || {
            let bytes = Arriving {
                pieces: arriving,
                piece: Some(Bytes::new()),
            };
            scanner.read(&wanted, known, toc, bytes)
        });
        let (whole, seen) = working
            .until(async { (feed(reading, pieces, &working).await, pass.await) })
            .await;
        let seen = seen.map_err(Failed::for_now)??;
        if !whole {
            // Only the end says that the bytes are those of the digest.
            return Err(Failed::for_now("the layer was not read to its end"));
        }
        let (scanner, wanted) = (self.clone(), layer.clone());
        let kept = tokio::task::spawn_blocking(move || {
            scanner.keep(&wanted, &versions, &seen);
            seen
        });
        kept.await.map_err(Failed::for_now)
    }
}

/// Hands the pieces of a layer on; whether they were all there.
async fn feed(mut reading: Reading, pieces: Pieces, working: &Working) -> bool {
    loop {
        let piece = reading.chunk().await.transpose();
        if let Ok(Some(piece)) = &piece {
            working.add(piece.len() as u64);
        }
        let (last, whole) = (!matches!(piece, Ok(Some(_))), matches!(piece, Ok(None)));
        // A reader that has seen enough is gone.
        let sent = pieces.send(piece.map_err(|error| error.to_string())).await;
        if last || sent.is_err() {
            return whole;
        }
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

/// Where the pieces of a layer go; none at its end.
type Pieces = mpsc::Sender<Result<Option<Bytes>, String>>;

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

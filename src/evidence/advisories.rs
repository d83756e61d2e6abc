//! Advisory data: opened from a folder, fetched the first time that an ecosystem is met, refreshed, swapped whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::scan::{Advisories, Built, Ecosystem, Exploited, build};
use crate::telemetry;
use crate::upstream::Upstream;

mod changes;
mod checksum;
mod download;
mod fetch;

pub use fetch::Fetched;

/// How long a failure to fetch stands: pulls that wait in a row do not ask anew each.
const FAILURE_STANDS: Duration = Duration::from_secs(60);
/// What is known of exploitation; each is one file of the folder, if it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exploitation {
    /// What is exploited in the wild: CISA's KEV catalogue.
    Known,
    /// How likely each vulnerability is to be: FIRST's EPSS scores.
    Likely,
}

impl Exploitation {
    /// Both.
    pub const ALL: [Exploitation; 2] = [Exploitation::Known, Exploitation::Likely];

    /// What it is called before people.
    pub fn as_str(self) -> &'static str {
        match self {
            Exploitation::Known => "known exploited vulnerabilities",
            Exploitation::Likely => "probabilities of exploitation",
        }
    }

    pub(super) fn file(self) -> &'static str {
        match self {
            Exploitation::Known => "known_exploited_vulnerabilities.json",
            Exploitation::Likely => "epss_scores.csv.gz",
        }
    }

    fn read(self, file: &Path) -> Result<Exploited, String> {
        let read = match self {
            Exploitation::Known => Exploited::read(Some(file), None),
            Exploitation::Likely => Exploited::read(None, Some(file)),
        };
        read.map_err(|error| error.to_string())
    }
}

/// How names of files begin that are on their way.
pub const PARTIAL: &str = ".partial";

/// What is told while bytes arrive: how many have, and how many there are.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, Option<u64>) + Send);

/// All advisories at one moment.
pub struct Current {
    /// To be asked; or why not.
    pub advisories: Result<Advisories, String>,
    /// When the data of each ecosystem was fetched.
    pub fetched: BTreeMap<String, Timestamp>,
    stamp: Vec<(PathBuf, Option<SystemTime>, u64)>,
}

/// Where exports are fetched.
pub struct AdvisorySource {
    /// Who has them.
    pub upstream: Arc<Upstream>,
    /// The path above them: `/`.
    pub path: String,
}

/// The advisories of a folder.
pub struct AdvisoryData {
    folder: PathBuf,
    source: Option<AdvisorySource>,
    exploited: Option<[AdvisorySource; 2]>,
    current: ArcSwap<Current>,
    epoch: AtomicU64,
    /// One fetches at a time; what failed not long ago, and why.
    fetching: Mutex<BTreeMap<String, (Instant, String)>>,
}

impl AdvisoryData {
    /// Opens the folder, which need not be there. Without a source nothing is fetched.
    pub fn open(folder: &Path, source: Option<AdvisorySource>) -> Arc<AdvisoryData> {
        AdvisoryData::open_with(folder, source, None)
    }

    /// The same, with where each kind of [`Exploitation`] is fetched.
    pub fn open_with(
        folder: &Path,
        source: Option<AdvisorySource>,
        exploited: Option<[AdvisorySource; 2]>,
    ) -> Arc<AdvisoryData> {
        Arc::new(AdvisoryData {
            current: ArcSwap::from_pointee(Current::open(folder)),
            folder: folder.to_owned(),
            source,
            exploited,
            epoch: AtomicU64::new(0),
            fetching: Mutex::new(BTreeMap::new()),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is there now.
    pub fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    /// Counts changes of the data.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Opens the folder anew if another process changed it. Waits for the disk.
    pub fn reread(&self) {
        if self.current.load().stamp != stamp(&self.folder) {
            self.current.store(Arc::new(Current::open(&self.folder)));
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Fetches what is not there yet of these ecosystems, and says of which it could not and why.
    pub(super) async fn ensure(&self, wanted: Vec<String>) -> BTreeMap<String, String> {
        let mut missing = BTreeMap::new();
        for ecosystem in wanted {
            if self.current().has(&ecosystem) {
                continue;
            }
            let mut failures = self.fetching.lock().await;
            if self.current().has(&ecosystem) {
                continue;
            }
            if let Some((at, why)) = failures.get(&ecosystem)
                && at.elapsed() < FAILURE_STANDS
            {
                missing.insert(ecosystem, why.clone());
                continue;
            }
            tracing::info!(ecosystem, "fetching advisories, for the first time");
            let what = format!("the advisories of {ecosystem}, which are fetched");
            let working = telemetry::works().begin(what, None);
            let mut arrived = |bytes, of| working.set(bytes, of);
            match working.until(self.fetch(&ecosystem, &mut arrived)).await {
                Ok(fetched) => {
                    let headers = fetched.built().map(|built| built.headers.iter());
                    let records: u64 = headers.into_iter().flatten().map(|one| one.records).sum();
                    tracing::info!(ecosystem, records, "advisories fetched");
                    failures.remove(&ecosystem);
                }
                Err(why) => {
                    tracing::warn!(ecosystem, why, "advisories are not fetched");
                    let why = format!("{why}; by hand: lazaret db update {ecosystem:?}");
                    failures.insert(ecosystem.clone(), (Instant::now(), why.clone()));
                    missing.insert(ecosystem, why);
                }
            }
        }
        missing
    }

    /// When that was fetched or imported.
    pub fn exploited_at(&self, what: Exploitation) -> Option<Timestamp> {
        let about = std::fs::metadata(self.folder.join(what.file())).ok()?;
        Timestamp::try_from(about.modified().ok()?).ok()
    }

    /// Puts a file in the place of what is there, if it is what it should be. It ceases to be where it was. Waits for
    /// the disk.
    ///
    /// # Errors
    /// Why not, in a sentence; what was there stays.
    pub fn keep_exploited(&self, what: Exploitation, passing: &Path) -> Result<(), String> {
        what.read(passing)?;
        let place = self.folder.join(what.file());
        std::fs::rename(passing, place).map_err(|error| error.to_string())?;
        self.reread();
        Ok(())
    }

    /// Builds the data of an export that lies on disk: of one ecosystem, or of all that it names.
    ///
    /// # Errors
    /// Why not, in a sentence; what was there stays.
    pub async fn import(
        &self,
        export: &Path,
        ecosystem: Option<&str>,
        fetched: Timestamp,
    ) -> Result<Built, String> {
        let (folder, export) = (self.folder.clone(), export.to_owned());
        let only = ecosystem.map(Ecosystem::named);
        let building = tokio::task::spawn_blocking(move || {
            let built = build(&export, only.as_ref(), &folder).map_err(|e| e.to_string())?;
            for header in &built.headers {
                note_fetched(&folder, &header.ecosystem, fetched)?;
            }
            Ok::<_, String>(built)
        });
        let built = building
            .await
            .map_err(|_| "the export's reader crashed".to_owned())??;
        self.reread();
        Ok(built)
    }
}

impl Current {
    fn open(folder: &Path) -> Current {
        // First, so that a change while it is opened is seen the next time.
        let stamp = stamp(folder);
        if !folder.is_dir() {
            return Current {
                advisories: Ok(Advisories::default()),
                fetched: BTreeMap::new(),
                stamp,
            };
        }
        let advisories = exploited(folder).and_then(|exploited| {
            Advisories::open(folder, exploited).map_err(|error| error.to_string())
        });
        let mut fetched = BTreeMap::new();
        for index in advisories.iter().flat_map(Advisories::indexes) {
            let header = index.header();
            let file = folder.join(Ecosystem::named(&header.ecosystem).index_file());
            let said = std::fs::read_to_string(file.with_extension("fetched")).ok();
            let at = said.and_then(|at| at.trim().parse().ok());
            fetched.insert(header.ecosystem.clone(), at.unwrap_or(header.watermark));
        }
        Current {
            advisories,
            fetched,
            stamp,
        }
    }

    fn has(&self, ecosystem: &str) -> bool {
        self.fetched.contains_key(ecosystem)
    }
}

/// What changes when the folder does.
fn stamp(folder: &Path) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut stamp: Vec<_> = entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with(PARTIAL))
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, about)| (path, about.modified().ok(), about.len()))
        .collect();
    stamp.sort();
    stamp
}

/// Keeps when the data of an ecosystem was fetched; waits for the disk.
fn note_fetched(folder: &Path, ecosystem: &str, at: Timestamp) -> Result<(), String> {
    let file = folder.join(Ecosystem::named(ecosystem).index_file());
    std::fs::write(file.with_extension("fetched"), at.to_string())
        .map_err(|error| format!("{}: {error}", file.display()))
}

fn exploited(folder: &Path) -> Result<Exploited, String> {
    let [known, likely] = Exploitation::ALL.map(|what| folder.join(what.file()));
    let there = |file: &PathBuf| file.is_file();
    Exploited::read(
        Some(known.as_path()).filter(|_| there(&known)),
        Some(likely.as_path()).filter(|_| there(&likely)),
    )
    .map_err(|error| format!("{}: {error}", folder.display()))
}

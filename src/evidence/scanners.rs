//! Other scanners: asked about an image once its layers are here; what they said is kept for a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Content;
use super::kept::Kept;
use crate::oci::{Digest, ImageManifest, Platform, Repository};
use crate::policy::{Opinion, Said};
use crate::telemetry;

mod exec;
mod foreign;
mod harbor;
mod http;
mod layout;
mod report;
mod shown;

pub use exec::Program;
pub(super) use foreign::{Named, read, read_value};
pub use harbor::Adapter;
pub(super) use harbor::read as adapter_report;
pub use http::{Login, Webhook};
use report::Report;
pub(super) use report::severity;
pub use shown::{Exhibit, Shown};

/// Most answers that are kept: some ten KiB each.
const MAX_KEPT: usize = 20_000;
/// How package URLs of distributions' packages begin (purl-spec, types).
const DISTRIBUTIONS: [&str; 3] = ["pkg:deb/", "pkg:apk/", "pkg:rpm/"];
/// The folder where programs find images.
const SCRATCH: &str = "scratch";
/// Images that are shown to other scanners at once: each unpacks one.
const MAX_ASKED: usize = 2;
/// Largest report that is read: that of an image with ten thousand findings has some 30 MiB.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// A scanner beside our own.
pub struct OtherScanner {
    /// By which policies name it.
    pub name: String,
    /// How it is asked.
    pub way: ScannerWay,
    /// How long it may take.
    pub patience: Duration,
    /// How long what it says is good.
    pub good_for: Duration,
}

/// How a scanner is asked.
pub enum ScannerWay {
    /// A program on this machine.
    Program(Program),
    /// A server that is told what is in the image.
    Webhook(Webhook),
    /// An adapter of Harbor's, which fetches the image from us.
    Harbor(Adapter),
}

impl ScannerWay {
    /// Changes where answers may.
    fn identity(&self) -> String {
        match self {
            ScannerWay::Program(program) => program.identity(),
            ScannerWay::Webhook(server) => server.identity(),
            ScannerWay::Harbor(adapter) => adapter.identity(),
        }
    }
}

/// All scanners beside our own.
pub struct OtherScanners {
    all: Vec<OtherScanner>,
    kept: Kept,
    /// Where programs find images.
    scratch: PathBuf,
    running: Semaphore,
}

/// An image that scanners are asked about.
pub(super) struct Asked {
    pub(super) content: Arc<Content>,
    pub(super) repository: Repository,
    pub(super) manifest: Digest,
    pub(super) platform: Platform,
    pub(super) image: ImageManifest,
    /// What is in it (CycloneDX).
    pub(super) bill: Value,
}

impl Asked {
    /// Whether packages of a distribution are in it.
    fn distribution(&self) -> bool {
        let parts = self.bill.get("components").and_then(Value::as_array);
        parts.into_iter().flatten().any(|part| {
            let purl = part.get("purl").and_then(Value::as_str).unwrap_or_default();
            DISTRIBUTIONS.iter().any(|kind| purl.starts_with(kind))
        })
    }
}

impl OtherScanners {
    /// Keeps what they say in `folder`, and shows images to programs in one beside it.
    pub fn new(all: Vec<OtherScanner>, folder: &Path) -> OtherScanners {
        let scratch = folder.with_file_name(SCRATCH);
        layout::tidy(&scratch);
        OtherScanners {
            all,
            scratch,
            kept: Kept::open(folder, "json", MAX_KEPT),
            running: Semaphore::new(MAX_ASKED),
        }
    }

    fn find(&self, name: &str) -> Result<&OtherScanner, String> {
        let found = self.all.iter().find(|one| one.name == name);
        found.ok_or_else(|| format!("lazaret.toml has no [scanner.{name}]"))
    }

    /// What was said of an image before, by all of these; none where somebody has not been asked.
    pub(super) fn recall(&self, names: &[String], manifest: &Digest) -> Option<Vec<Opinion>> {
        let recalled = names.iter().map(|name| {
            let (report, _) = self.before(self.find(name).ok()?, manifest)?;
            Some(opinion(name, Ok(report.said(None))))
        });
        recalled.collect()
    }

    /// What was said, and until when it is good; waits for the disk.
    fn before(&self, scanner: &OtherScanner, manifest: &Digest) -> Option<(Report, Timestamp)> {
        let json = self.kept.read(&file(scanner, manifest))?;
        let report: Report = serde_json::from_slice(&json).ok()?;
        let until = report.at?.checked_add(span(scanner.good_for)).ok()?;
        Some((report, until))
    }

    /// Asks all of these at once.
    pub(super) async fn ask(self: &Arc<Self>, names: &[String], asked: Asked) -> Vec<Opinion> {
        let asked = Arc::new(asked);
        let mut asking = JoinSet::new();
        for (at, name) in names.iter().cloned().enumerate() {
            let (scanners, asked) = (self.clone(), asked.clone());
            asking.spawn(async move { (at, scanners.ask_one(&name, &asked).await) });
        }
        let mut told: Vec<Option<Result<Said, String>>> = vec![None; names.len()];
        while let Some(ended) = asking.join_next().await {
            if let Ok((at, said)) = ended
                && let Some(place) = told.get_mut(at)
            {
                *place = Some(said);
            }
        }
        let crashed = || Err("asking it crashed; the server's log has the reason".to_owned());
        let told = told.into_iter().map(|said| said.unwrap_or_else(crashed));
        names
            .iter()
            .zip(told)
            .map(|(name, said)| opinion(name, said))
            .collect()
    }

    async fn ask_one(self: &Arc<Self>, name: &str, asked: &Asked) -> Result<Said, String> {
        let scanner = self.find(name)?;
        if let Some((report, until)) = self.before(scanner, &asked.manifest)
            && until > telemetry::now()
        {
            return Ok(report.said(Some(until)));
        }
        let answering = async {
            let _turn = self
                .running
                .acquire()
                .await
                .map_err(|error| error.to_string())?;
            match &scanner.way {
                ScannerWay::Program(program) => program.ask(asked, &self.scratch).await,
                ScannerWay::Webhook(server) => server.ask(asked).await,
                ScannerWay::Harbor(adapter) => adapter.ask(asked).await,
            }
        };
        let late = |_| Err(format!("no answer within {} s", scanner.patience.as_secs()));
        let image = asked.repository.at_digest(asked.manifest);
        let waiting = telemetry::works().wait(format!("the scanner {name}, asked about {image}"));
        let answered = tokio::time::timeout(scanner.patience, answering);
        let mut report = waiting.until(answered).await.unwrap_or_else(late)?;
        drop(waiting);
        let now = telemetry::now();
        report.at = Some(now);
        let written = serde_json::to_vec(&report)
            .map_err(std::io::Error::other)
            .and_then(|json| self.kept.write(&file(scanner, &asked.manifest), &json));
        if let Err(error) = written {
            tracing::warn!(scanner = name, %error, "what a scanner said is not kept");
        }
        Ok(report.said(now.checked_add(span(scanner.good_for)).ok()))
    }
}

fn opinion(name: &str, said: Result<Said, String>) -> Opinion {
    Opinion {
        scanner: name.to_owned(),
        said,
    }
}

fn file(scanner: &OtherScanner, manifest: &Digest) -> String {
    let asked = format!("{}\n{manifest}\n{}", scanner.name, scanner.way.identity());
    Digest::of(asked.as_bytes()).hex().to_owned()
}

fn span(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

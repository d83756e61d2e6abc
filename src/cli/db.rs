//! `lazaret db`: the advisories that scans ask.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::bar::Bar;
use super::wire::{Trouble, about, runtime, settings};
use super::{DataArgs, DbCommand, FAILED, REFUSED, output};
use crate::config::Server;
use crate::evidence::{AdvisoryData, AdvisorySource, Exploitation, Fetched, PARTIAL};
use crate::oci::Digest;
use crate::scan::{Advisories, Built, Ecosystem};
use crate::telemetry;

/// The folder of advisories in the data folder.
const FOLDER: &str = "advisories";
/// What fetching is called in messages.
const NAME: &str = "OSV";
/// CISA's catalogue of what is exploited.
const KEV: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
/// FIRST's scores of the day.
const EPSS: &str = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz";
/// How long an export may let its first byte wait, with all retries.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two refreshes of a server; OSV makes its exports anew all the time.
const REFRESH: Duration = Duration::from_secs(6 * 3600);
/// Between two looks at whether somebody else changed the folder.
const LOOK: Duration = Duration::from_secs(30);
/// Between two tries to fetch what is exploited while nothing is known of it.
const AGAIN: Duration = Duration::from_secs(600);

/// The folder of a server's advisories.
fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// The advisories of a server; they fetch by themselves what they lack, where its file lets them.
pub(super) fn advisories(server: &Server, by_hand: bool) -> Result<Arc<AdvisoryData>, Trouble> {
    let (source, exploited) = match by_hand || server.upstream.fetch_advisories {
        true => (Some(source(server)?), Some(exploited(server)?)),
        false => (None, None),
    };
    let folder = folder(&server.data_dir);
    Ok(AdvisoryData::open_with(&folder, source, exploited))
}

/// Where each kind of [`Exploitation`] is fetched.
fn exploited(server: &Server) -> Result<[AdvisorySource; 2], Trouble> {
    let source = |name, written: Option<&url::Url>, usual| {
        let url = written.map_or(usual, url::Url::as_str);
        let path = url::Url::parse(url).map(|url| url.path().to_owned());
        Ok::<_, Trouble>(AdvisorySource {
            upstream: super::wire::outside(server, name, url, DEADLINE)?,
            path: path.unwrap_or_default(),
        })
    };
    let upstream = &server.upstream;
    Ok([
        source("KEV", upstream.known_exploited.as_ref(), KEV)?,
        source("EPSS", upstream.epss.as_ref(), EPSS)?,
    ])
}

fn source(server: &Server) -> Result<AdvisorySource, Trouble> {
    let usual = "https://osv-vulnerabilities.storage.googleapis.com";
    let written = server.upstream.advisories.as_ref();
    let url = written.map_or(usual, url::Url::as_str);
    let path = url::Url::parse(url).map(|url| url.path().to_owned());
    let path = path.unwrap_or_default();
    Ok(AdvisorySource {
        upstream: super::wire::outside(server, NAME, url, DEADLINE)?,
        path: format!("{}/", path.trim_end_matches('/')),
    })
}

/// What lies in a data folder; nothing is fetched.
pub(super) fn opened(data_dir: &Path) -> Arc<AdvisoryData> {
    AdvisoryData::open(&folder(data_dir), None)
}

pub(super) fn db(command: DbCommand) -> ExitCode {
    let done = match command {
        DbCommand::Update { ecosystems, data } => {
            runtime().and_then(|runtime| runtime.block_on(update(&ecosystems, &data)))
        }
        DbCommand::Import {
            export,
            ecosystem,
            kev,
            epss,
            data,
        } => runtime().and_then(|runtime| {
            runtime.block_on(import(
                export.as_deref(),
                ecosystem.as_deref(),
                kev.as_deref(),
                epss.as_deref(),
                &data,
            ))
        }),
        DbCommand::Export { file, data } => settings(&data).and_then(|server| {
            let exported = opened(&server.data_dir).export(&file);
            let ecosystems = exported.map_err(Trouble::Other)?;
            output::out(format_args!(
                "{}: {}",
                file.display(),
                ecosystems.join(", ")
            ));
            Ok(ExitCode::SUCCESS)
        }),
        DbCommand::Status { json, data } => status(json, &data),
    };
    done.unwrap_or_else(|trouble| {
        output::err(trouble);
        ExitCode::from(FAILED)
    })
}

/// The ecosystem that a person means: as OSV writes it, whatever the case.
pub(super) fn named(word: &str) -> Result<String, Trouble> {
    let known = Ecosystem::known();
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(word));
    found.map(|found| (*found).to_owned()).ok_or_else(|| {
        Trouble::Other(format!(
            "{word:?} is no ecosystem; known are {}",
            known.join(", ")
        ))
    })
}

async fn update(words: &[String], data: &DataArgs) -> Result<ExitCode, Trouble> {
    let server = settings(data)?;
    let advisories = advisories(&server, true)?;
    let wanted: Vec<String> = match words {
        [] => advisories.current().fetched.keys().cloned().collect(),
        words => words
            .iter()
            .map(|word| named(word))
            .collect::<Result<_, _>>()?,
    };
    if wanted.is_empty() {
        return Err(Trouble::Other(
            "there are no advisories to update yet: name ecosystems, as in `lazaret db update Debian Alpine PyPI`; a server fetches those that it meets by itself".to_owned(),
        ));
    }
    let mut code = ExitCode::SUCCESS;
    for ecosystem in wanted {
        let mut bar = Bar::of(&ecosystem);
        let fetched = advisories
            .fetch(&ecosystem, &mut |arrived, of| bar.show(arrived, of))
            .await;
        bar.clear();
        match fetched {
            Ok(fetched) => tell_fetched(&ecosystem, &fetched),
            Err(why) => {
                output::err(format_args!("error: {ecosystem}: {why}"));
                code = ExitCode::from(REFUSED);
            }
        }
    }
    for what in Exploitation::ALL {
        let mut bar = Bar::of(what.as_str());
        let fetched = advisories
            .fetch_exploited(what, &mut |arrived, of| bar.show(arrived, of))
            .await;
        bar.clear();
        match fetched {
            Ok(()) => output::out(format_args!("{}: fetched", what.as_str())),
            Err(why) => {
                output::err(format_args!("error: {}: {why}", what.as_str()));
                code = ExitCode::from(REFUSED);
            }
        }
    }
    Ok(code)
}

async fn import(
    export: Option<&Path>,
    ecosystem: Option<&str>,
    kev: Option<&Path>,
    epss: Option<&Path>,
    data: &DataArgs,
) -> Result<ExitCode, Trouble> {
    let server = settings(data)?;
    let given = [(Exploitation::Known, kev), (Exploitation::Likely, epss)];
    for (what, file) in given {
        let Some(file) = file else { continue };
        let folder = folder(&server.data_dir);
        std::fs::create_dir_all(&folder).map_err(about(&folder))?;
        let packed = file.extension().is_some_and(|end| end == "gz");
        let passing = folder.join(format!(
            "{PARTIAL}-import{}",
            if packed { ".gz" } else { "" }
        ));
        std::fs::copy(file, &passing).map_err(about(file))?;
        let kept = opened(&server.data_dir).keep_exploited(what, &passing);
        let _ = std::fs::remove_file(&passing);
        kept.map_err(|why| Trouble::Other(format!("{}: {why}", file.display())))?;
        output::out(format_args!("{} are joined from now on", what.as_str()));
    }
    if let Some(bundle) = export.filter(|file| file.extension().is_some_and(|end| end == "tar")) {
        return unpack(bundle, &server);
    }
    if let Some(export) = export {
        // Data is as fresh as its file, not as its import.
        let made = std::fs::metadata(export).and_then(|about| about.modified());
        let made = made.map_err(about(export))?;
        let made = Timestamp::try_from(made).unwrap_or_else(|_| telemetry::now());
        let ecosystem = ecosystem.map(named).transpose()?;
        let advisories = opened(&server.data_dir);
        let built = advisories.import(export, ecosystem.as_deref(), made).await;
        tell(&built.map_err(|why| Trouble::Other(format!("{}: {why}", export.display())))?);
    }
    Ok(ExitCode::SUCCESS)
}

fn unpack(bundle: &Path, server: &Server) -> Result<ExitCode, Trouble> {
    let unpacked = opened(&server.data_dir)
        .unpack(bundle)
        .map_err(Trouble::Other)?;
    for part in unpacked {
        let at = part.fetched.strftime("%Y-%m-%d %H:%M UTC");
        output::out(match part.taken {
            true => format!("{}: of {at}", part.what),
            false => format!("{}: what is here is as new as that of {at}", part.what),
        });
    }
    Ok(ExitCode::SUCCESS)
}

fn tell_fetched(ecosystem: &str, fetched: &Fetched) {
    match fetched {
        Fetched::Whole(built) => tell(built),
        Fetched::Changed(advisories, built) => {
            output::out(format_args!(
                "{ecosystem}: {advisories} changed or new ones fetched"
            ));
            tell(built);
        }
        Fetched::Unchanged(until) => output::out(format_args!(
            "{ecosystem}: nothing changed since {}",
            until.strftime("%Y-%m-%d %H:%M UTC")
        )),
    }
}

fn tell(built: &Built) {
    for header in &built.headers {
        output::out(format_args!(
            "{}: {} advisories about {} packages, the newest of {}",
            header.ecosystem,
            header.records,
            header.packages,
            header.watermark.strftime("%Y-%m-%d %H:%M UTC"),
        ));
    }
    if built.malformed > 0 {
        output::err(format_args!(
            "warning: {} records could not be read and are left out",
            built.malformed
        ));
    }
}

fn status(json: bool, data: &DataArgs) -> Result<ExitCode, Trouble> {
    let server = settings(data)?;
    let advisories = opened(&server.data_dir);
    let current = advisories.current();
    let known = current.advisories.as_ref();
    let known: &Advisories = known.map_err(|why| Trouble::Other(why.clone()))?;
    for index in known.indexes() {
        let header = index.header();
        let fetched = current.fetched.get(&header.ecosystem);
        if json {
            output::out(serde_json::json!({
                "ecosystem": header.ecosystem,
                "fetched": fetched.map(ToString::to_string),
                "watermark": header.watermark.to_string(),
                "advisories": header.records,
                "packages": header.packages,
                "increments": header.increments,
                "digest": index.digest().to_string(),
            }));
            continue;
        }
        let fetched = fetched.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
        output::out(format_args!(
            "{:<14} fetched {}  {:>8} advisories  {:>7} packages  newest {}  {}",
            header.ecosystem,
            fetched.unwrap_or_default(),
            header.records,
            header.packages,
            header.watermark.strftime("%Y-%m-%d %H:%M UTC"),
            short(&index.digest()),
        ));
    }
    let [exploited, likely] = Exploitation::ALL.map(|what| advisories.exploited_at(what));
    if json {
        let [exploited, likely] = [exploited, likely].map(|at| at.map(|at| at.to_string()));
        output::out(serde_json::json!({ "known_exploited": exploited, "epss": likely }));
    } else {
        for (what, at) in Exploitation::ALL.into_iter().zip([exploited, likely]) {
            let at = at.map(|at| at.strftime("fetched %Y-%m-%d %H:%M UTC").to_string());
            let at = at.unwrap_or_else(|| "none known; lazaret db update fetches them".to_owned());
            output::out(format_args!("{}: {at}", what.as_str()));
        }
    }
    if current.fetched.is_empty() && !json {
        output::out(
            "no advisories yet: a server fetches those of the ecosystems that it meets; by hand: lazaret db update Debian",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The beginning of a digest, enough to tell two states of the data apart; `--json` has it whole.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(19).collect()
}

/// Keeps a server's advisories fresh, for as long as it runs, and sees what others put into the folder.
pub(super) async fn keep_fresh(advisories: Arc<AdvisoryData>, fetch: bool) {
    let mut next = tokio::time::Instant::now();
    let mut again = next;
    loop {
        let looked = advisories.clone();
        let _ = tokio::task::spawn_blocking(move || looked.reread()).await;
        let unknown = |what| advisories.exploited_at(what).is_none();
        if fetch
            && Exploitation::ALL.into_iter().any(unknown)
            && tokio::time::Instant::now() >= again
        {
            refresh_exploited(&advisories, false).await;
            again = tokio::time::Instant::now() + AGAIN;
        }
        if fetch && tokio::time::Instant::now() >= next {
            refresh(&advisories).await;
            refresh_exploited(&advisories, true).await;
            next = tokio::time::Instant::now() + REFRESH.mul_f64(0.9 + 0.2 * fastrand::f64());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is exploited matters once there are advisories. `known`: also what is known already.
async fn refresh_exploited(advisories: &AdvisoryData, known: bool) {
    if advisories.current().fetched.is_empty() {
        return;
    }
    for what in Exploitation::ALL {
        if !known && advisories.exploited_at(what).is_some() {
            continue;
        }
        match advisories.fetch_exploited(what, &mut |_, _| {}).await {
            Ok(()) => tracing::info!("{}: fetched", what.as_str()),
            Err(why) => tracing::warn!(why, "{}: not fetched anew", what.as_str()),
        }
    }
}

async fn refresh(advisories: &AdvisoryData) {
    let current = advisories.current();
    for (ecosystem, fetched) in &current.fetched {
        let age = telemetry::now().duration_since(*fetched);
        if age < jiff::SignedDuration::try_from(REFRESH / 2).unwrap_or_default() {
            continue;
        }
        match advisories.fetch(ecosystem, &mut |_, _| {}).await {
            Ok(_) => tracing::info!(ecosystem, "advisories refreshed"),
            Err(why) => tracing::warn!(
                ecosystem,
                why,
                "the advisories are not refreshed and stay as they were"
            ),
        }
    }
}

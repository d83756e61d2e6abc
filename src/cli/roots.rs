//! Trusted roots that stay fresh: `lazaret trust show|update`, and the server's own refreshing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::wire::{Trouble, file_name, known_roots, outside, policy_with, runtime, server};
use super::{FAILED, REFUSED, TrustArgs, output};
use crate::admission::Admission;
use crate::config::{self, Beside, Offered, Server};
use crate::evidence::{Refreshed, refresh_root};
use crate::policy::Policy;
use crate::telemetry;
use crate::trust::{Root, RootSource, built_in_sources};

/// The folder of fetched roots in the data folder.
const FOLDER: &str = "trust";
/// How long one root may take with all retries.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two refreshes: the public roots' timestamps are good for some days.
const INTERVAL: Duration = Duration::from_secs(12 * 3600);
/// Up to so much is added by chance, so that servers do not ask all at once.
const JITTER: Duration = Duration::from_secs(3600);
/// How soon before a root is no longer believed the log says so.
const NEARLY: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// Where fetched roots lie.
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join(FOLDER)
}

/// Whoever asks for a refresh is told what came of each.
async fn refresh_all(
    server: &Server,
    sources: &[RootSource],
    mut told: impl FnMut(&RootSource, &Result<Refreshed, String>),
) -> usize {
    let folder = folder(&server.data_dir);
    let mut failed = 0;
    for source in sources {
        let done = match outside(server, &source.name, &source.mirror, DEADLINE) {
            Ok(upstream) => refresh_root(source, upstream, &folder, telemetry::now()).await,
            Err(trouble) => Err(trouble.to_string()),
        };
        failed += usize::from(done.is_err());
        told(source, &done);
    }
    failed
}

/// Those of the built-in roots, and the policy's.
fn sources(policy: &Policy) -> Vec<RootSource> {
    let mut sources = built_in_sources();
    sources.extend(policy.root_sources().iter().cloned());
    sources
}

pub(super) fn show(args: &TrustArgs) -> ExitCode {
    let shown = load(args).map(|(_, policy)| {
        for root in policy.roots().iter() {
            output::out(line(root, args.json));
        }
    });
    ended(shown.map(|()| 0))
}

pub(super) fn update(names: &[String], args: &TrustArgs) -> ExitCode {
    ended(load(args).and_then(|(server, policy)| {
        let mut chosen = sources(&policy);
        if let Some(unknown) = names
            .iter()
            .find(|name| chosen.iter().all(|source| source.name != **name))
        {
            let known: Vec<&str> = chosen.iter().map(|source| source.name.as_str()).collect();
            let known = known.join(", ");
            return Err(Trouble::Other(format!(
                "no root {unknown} is fetched from anywhere; known are {known}"
            )));
        }
        chosen.retain(|source| names.is_empty() || names.contains(&source.name));
        let failed = runtime()?.block_on(refresh_all(&server, &chosen, |source, done| {
            tell(source, done, args.json)
        }));
        Ok(if failed > 0 { REFUSED } else { 0 })
    }))
}

fn ended(done: Result<u8, Trouble>) -> ExitCode {
    done.map_or_else(
        |trouble| {
            output::err(trouble);
            ExitCode::from(FAILED)
        },
        ExitCode::from,
    )
}

fn load(args: &TrustArgs) -> Result<(Server, Arc<Policy>), Trouble> {
    let mut server = server(args.data.config.as_deref())?;
    if let Some(folder) = &args.data.data_dir {
        server.data_dir.clone_from(folder);
    }
    let file = args.policy.clone().or_else(|| server.policy.clone());
    let policy = policy_with(file, &known_roots(&server.data_dir))?.policy;
    Ok((server, policy))
}

fn tell(source: &RootSource, done: &Result<Refreshed, String>, json: bool) {
    let name = &source.name;
    match done {
        _ if json => output::out(serde_json::json!({
            "root": name, "mirror": source.mirror,
            "digest": done.as_ref().ok().map(|done| done.digest.to_string()),
            "changed": done.as_ref().is_ok_and(|done| done.changed), "error": done.as_ref().err(),
        })),
        Ok(done) => {
            let word = if done.changed {
                "updated"
            } else {
                "up to date"
            };
            output::out(format_args!("{name}: {word}, {}", done.digest));
        }
        Err(why) => output::err(format_args!("error: {name}: {why}; what was there stays")),
    }
}

fn line(root: &Root, json: bool) -> String {
    let stale = root.stale_from();
    if json {
        return serde_json::json!({
            "root": root.name, "digest": root.digest.to_string(), "refreshed": root.refreshed.map(|at| at.to_string()),
            "stale_from": stale.map(|at| at.to_string()),
        })
        .to_string();
    }
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let refreshed = root
        .refreshed
        .map_or("built in".to_owned(), |at| format!("refreshed {}", day(at)));
    let believed = match stale {
        Some(stale) if stale <= telemetry::now() => ", STALE: nothing verifies under it".to_owned(),
        Some(stale) => format!(", believed until {}", day(stale)),
        None => String::new(),
    };
    format!("{:<10} {}  {refreshed}{believed}", root.name, root.digest)
}

/// Puts policies in force: of a changed file, or of the same with refreshed roots.
pub(super) struct Reloader {
    pub(super) file: Option<PathBuf>,
    pub(super) text: Mutex<String>,
    pub(super) data_dir: PathBuf,
    /// What policies may ask.
    pub(super) offered: Offered,
    pub(super) admission: Arc<Admission>,
}

impl Reloader {
    /// Reads the text, or the last good one, with the roots that are there now. A bad one changes nothing.
    pub(super) fn load(&self, text: Option<String>) -> Result<Arc<Policy>, String> {
        let mut last = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let text = text.unwrap_or_else(|| last.clone());
        let (name, folder) = match &self.file {
            Some(file) => (file_name(file), file.parent()),
            None => (config::SHIPPED_POLICY_NAME.to_owned(), None),
        };
        let beside = Beside {
            offered: Some(self.offered.clone()),
            ..known_roots(&self.data_dir)
        };
        let policy = config::parse_policy_with(&text, &name, folder, &beside)
            .map_err(|mistakes| mistakes.to_string())?;
        let policy = Arc::new(policy);
        self.admission.replace_policy(policy.clone());
        *last = text;
        Ok(policy)
    }
}

/// Refreshes all roots from time to time, for as long as the server runs. No pull waits for it.
pub(super) async fn keep_fresh(server: Server, reloader: Arc<Reloader>) {
    loop {
        let sources = sources(&reloader.admission.policy());
        let mut changed = false;
        let failed = refresh_all(&server, &sources, |source, done| match done {
            Ok(done) => {
                tracing::info!(
                    root = source.name,
                    changed = done.changed,
                    "trusted root refreshed"
                );
                changed = true;
            }
            Err(error) => tracing::warn!(
                root = source.name,
                error,
                "the trusted root is not refreshed and stays as it was"
            ),
        })
        .await;
        telemetry::metrics()
            .root_refresh_failures
            .add(failed as u64);
        if changed && let Err(why) = reloader.load(None) {
            tracing::error!("the policy is not read again for refreshed roots:\n{why}");
        }
        warn(&reloader.admission.policy());
        tokio::time::sleep(INTERVAL + JITTER.mul_f64(fastrand::f64())).await;
    }
}

fn warn(policy: &Policy) {
    for root in policy.roots().iter() {
        let Some(stale) = root.stale_from() else {
            continue;
        };
        if stale.duration_since(telemetry::now()) < NEARLY {
            tracing::warn!(root = root.name, from = %stale, "the trusted root is about to be too old to be believed");
        }
    }
}

/// A time that a root has.
type Moment = fn(&Root) -> Option<Timestamp>;

/// For the metrics page: when each root was refreshed, and from when on it is not believed.
pub(super) fn metrics(policy: &Policy) -> String {
    let rows: [(&str, &str, Moment); 2] = [
        (
            "lazaret_root_refreshed_timestamp_seconds",
            "When a trusted root was last refreshed.",
            |root| root.refreshed,
        ),
        (
            "lazaret_root_stale_timestamp_seconds",
            "From when on a trusted root is not believed.",
            Root::stale_from,
        ),
    ];
    let mut text = String::new();
    for (name, help, of) in rows {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for root in policy.roots().iter() {
            if let Some(at) = of(root) {
                text.push_str(&format!(
                    "{name}{{root=\"{}\"}} {}\n",
                    root.name.replace(['"', '\\', '\n'], "_"),
                    at.as_second()
                ));
            }
        }
    }
    text
}

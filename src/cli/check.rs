//! `lazaret check`.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::wire::{Built, Trouble, beside, build, exit, ledger, policy_with, runtime, server};
use super::{CheckArgs, DataArgs, FAILED, REFUSED, output};
use crate::admission::{Admission, AdmissionError, Answer, Ruling, ServedManifest};
use crate::config::Server;
use crate::ledger::{Client, Ledger, LedgerError};
use crate::oci::{Digest, Manifest, Reference};
use crate::policy::{Code, Level, Paint, Subject, explain};

/// Between two signs of life on a terminal.
const SIGN_OF_LIFE: Duration = Duration::from_millis(200);

pub(super) fn check(args: CheckArgs) -> ExitCode {
    let worst = runtime().and_then(|runtime| runtime.block_on(run(args)));
    exit(worst)
}

/// Judges in a folder of its own, which is gone after: a check leaves no trace in a server's cache or ledger.
async fn run(args: CheckArgs) -> Result<u8, Trouble> {
    let mut server = server(args.config.as_deref())?;
    // Other scanners fetch images from a server that runs, not from here.
    server.inspection = None;
    let loaded = policy_with(
        args.policy.or_else(|| server.policy.clone()),
        &beside(&server),
    )?;
    let folder = Scratch::new();
    let built = build(&server, loaded.policy, folder.path()).await?;
    let mut worst = 0;
    for image in &args.images {
        let code = match image.parse::<Reference>() {
            Ok(reference) => {
                recall_name(&server, &built, &reference).await?;
                judge(&built.admission, &reference, args.json).await
            }
            Err(error) => {
                say(args.json, image, &error.to_string());
                FAILED
            }
        };
        worst = worst.max(code);
    }
    Ok(worst)
}

/// Carries over what the server's ledger knows of the name, where the policy minds new ones.
async fn recall_name(server: &Server, built: &Built, reference: &Reference) -> Result<(), Trouble> {
    let minds = built.admission.policy().names().first_seen != Level::Note;
    let args = DataArgs {
        config: None,
        data_dir: Some(server.data_dir.clone()),
    };
    let Some(ledger) = minds.then(|| ledger(&args).ok()).flatten() else {
        return Ok(());
    };
    let wrong = |error: LedgerError| Trouble::Other(error.to_string());
    let repository = reference.repository();
    match ledger.known_name(repository.clone()).await.map_err(wrong)? {
        Some(known) => built
            .ledger
            .approve_name(repository.clone(), known)
            .await
            .map_err(wrong),
        None => Ok(()),
    }
}

async fn judge(admission: &Arc<Admission>, reference: &Reference, json: bool) -> u8 {
    let client = Client {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: "lazaret check".into(),
        listener: "cli",
        identity: None,
    };
    let judged = with_progress(reference, admission.admit(reference, &client)).await;
    let (ruling, digest, each) = match judged {
        Ok(Answer::Serve {
            ruling, manifest, ..
        }) => {
            let each = each(reference, &ruling, &manifest);
            (ruling, Some(manifest.digest), each)
        }
        Ok(Answer::Refuse(ruling)) => (ruling.clone(), ruling.digest, Vec::new()),
        Err(error) => {
            let why = match &error {
                AdmissionError::NotFound(_) => {
                    format!("{error}: the registry has no such image, or shows it to nobody")
                }
                _ => error.to_string(),
            };
            say(json, &reference.to_string(), &why);
            return FAILED;
        }
    };
    if json {
        output::out(as_json(reference, digest, &ruling));
    } else {
        let paint = if output::colour() {
            Paint::Ansi
        } else {
            Paint::Plain
        };
        output::out(explain(reference, &ruling.verdict, None, paint));
        for vouched in &ruling.verdict.vouched {
            output::out(format_args!("  vouched for: {}", vouched.sentence()));
        }
    }
    let mut worst = code(&ruling);
    for image in each {
        worst = worst.max(Box::pin(judge(admission, &image, json)).await);
    }
    worst
}

/// The images of an index that are judged each for itself.
fn each(reference: &Reference, ruling: &Ruling, manifest: &ServedManifest) -> Vec<Reference> {
    let parsed = Manifest::parse(&manifest.bytes, None);
    let (true, Ok(parsed)) = (ruling.verdict.defers(), parsed) else {
        return Vec::new();
    };
    let subject = Subject {
        reference: reference.clone(),
        digest: manifest.digest,
        manifest: parsed,
    };
    let children = subject.judged_children(ruling.policy.platforms());
    children
        .map(|child| reference.repository().at_digest(child.digest))
        .collect()
}

fn code(ruling: &Ruling) -> u8 {
    match &ruling.verdict {
        verdict if verdict.allows() => 0,
        verdict
            if verdict
                .findings
                .iter()
                .any(|finding| finding.code == Code::ManifestUnavailable) =>
        {
            FAILED
        }
        _ => REFUSED,
    }
}

fn as_json(reference: &Reference, digest: Option<Digest>, ruling: &Ruling) -> String {
    serde_json::json!({
        "reference": reference.to_string(),
        "digest": digest,
        "allowed": ruling.verdict.allows(),
        "mode": ruling.policy.mode(),
        "verdict": ruling.verdict,
        "policy": ruling.policy.source(),
    })
    .to_string()
}

fn say(json: bool, image: &str, why: &str) {
    if json {
        output::out(serde_json::json!({ "reference": image, "error": why }));
    } else {
        output::err(format_args!("error: {image}: {why}"));
    }
}

/// Says on a terminal that work goes on; a pipe or file gets none of it.
async fn with_progress<T>(reference: &Reference, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let quiet = !io::stderr().is_terminal();
    let started = tokio::time::Instant::now();
    let mut shown = false;
    loop {
        tokio::select! {
            done = work.as_mut() => {
                if shown {
                    output::status("");
                }
                return done;
            }
            () = tokio::time::sleep(SIGN_OF_LIFE) => {
                if !quiet {
                    shown = true;
                    output::status(&format!("judging {reference} … {} s", started.elapsed().as_secs()));
                }
            }
        }
    }
}

/// A folder that goes when it is no longer needed.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Scratch {
        let name = format!("lazaret-check-{:032x}", fastrand::u128(..));
        Scratch(std::env::temp_dir().join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

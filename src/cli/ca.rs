//! `lazaret ca`, and the authority of a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::wire::{Trouble, about, exit, settings, upstreams};
use super::{CaCommand, DataArgs, ca_rotate, output};
use crate::ca::{self, Authority, Rotation};
use crate::config::Server;
use crate::config::reload::{Change, watch as watch_file};
use crate::gateway::Dialled;
use crate::oci::Digest;
use crate::telemetry;
use crate::trust::Certificate;

/// The authority's folder in the data folder.
const FOLDER: &str = "ca";

pub(super) fn ca(command: &CaCommand) -> ExitCode {
    let done = match command {
        CaCommand::Init { data } => init(data),
        CaCommand::Show { data, json } => settings(data).and_then(|server| show(&server, *json)),
        CaCommand::Rotate {
            data,
            on,
            finish,
            cancel,
            json,
        } => settings(data).and_then(|server| {
            let step = ca_rotate::step(on.as_deref(), *finish, *cancel)?;
            ca_rotate::rotate(&server, &step, *json)
        }),
        CaCommand::Export { data } => export(data),
    };
    exit(done.map(|()| 0))
}

pub(super) fn other(error: impl std::fmt::Display) -> Trouble {
    Trouble::Other(error.to_string())
}

/// Where our own authority lies, made or not.
pub(super) fn folder(server: &Server) -> PathBuf {
    server.data_dir.join(FOLDER)
}

/// Whether there is one of our own.
fn made(folder: &Path) -> Result<bool, Trouble> {
    let signing = Rotation::read(folder).map_err(other)?.signing;
    Ok(Rotation::files(folder, signing).0.exists())
}

/// The authority of a server that answers under registries' names; one is made where there is none yet. What
/// `lazaret ca rotate` does to it is taken over while the server runs.
pub(super) fn authority(server: &Server) -> Result<Arc<Authority>, Trouble> {
    if let Some((certificate, key)) = &server.authority {
        return ca::load(certificate, key).map(Arc::new).map_err(other);
    }
    let own = folder(server);
    if !made(&own)? {
        create(server)?;
        tracing::info!(
            folder = %own.display(),
            "an authority was made: clients must trust it (lazaret ca export)"
        );
    }
    let authority = Arc::new(ca::load_own(&own).map_err(other)?);
    follow(own, authority.clone());
    Ok(authority)
}

fn follow(folder: PathBuf, authority: Arc<Authority>) {
    tokio::spawn(async move {
        let file = Rotation::file(&folder);
        watch_file(file, "", |change| {
            // Where nothing was ever rotated there is no such file; that is all as it was.
            if matches!(&change, Change::Unreadable(error) if error.kind() == std::io::ErrorKind::NotFound)
            {
                return;
            }
            match ca::load_own(&folder) {
                Ok(fresh) => {
                    authority.become_like(&fresh);
                    tracing::info!(
                        folder = %folder.display(),
                        trusted = authority.trusted(telemetry::now()).len(),
                        "the authority was loaded"
                    );
                }
                Err(why) => {
                    tracing::error!(%why, "the authority is not loaded, the old one signs on");
                }
            }
        })
        .await;
    });
}

/// Fingerprints of what clients of a server are to trust, who signs first.
pub(super) fn fingerprints(authority: &Authority, now: Timestamp) -> Vec<String> {
    let all = authority.trusted(now);
    all.iter()
        .map(|certificate| Digest::of(certificate).to_string())
        .collect()
}

/// Fingerprints of the certificates of a PEM text; nothing of one that is no PEM.
pub(super) fn fingerprints_of(pem: &str) -> Vec<String> {
    let read = Certificate::from_pem(pem).unwrap_or_default();
    read.iter()
        .map(|certificate| Digest::of(certificate.der()).to_string())
        .collect()
}

fn create(server: &Server) -> Result<(), Trouble> {
    let hosts = hosts(server)?;
    ca::create(&folder(server), &hosts, telemetry::now()).map_err(other)
}

/// The hosts that an authority of this server must be able to certify.
pub(super) fn hosts(server: &Server) -> Result<Vec<String>, Trouble> {
    Ok(Dialled::of(&upstreams(server)?).hosts())
}

fn init(data: &DataArgs) -> Result<(), Trouble> {
    let server = settings(data)?;
    create(&server)?;
    show(&server, false)
}

/// One certificate, and what it is there for.
struct Shown {
    file: PathBuf,
    text: String,
    /// `signs`, or from when on; nothing of a company's.
    state: Option<String>,
}

fn shown(server: &Server, now: Timestamp) -> Result<Vec<Shown>, Trouble> {
    if let Some((file, _)) = &server.authority {
        return Ok(vec![Shown {
            text: read(file)?,
            file: file.clone(),
            state: None,
        }]);
    }
    let own = folder(server);
    let rotation = Rotation::read(&own).map_err(other)?;
    let mut all = Vec::new();
    let mut add = |number: u32, state: String| {
        let (file, _) = Rotation::files(&own, number);
        let text = read(&file)?;
        let state = Some(state);
        all.push(Shown { file, text, state });
        Ok::<_, Trouble>(())
    };
    match &rotation.next {
        None => add(rotation.signing, "signs".to_owned())?,
        Some(next) => {
            let (old, new) = match next.from {
                Some(from) if now >= from => (
                    format!("does not sign since {from}; goes with lazaret ca rotate --finish"),
                    "signs".to_owned(),
                ),
                Some(from) => (format!("signs until {from}"), format!("signs from {from}")),
                None => (
                    "signs".to_owned(),
                    "waits for lazaret ca rotate --finish".to_owned(),
                ),
            };
            add(rotation.signing, old)?;
            add(next.number, new)?;
        }
    }
    Ok(all)
}

/// Each authority: whose it is, until when it is good, and whether it signs.
pub(super) fn show(server: &Server, as_json: bool) -> Result<(), Trouble> {
    let mut list = Vec::new();
    for one in shown(server, telemetry::now())? {
        let wrong = |why: String| Trouble::Other(format!("{}: {why}", one.file.display()));
        for certificate in Certificate::from_pem(&one.text).map_err(wrong)? {
            let (from, until) = certificate.span().map_err(other)?;
            list.push(json!({
                "subject": certificate.subject(),
                "file": one.file,
                "fingerprint": Digest::of(certificate.der()),
                "from": from,
                "until": until,
                "hosts": ca::hosts(certificate.der()),
                "state": one.state,
            }));
            if !as_json {
                print(&one, &certificate, (from, until));
            }
        }
    }
    if as_json {
        output::out(json!({ "authorities": list }));
    }
    Ok(())
}

fn print(one: &Shown, certificate: &Certificate, (from, until): (Timestamp, Timestamp)) {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    output::out(certificate.subject());
    output::out(format_args!("  file         {}", one.file.display()));
    output::out(format_args!(
        "  fingerprint  {}",
        Digest::of(certificate.der())
    ));
    output::out(format_args!(
        "  good         from {} until {}",
        day(from),
        day(until)
    ));
    if let Some(state) = &one.state {
        output::out(format_args!("  state        {state}"));
    }
    let hosts = ca::hosts(certificate.der());
    if !hosts.is_empty() {
        output::out(format_args!("  for          {}", hosts.join(", ")));
    }
}

fn read(path: &Path) -> Result<String, Trouble> {
    if !path.exists() {
        return Err(Trouble::Other(format!(
            "{}: there is no authority yet: lazaret ca init, or a server with [proxy] or registry_names, makes one",
            path.display()
        )));
    }
    std::fs::read_to_string(path).map_err(about(path))
}

/// What clients are to trust, PEM.
pub(super) fn trusted(server: &Server) -> Result<String, Trouble> {
    let own = folder(server);
    match &server.authority {
        Some((certificate, _)) => read(certificate),
        None if made(&own)? => ca::trusted(&own).map_err(other),
        None => read(&Rotation::files(&own, 1).0),
    }
}

fn export(data: &DataArgs) -> Result<(), Trouble> {
    output::raw(trusted(&settings(data)?)?.as_bytes());
    Ok(())
}

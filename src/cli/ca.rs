//! `lazaret ca`, and the authority of a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::wire::{Trouble, about, exit, settings, upstreams};
use super::{CaCommand, DataArgs, output};
use crate::ca::{self, Authority, CERTIFICATE, KEY};
use crate::config::Server;
use crate::gateway::Dialled;
use crate::oci::Digest;
use crate::telemetry;
use crate::trust::Certificate;

/// The authority's folder in the data folder.
const FOLDER: &str = "ca";

pub(super) fn ca(command: &CaCommand) -> ExitCode {
    let done = match command {
        CaCommand::Init { data } => init(data),
        CaCommand::Show { data } => show(data),
        CaCommand::Export { data } => export(data),
    };
    exit(done.map(|()| 0))
}

fn other(error: impl std::fmt::Display) -> Trouble {
    Trouble::Other(error.to_string())
}

/// Certificate and key: the company's, or those in the data folder.
fn files(server: &Server) -> (PathBuf, PathBuf) {
    let own = server.data_dir.join(FOLDER);
    let theirs = server.authority.clone();
    theirs.unwrap_or_else(|| (own.join(CERTIFICATE), own.join(KEY)))
}

/// Where the certificate is, made or not.
pub(super) fn certificate(server: &Server) -> PathBuf {
    files(server).0
}

/// The authority of a server that answers under registries' names; one is made where there is none yet.
pub(super) fn authority(server: &Server) -> Result<Authority, Trouble> {
    let (certificate, key) = files(server);
    if server.authority.is_none() && !certificate.exists() {
        create(server)?;
        tracing::info!(
            certificate = %certificate.display(),
            "an authority was made: clients must trust it (lazaret ca export)"
        );
    }
    ca::load(&certificate, &key).map_err(other)
}

fn create(server: &Server) -> Result<(), Trouble> {
    let hosts = Dialled::of(&upstreams(server)?).hosts();
    let folder = server.data_dir.join(FOLDER);
    ca::create(&folder, &hosts, telemetry::now()).map_err(other)
}

fn init(data: &DataArgs) -> Result<(), Trouble> {
    let server = settings(data)?;
    create(&server)?;
    show_in(&server)
}

fn show(data: &DataArgs) -> Result<(), Trouble> {
    show_in(&settings(data)?)
}

fn show_in(server: &Server) -> Result<(), Trouble> {
    let (path, _) = files(server);
    let text = read(&path)?;
    let wrong = |why: String| Trouble::Other(format!("{}: {why}", path.display()));
    let certificates = Certificate::from_pem(&text).map_err(wrong)?;
    for certificate in certificates {
        let digest = Digest::of(certificate.der());
        output::out(format_args!("{}", certificate.subject()));
        output::out(format_args!("  file         {}", path.display()));
        output::out(format_args!("  fingerprint  {digest}"));
        let (from, until) = certificate.span().map_err(other)?;
        let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
        output::out(format_args!(
            "  good         from {} until {}",
            day(from),
            day(until)
        ));
    }
    if path == server.data_dir.join(FOLDER).join(CERTIFICATE) {
        let hosts = Dialled::of(&upstreams(server)?).hosts();
        output::out(format_args!("  for          {}", hosts.join(", ")));
    }
    Ok(())
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

fn export(data: &DataArgs) -> Result<(), Trouble> {
    let (path, _) = files(&settings(data)?);
    output::raw(read(&path)?.as_bytes());
    Ok(())
}

//! Scanners beside our own, from the server's settings.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;
use url::{Position, Url};

use super::wire::{Trouble, about, outside};
use crate::config::{ScannerKind, ScannerLogin, ScannerServer, Server};
use crate::evidence::{Adapter, Login, OtherScanner, Program, ScannerWay, Shown, Webhook};
use crate::gateway::{self, Limits, Listener};
use crate::inspection::inspect;

/// All that the server's file names. `shown`: where adapters fetch images, which takes a server that runs.
pub(super) fn others(
    server: &Server,
    shown: Option<&Arc<Shown>>,
) -> Result<Vec<OtherScanner>, Trouble> {
    let scanners = server.scanners.iter();
    scanners
        .map(|written| other(server, written, shown))
        .collect()
}

fn other(
    server: &Server,
    written: &ScannerServer,
    shown: Option<&Arc<Shown>>,
) -> Result<OtherScanner, Trouble> {
    let name = &written.name;
    let to = |url: &Url| outside(server, name, url.as_str(), written.timeout);
    let way = match &written.kind {
        ScannerKind::Exec {
            command,
            environment,
        } => ScannerWay::Program(Program {
            command: command.clone(),
            environment: environment.clone(),
        }),
        ScannerKind::Http(url, how) => ScannerWay::Webhook(Webhook {
            server: to(url)?,
            path: url[Position::BeforePath..Position::AfterPath].to_owned(),
            login: login(how)?,
        }),
        ScannerKind::Harbor(url, how) => ScannerWay::Harbor(Adapter {
            server: to(url)?,
            path: url.path().trim_end_matches('/').to_owned(),
            login: login(how)?,
            shown: shown.cloned(),
        }),
    };
    Ok(OtherScanner {
        name: name.clone(),
        way,
        patience: written.timeout,
        good_for: written.good_for,
    })
}

/// Shows images to scanners until the server stops.
pub(super) async fn inspected(listener: Listener, shown: Arc<Shown>, stop: watch::Receiver<bool>) {
    gateway::serve(listener, Limits::default(), stop, move |request, _| {
        let shown = shown.clone();
        async move { inspect(&shown, &request).await }
    })
    .await;
}

fn login(written: &ScannerLogin) -> Result<Login, Trouble> {
    let read = |file: &Path| {
        let text = std::fs::read_to_string(file).map_err(about(file))?;
        Ok::<_, Trouble>(text.trim_end().to_owned())
    };
    Ok(match written {
        ScannerLogin::None => Login::Nobody,
        ScannerLogin::Basic(file) => {
            Login::Authorization(format!("Basic {}", STANDARD.encode(read(file)?)))
        }
        ScannerLogin::Token(file) => Login::Authorization(format!("Bearer {}", read(file)?)),
        ScannerLogin::ApiKey(file) => Login::ApiKey(read(file)?),
    })
}

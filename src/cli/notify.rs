//! `lazaret notify`, and the tasks of a server that tell people.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use url::{Position, Url};

use super::wire::{Trouble, about, exit, ledger, outside, runtime, settings};
use super::{DataArgs, NotifyCommand, REFUSED, output};
use crate::config::{Address, Channel, NotifyTarget, Server};
use crate::ledger::{Event, Ledger};
use crate::notify::{Message, Secret, Target, Way, deliver, send};
use crate::policy::EventKind;
use crate::telemetry;

/// How long one message may take.
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) fn notify(command: NotifyCommand) -> ExitCode {
    let done = runtime().and_then(|runtime| {
        runtime.block_on(async {
            match command {
                NotifyCommand::Test { name, data } => test(&name, &data).await,
                NotifyCommand::Status { json, data } => status(json, &data).await,
                NotifyCommand::Events { number, json, data } => events(number, json, &data).await,
            }
        })
    });
    exit(done)
}

/// Begins to tell everybody whom the server's file names.
pub(super) fn start(
    server: &Server,
    ledger: &Arc<dyn Ledger>,
    source: &str,
) -> Result<(), Trouble> {
    for written in &server.notify {
        let target = target(server, written, source)?;
        tokio::spawn(deliver(target, ledger.clone()));
    }
    Ok(())
}

fn target(server: &Server, written: &NotifyTarget, source: &str) -> Result<Target, Trouble> {
    let to = |address: &Address| -> Result<_, Trouble> {
        let url = match address {
            Address::Url(url) => url.clone(),
            Address::File(file) => {
                let text = read(file)?;
                let wrong = |error| Trouble::Other(format!("{}: {error}", file.display()));
                Url::parse(text.trim()).map_err(wrong)?
            }
        };
        let upstream = outside(server, &written.name, url.as_str(), DEADLINE)?;
        let path = url[Position::BeforePath..Position::AfterQuery].to_owned();
        Ok((upstream, path))
    };
    let way = match &written.channel {
        Channel::Slack(address) => {
            to(address).map(|(upstream, path)| Way::Slack(upstream, path))?
        }
        Channel::Teams(address) => {
            to(address).map(|(upstream, path)| Way::Teams(upstream, path))?
        }
        Channel::File(path) => Way::File(path.clone()),
        Channel::Webhook { url, secret_file } => {
            let (upstream, path) = to(url)?;
            let secret = secret_file.as_ref().map(|file| {
                let secret = Secret::parse(&read(file)?);
                secret.map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))
            });
            Way::Webhook {
                upstream,
                path,
                secret: secret.transpose()?.map(Box::new),
            }
        }
    };
    Ok(Target {
        name: written.name.clone(),
        way,
        events: written.events.clone(),
        images: written.images.clone(),
        source: source.to_owned(),
    })
}

fn read(file: &Path) -> Result<String, Trouble> {
    std::fs::read_to_string(file).map_err(about(file))
}

/// The tables of the file, or an error that says how one looks.
fn named(server: &Server) -> Result<&[NotifyTarget], Trouble> {
    match server.notify.as_slice() {
        [] => Err(Trouble::Other(
            "nobody is to be told: the server's file has no [notify.NAME]; see docs/notifications.md".to_owned(),
        )),
        targets => Ok(targets),
    }
}

async fn test(name: &str, data: &DataArgs) -> Result<u8, Trouble> {
    let server = settings(data)?;
    let targets = named(&server)?;
    let written = targets.iter().find(|target| target.name == name);
    let written = written.ok_or_else(|| {
        let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        Trouble::Other(format!(
            "there is no [notify.{name}]; known are {}",
            known.join(", ")
        ))
    })?;
    let source = server
        .external_url
        .as_ref()
        .map_or("http://lazaret.example", Url::as_str);
    let target = target(&server, written, source.trim_end_matches('/'))?;
    let reference = "docker.io/lazaret/test:1".to_owned();
    let mut event = Event::new(EventKind::Blocked, reference, telemetry::now());
    event.detail = "test: this is how a blocked pull looks; nothing was blocked".to_owned();
    let message = Message {
        why: None,
        waiver: None,
        event,
    };
    match send(&target, &message).await {
        Ok(()) => {
            output::out(format_args!("{name} was told"));
            Ok(0)
        }
        Err(why) => {
            output::err(format_args!("error: {name}: {why}"));
            Ok(REFUSED)
        }
    }
}

async fn status(json: bool, data: &DataArgs) -> Result<u8, Trouble> {
    let server = settings(data)?;
    let ledger = ledger(data)?;
    let mut code = 0;
    for target in named(&server)? {
        let backlog = ledger.outbox().backlog(target.name.clone()).await;
        let (waiting, given_up, why) =
            backlog.map_err(|error| Trouble::Other(error.to_string()))?;
        if waiting + given_up > 0 {
            code = REFUSED;
        }
        if json {
            output::out(serde_json::json!({
                "target": target.name, "waiting": waiting, "given_up": given_up, "why": why,
            }));
            continue;
        }
        let why = why.map(|why| format!(", last: {why}")).unwrap_or_default();
        output::out(match (waiting, given_up) {
            (0, 0) => format!("{}: has heard of everything", target.name),
            _ => format!(
                "{}: {waiting} wait for another try, {given_up} given up{why}",
                target.name
            ),
        });
    }
    Ok(code)
}

async fn events(number: u32, json: bool, data: &DataArgs) -> Result<u8, Trouble> {
    let events = ledger(data)?.outbox().events(number).await;
    let events = events.map_err(|error| Trouble::Other(error.to_string()))?;
    for event in events.iter().rev() {
        if json {
            output::out(serde_json::json!(event));
            continue;
        }
        let times = if event.count > 1 {
            format!(" ({} times)", event.count)
        } else {
            String::new()
        };
        output::out(format_args!(
            "{}  {:<15}  {}{times}",
            event.at.strftime("%Y-%m-%d %H:%M:%S"),
            event.kind.as_str(),
            event.reference,
        ));
        for line in event.detail.lines() {
            output::out(format_args!("    {line}"));
        }
    }
    Ok(0)
}

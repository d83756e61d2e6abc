//! `lazaret notify`, and the tasks of a server that tell people.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use url::{Position, Url};

use super::wire::{Trouble, about, dialling, exit, ledger, runtime, settings};
use super::{DataArgs, NotifyCommand, REFUSED, output};
use crate::config::{Address, Channel, Mail, MailSecurity, NotifyTarget, Server, Transport};
use crate::ledger::{Event, Ledger, Owed};
use crate::notify::{
    Alarm, Around, Courier, Fields, Framing, Login, Mailer, Message, Place, Program, Secret,
    Security, SyslogServer, Target, Way, send,
};
use crate::policy::{EventKind, Teams};
use crate::telemetry;
use crate::upstream::{self, AddressRange, Peer, RegistrySettings, Upstreams};

/// How long one message may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Events of the dead letters that are listed at once.
const MOST_LISTED: u32 = 1_000;
/// What the proposal of a test looks like.
const WAIVER: &str = "[[waiver]]\nfinding = \"CVE-2026-0000\"\nimages = [\"docker.io/lazaret/test\"]\nreason = \"\"\nowner = \"\"\nuntil = 2027-01-31\n";

pub(super) fn notify(command: NotifyCommand) -> ExitCode {
    let done = runtime().and_then(|runtime| {
        runtime.block_on(async {
            match command {
                NotifyCommand::Test { name, data } => test(&name, &data).await,
                NotifyCommand::Status { json, data } => status(json, &data).await,
                NotifyCommand::Events { number, json, data } => events(number, json, &data).await,
                NotifyCommand::GivenUp { name, json, data } => given_up(&name, json, &data).await,
                NotifyCommand::Retry { name, data } => retry(&name, &data).await,
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
    alarm: &Alarm,
) -> Result<(), Trouble> {
    let teams = Arc::new(Teams(server.teams.clone()));
    for written in &server.notify {
        let target = target(server, written, &teams, source)?;
        let courier = Courier::new(target, ledger.clone()).heeding(alarm.clone());
        tokio::spawn(courier.run());
    }
    Ok(())
}

fn target(
    server: &Server,
    written: &NotifyTarget,
    teams: &Arc<Teams>,
    source: &str,
) -> Result<Target, Trouble> {
    Ok(Target {
        name: written.name.clone(),
        way: way(server, written)?,
        scope: written.scope.clone(),
        quiet: written.quiet.clone(),
        most_per_minute: written.most_per_minute,
        words: written.words.clone(),
        teams: teams.clone(),
        source: source.to_owned(),
    })
}

fn way(server: &Server, written: &NotifyTarget) -> Result<Way, Trouble> {
    let to = |address: &Address| place(server, written, address);
    let key = |file: &Path| read(file).map(|text| upstream::Secret::new(text.trim()));
    Ok(match &written.channel {
        Channel::Slack(address) => Way::Slack(to(address)?),
        Channel::Teams(address) => Way::Teams(to(address)?),
        Channel::PagerDuty { url, key_file } => Way::PagerDuty(to(url)?, key(key_file)?),
        Channel::Opsgenie { url, key_file } => Way::Opsgenie(to(url)?, key(key_file)?),
        Channel::File { path, ocsf } => {
            Way::File(path.clone(), if *ocsf { Fields::Ocsf } else { Fields::Ecs })
        }
        Channel::Webhook { url, secret_file } => {
            let secret = secret_file.as_ref().map(|file| {
                let secret = Secret::parse(&read(file)?);
                secret.map_err(|error| Trouble::Other(format!("{}: {error}", file.display())))
            });
            Way::Webhook(to(url)?, secret.transpose()?.map(Box::new))
        }
        Channel::Mail(mail) => Way::Mail(Box::new(mailer(server, written, mail)?)),
        Channel::Syslog {
            transport,
            host,
            port,
            facility,
        } => Way::Syslog(Box::new(SyslogServer {
            peer: peer(server, written, host, *port)?,
            framing: match transport {
                Transport::Udp => Framing::Udp,
                Transport::Tcp => Framing::Tcp,
                Transport::Tls => Framing::Tls,
            },
            facility: *facility,
        })),
        Channel::Program { command, timeout } => Way::Program(Program {
            command: command.clone(),
            patience: *timeout,
        }),
    })
}

/// A path of a server that no redirect leads away from, and that is at no address which the file does not name.
fn place(server: &Server, written: &NotifyTarget, address: &Address) -> Result<Place, Trouble> {
    let wrong =
        |error: &dyn std::fmt::Display| Trouble::Other(format!("{}: {error}", written.name));
    let url = match address {
        Address::Url(url) => url.clone(),
        Address::File(file) => {
            let text = read(file)?;
            let wrong = |error| Trouble::Other(format!("{}: {error}", file.display()));
            Url::parse(text.trim()).map_err(wrong)?
        }
    };
    let origin = url.origin().ascii_serialization();
    let mut host = RegistrySettings::new(&written.name, &origin);
    host.plain_http = url.scheme() == "http";
    host.never_link_local = true;
    host.allow_addresses = ranges(written);
    host.ca_files = written.ca_file.iter().cloned().collect();
    let mut settings = dialling(server, vec![host]);
    settings.timeouts.deadline = DEADLINE;
    let built = Upstreams::new(settings).map_err(|error| wrong(&error))?;
    let upstream = built.get(&written.name).cloned();
    Ok(Place {
        upstream: upstream.ok_or_else(|| wrong(&"cannot be asked"))?,
        path: url[Position::BeforePath..Position::AfterQuery].to_owned(),
    })
}

fn ranges(written: &NotifyTarget) -> Vec<AddressRange> {
    let ranges = written.allow_addresses.iter();
    ranges
        .filter_map(|range| range.to_string().parse().ok())
        .collect()
}

fn peer(server: &Server, written: &NotifyTarget, host: &str, port: u16) -> Result<Peer, Trouble> {
    let ca_files = server.upstream.ca_files.iter().chain(&written.ca_file);
    let ca_files: Vec<_> = ca_files.cloned().collect();
    let timeout = server.upstream.connect_timeout;
    let peer = Peer::new(host, port, ranges(written), &ca_files, timeout);
    peer.map_err(|error| Trouble::Other(format!("{}: {error}", written.name)))
}

fn mailer(server: &Server, written: &NotifyTarget, mail: &Mail) -> Result<Mailer, Trouble> {
    let login = mail.login.as_ref().map(|(username, file)| {
        Ok::<_, Trouble>(Login {
            username: username.clone(),
            password: upstream::Secret::new(read(file)?.trim_end_matches(['\n', '\r'])),
        })
    });
    Ok(Mailer {
        peer: peer(server, written, &mail.host, mail.port)?,
        security: match mail.security {
            MailSecurity::Tls => Security::Tls,
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Plain => Security::Plain,
        },
        login: login.transpose()?,
        from: mail.from.clone(),
        to: mail.to.clone(),
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

fn one<'a>(server: &'a Server, name: &str) -> Result<&'a NotifyTarget, Trouble> {
    let targets = named(server)?;
    let found = targets.iter().find(|target| target.name == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        Trouble::Other(format!(
            "there is no [notify.{name}]; known are {}",
            known.join(", ")
        ))
    })
}

async fn test(name: &str, data: &DataArgs) -> Result<u8, Trouble> {
    let server = settings(data)?;
    let written = one(&server, name)?;
    let source = server
        .external_url
        .as_ref()
        .map_or("http://lazaret.example", Url::as_str);
    let teams = Arc::new(Teams(server.teams.clone()));
    let target = target(&server, written, &teams, source.trim_end_matches('/'))?;
    let reference = "docker.io/lazaret/test:1".to_owned();
    let mut event = Event::new(EventKind::Blocked, reference, telemetry::now());
    event.detail = "test: this is how a blocked pull looks; nothing was blocked".to_owned();
    let (title, text) = &target.words;
    let around = Around {
        decision: None,
        instead: None,
        source: &target.source,
        teams: &teams,
        words: (title.as_ref(), text.as_ref()),
        now: telemetry::now(),
    };
    let mut message = Message::new(event, &around);
    message.waiver = Some(WAIVER.to_owned());
    message.next.push("nothing: this is a test".to_owned());
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
        let backlog = backlog.map_err(other)?;
        let (waiting, given_up) = (backlog.waiting, backlog.given_up);
        if waiting + given_up > 0 {
            code = REFUSED;
        }
        if json {
            output::out(serde_json::json!({
                "target": target.name, "waiting": waiting, "given_up": given_up, "why": backlog.why,
            }));
            continue;
        }
        let why = backlog.why.map(|why| format!(", last: {why}"));
        let why = why.unwrap_or_default();
        output::out(match (waiting, given_up) {
            (0, 0) => format!("{}: has heard of everything", target.name),
            (_, 0) => format!("{}: {waiting} wait{why}", target.name),
            _ => format!(
                "{0}: {waiting} wait, {given_up} given up{why}\n  lazaret notify given-up {0}, then lazaret notify retry {0}",
                target.name
            ),
        });
    }
    Ok(code)
}

async fn events(number: u32, json: bool, data: &DataArgs) -> Result<u8, Trouble> {
    let events = ledger(data)?.outbox().events(number).await;
    for event in events.map_err(other)?.iter().rev() {
        show(event, json);
    }
    Ok(0)
}

fn show(event: &Event, json: bool) {
    if json {
        output::out(serde_json::json!(event));
        return;
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

async fn given_up(name: &str, json: bool, data: &DataArgs) -> Result<u8, Trouble> {
    let server = settings(data)?;
    let target = one(&server, name)?;
    let ledger = ledger(data)?;
    let dead = ledger.outbox().given_up(target.name.clone(), MOST_LISTED);
    let dead: Vec<Owed> = dead.await.map_err(other)?;
    for owed in &dead {
        if json {
            output::out(serde_json::json!({
                "event": owed.event, "tries": owed.tries, "why": owed.why,
            }));
            continue;
        }
        show(&owed.event, false);
        output::out(format_args!("    {} tries; last: {}", owed.tries, owed.why));
    }
    Ok(if dead.is_empty() { 0 } else { REFUSED })
}

async fn retry(name: &str, data: &DataArgs) -> Result<u8, Trouble> {
    let server = settings(data)?;
    let target = one(&server, name)?;
    let ledger = ledger(data)?;
    let outbox = ledger.outbox();
    let before = outbox.backlog(target.name.clone()).await.map_err(other)?;
    // A moment ago: the server's clock may be read before ours.
    let now = telemetry::now() - SignedDuration::from_secs(1);
    outbox
        .retry(target.name.clone(), now)
        .await
        .map_err(other)?;
    let all = before.waiting + before.given_up;
    output::out(format_args!(
        "{name}: {all} to be told; a running server begins within a second or after the target's rest of at most 5 minutes"
    ));
    Ok(0)
}

fn other(error: impl std::fmt::Display) -> Trouble {
    Trouble::Other(error.to_string())
}

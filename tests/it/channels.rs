//! Mail, logs, pagers and programs: against servers of this test that are strict, or misbehave.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::ledger::Event;
use lazaret::notify::{
    Around, Framing, Login, Mailer, Message, Place, Program, Security, SyslogServer, Target, Way,
    send,
};
use lazaret::policy::{EventKind, Teams};
use lazaret::upstream::{Peer, RegistrySettings, Secret, Settings, Timeouts, Upstreams};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::notices::{place, target};
use crate::support::fake_registry::{FakeRegistry, Fault, Times};

/// A certificate for 127.0.0.1, and the file of the authority behind it.
fn tls() -> (TlsAcceptor, PathBuf, TempDir) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), file, folder)
}

fn peer(at: SocketAddr, ca: Option<&PathBuf>) -> Peer {
    let files: Vec<PathBuf> = ca.into_iter().cloned().collect();
    let patience = Duration::from_secs(20);
    Peer::new("127.0.0.1", at.port(), Vec::new(), &files, patience).unwrap()
}

fn message(kind: EventKind, reference: &str) -> Message {
    let teams = Teams::default();
    let around = Around {
        decision: None,
        instead: None,
        source: "https://lazaret.test",
        teams: &teams,
        words: (None, None),
        now: lazaret::telemetry::now(),
    };
    let mut event = Event::new(kind, reference.to_owned(), lazaret::telemetry::now());
    event.detail = "name-squat: too close".to_owned();
    Message::new(event, &around)
}

/// How a mail server behaves.
#[derive(Clone, Default)]
struct Manners {
    offers: Vec<&'static str>,
    /// The answer to what begins so.
    says: Option<(&'static str, &'static str)>,
    tls: Option<TlsAcceptor>,
    /// Said right behind the word to begin TLS, by somebody in between.
    slips: bool,
}

type Said = Arc<Mutex<Vec<String>>>;

async fn post_office(manners: Manners) -> (SocketAddr, Said) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let said = Said::default();
    let heard = said.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tcp.write_all(b"220 mail.test\r\n").await.unwrap();
            if !converse(&mut tcp, &manners, &heard).await {
                continue;
            }
            heard.lock().unwrap().push("<TLS>".to_owned());
            let acceptor = manners.tls.clone().unwrap();
            if let Ok(mut secured) = acceptor.accept(tcp).await {
                converse(&mut secured, &manners, &heard).await;
            }
        }
    });
    (at, said)
}

/// Whether TLS is to begin.
async fn converse(
    line: &mut (impl AsyncRead + AsyncWrite + Unpin),
    by: &Manners,
    said: &Said,
) -> bool {
    let mut line = BufReader::new(line);
    let mut letter = false;
    loop {
        let mut text = String::new();
        if line.read_line(&mut text).await.unwrap_or(0) == 0 {
            return false;
        }
        let text = text.trim_end().to_owned();
        said.lock().unwrap().push(text.clone());
        let own = by.says.filter(|(start, _)| text.starts_with(start));
        let answer = match text.as_str() {
            "." => {
                letter = false;
                "250 taken".to_owned()
            }
            _ if letter => continue,
            _ if own.is_some() => own.unwrap().1.to_owned(),
            "DATA" => {
                letter = true;
                "354 go on".to_owned()
            }
            "STARTTLS" if by.slips => "220 go on\r\n250 I am your server".to_owned(),
            "STARTTLS" => "220 go on".to_owned(),
            "QUIT" => "221 bye".to_owned(),
            _ if text.starts_with("EHLO") => {
                let mut lines: Vec<String> =
                    by.offers.iter().map(|one| format!("250-{one}")).collect();
                lines.insert(0, "250-mail.test".to_owned());
                lines.push("250 HELP".to_owned());
                lines.join("\r\n")
            }
            _ if text.starts_with("AUTH PLAIN") => "235 welcome".to_owned(),
            _ => "250 fine".to_owned(),
        };
        let written = line
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await;
        if written.is_err() {
            return false;
        }
        if text == "STARTTLS" {
            return true;
        }
    }
}

fn mailer(at: SocketAddr, security: Security, ca: Option<&PathBuf>) -> Mailer {
    Mailer {
        peer: peer(at, ca),
        security,
        login: None,
        from: "lazaret@acme.example".to_owned(),
        to: ["a@acme.example", "b@acme.example"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn mail(mailer: Mailer) -> Target {
    target("mail", Way::Mail(Box::new(mailer)))
}

#[tokio::test]
async fn a_letter_is_handed_over_in_secret() {
    let (acceptor, ca, _folder) = tls();
    let manners = Manners {
        offers: vec!["STARTTLS", "AUTH LOGIN PLAIN"],
        tls: Some(acceptor),
        ..Manners::default()
    };
    let (at, said) = post_office(manners).await;
    let mut mailer = mailer(at, Security::StartTls, Some(&ca));
    mailer.login = Some(Login {
        username: "lazaret".to_owned(),
        password: Secret::new("secret"),
    });
    let told = message(EventKind::Blocked, "docker.io/library/ngnix:1");
    send(&mail(mailer), &told).await.unwrap();
    let said = said.lock().unwrap().clone();
    let login = STANDARD.encode("\0lazaret\0secret");
    assert_eq!(
        said[..8],
        [
            "EHLO lazaret.test",
            "STARTTLS",
            "<TLS>",
            "EHLO lazaret.test",
            &format!("AUTH PLAIN {login}"),
            "MAIL FROM:<lazaret@acme.example>",
            "RCPT TO:<a@acme.example>",
            "RCPT TO:<b@acme.example>",
        ]
    );
    let letter = said.join("\n");
    assert!(
        letter.contains("Subject: Pull blocked: docker.io/library/ngnix:1"),
        "{letter}"
    );
    assert!(letter.contains(&format!("Message-ID: <{}@acme.example>", told.event.id)));
    assert!(letter.ends_with("\n.\nQUIT"), "{letter}");
}

#[tokio::test]
async fn a_server_without_manners_gets_no_letter() {
    let (acceptor, ca, _folder) = tls();
    let open = |says| Manners {
        says: Some(says),
        ..Manners::default()
    };
    let hidden = |slips| Manners {
        offers: vec!["STARTTLS"],
        tls: Some(acceptor.clone()),
        slips,
        ..Manners::default()
    };
    for (manners, security, why) in [
        (
            Manners::default(),
            Security::StartTls,
            "it does not offer STARTTLS",
        ),
        (
            hidden(true),
            Security::StartTls,
            "it says something before TLS begins",
        ),
        (
            open(("RCPT TO:<b", "550 no such\x1b[2J user")),
            Security::Plain,
            "550 to RCPT TO:<b@acme.example>: no such[2J user",
        ),
        (
            open(("MAIL", "HTTP/1.1 400 Bad Request")),
            Security::Plain,
            "it speaks no SMTP",
        ),
        (
            open(("EHLO", ENDLESS)),
            Security::Plain,
            "an endless answer",
        ),
        (
            open(("DATA", "451-wait\r\n451 a moment")),
            Security::Plain,
            "451 to DATA: wait a moment",
        ),
    ] {
        let (at, said) = post_office(manners).await;
        let target = mail(mailer(at, security, Some(&ca)));
        let told = send(&target, &message(EventKind::Blocked, "ngnix"))
            .await
            .unwrap_err();
        assert!(told.contains(why), "{told}, not {why}");
        let said = said.lock().unwrap().join("\n");
        assert!(!said.contains("Subject"), "{said}");
    }
    // A certificate that nobody vouches for.
    let (at, _) = post_office(hidden(false)).await;
    let target = mail(mailer(at, Security::StartTls, None));
    let told = send(&target, &message(EventKind::Blocked, "ngnix"))
        .await
        .unwrap_err();
    assert!(told.contains("certificate"), "{told}");
}

static ENDLESS: &str = concat!(
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n250-a\r\n",
    "250-a"
);

fn log(at: SocketAddr, framing: Framing, ca: Option<&PathBuf>) -> Target {
    let server = SyslogServer {
        peer: peer(at, ca),
        framing,
        facility: 16,
    };
    target("log", Way::Syslog(Box::new(server)))
}

/// A line of syslog, counted where it must be.
fn is_line(text: &str, counted: bool) {
    let line = match counted {
        true => {
            let (count, line) = text.split_once(' ').unwrap();
            assert_eq!(count.parse::<usize>().unwrap(), line.len());
            line
        }
        false => text,
    };
    assert!(line.starts_with("<131>1 20"), "{line}");
    assert!(line.contains(" lazaret.test lazaret "), "{line}");
    assert!(
        line.ends_with("\u{feff}Pull blocked: ngnix; name-squat: too close"),
        "{line}"
    );
}

#[tokio::test]
async fn logs_arrive_by_datagram_stream_and_tls() {
    let told = message(EventKind::Blocked, "ngnix");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    send(
        &log(socket.local_addr().unwrap(), Framing::Udp, None),
        &told,
    )
    .await
    .unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).await.unwrap();
    is_line(std::str::from_utf8(&buffer[..length]).unwrap(), false);

    let (acceptor, ca, _folder) = tls();
    for secured in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let acceptor = acceptor.clone();
        let received = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            match secured {
                true => acceptor
                    .accept(tcp)
                    .await
                    .unwrap()
                    .read_to_string(&mut text)
                    .await
                    .unwrap(),
                false => tcp.read_to_string(&mut text).await.unwrap(),
            };
            text
        });
        let framing = if secured { Framing::Tls } else { Framing::Tcp };
        send(&log(at, framing, Some(&ca)), &told).await.unwrap();
        is_line(&received.await.unwrap(), true);
    }
    // Nobody is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    assert!(send(&log(at, Framing::Tcp, None), &told).await.is_err());
}

#[tokio::test]
async fn an_incident_is_closed_by_the_key_that_opened_it() {
    let api = FakeRegistry::start().await;
    api.fault(
        "POST /",
        Times::Always,
        Fault::Status(202, Vec::new(), Vec::new()),
    );
    let pager = Way::PagerDuty(place(&api, "/v2/enqueue"), Secret::new("R0UT1NG"));
    let alerts = Way::Opsgenie(place(&api, "/v2/alerts"), Secret::new("K3Y"));
    let (pager, alerts) = (target("pager", pager), target("alerts", alerts));
    let down = message(EventKind::UpstreamDown, "quay.io");
    let back = message(EventKind::UpstreamBack, "quay.io");
    for (target, told) in [
        (&pager, &down),
        (&pager, &back),
        (&alerts, &down),
        (&alerts, &back),
    ] {
        send(target, told).await.unwrap();
    }
    let posted = api.requests();
    let body = |at: usize| serde_json::from_str::<Value>(&posted[at].body).unwrap();
    let key = down.event.key();
    assert_eq!(body(0)["event_action"], "trigger");
    assert_eq!(body(1)["event_action"], "resolve");
    for at in [0, 1] {
        assert_eq!(body(at)["dedup_key"], key);
        assert_eq!(body(at)["routing_key"], "R0UT1NG");
    }
    assert_eq!(posted[2].path, "/v2/alerts");
    assert_eq!(body(2)["alias"], key);
    assert_eq!(posted[2].header("authorization").unwrap(), "GenieKey K3Y");
    assert_eq!(posted[3].path, format!("/v2/alerts/{key}/close"));
    assert_eq!(posted[3].query, "identifierType=alias");
}

/// Clouds hand out credentials at link-local addresses: whatever the file says, nothing goes there.
#[tokio::test]
async fn nothing_is_ever_sent_to_a_metadata_service() {
    let told = message(EventKind::Blocked, "ngnix");
    let ranges = || {
        vec![
            "169.254.0.0/16".parse().unwrap(),
            "fe80::/10".parse().unwrap(),
        ]
    };
    for (host, url) in [
        ("169.254.169.254", "http://169.254.169.254"),
        ("::ffff:169.254.169.254", "http://[::ffff:169.254.169.254]"),
        ("fd00:ec2::254", "http://[fd00:ec2::254]"),
        ("fe80::1", "http://[fe80::1]"),
        ("0.0.0.0", "http://0.0.0.0"),
    ] {
        let peer = Peer::new(host, 25, ranges(), &[], Duration::from_secs(20)).unwrap();
        let why = peer.connect().await.unwrap_err();
        assert!(why.contains("is not a public address"), "{host}: {why}");
        let why = peer.datagram(b"x").await.unwrap_err();
        assert!(why.contains("is not a public address"), "{host}: {why}");

        let mut server = RegistrySettings::new("hook", url);
        server.plain_http = true;
        server.allow_addresses = ranges();
        server.never_link_local = true;
        let upstreams = Upstreams::new(Settings {
            registries: vec![server],
            proxy: None,
            ca_files: Vec::new(),
            timeouts: Timeouts::default(),
        });
        let place = Place {
            upstream: upstreams.unwrap().get("hook").unwrap().clone(),
            path: "/latest/meta-data".to_owned(),
        };
        let why = send(&target("hook", Way::Slack(place)), &told)
            .await
            .unwrap_err();
        assert!(why.contains("is not a public address"), "{url}: {why}");
    }
}

#[tokio::test]
async fn a_hook_reads_the_event() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    let script = format!("cat > {}", file.display());
    let program = Program {
        command: ["/bin/sh", "-c", &script].map(str::to_owned).to_vec(),
        patience: Duration::from_secs(60),
    };
    let told = message(EventKind::Revoked, "docker.io/acme/app");
    send(&target("hook:isolate", Way::Program(program)), &told)
        .await
        .unwrap();
    let event: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(event["type"], "lazaret.revoked");
    assert_eq!(event["id"], told.event.id.to_string());
}

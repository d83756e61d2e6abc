//! Mail, logs, pagers and programs: against servers of this test that are strict, or misbehave.

mod letters;

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

//! Clients that prove who they are, and those who may no longer.

use lazaret::ca::Clients;
use lazaret::gateway::{ClientCertificates, Identification, TlsSource};
use rustls::HandshakeKind;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::serving::{Serving, lazaret};
use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::tls::{Door, Office, Shown, exchange, open, trusting};

const NAME: &str = "lazaret.example";
/// Years in which a list is good, and in which it was.
const GOOD: (i32, i32) = (2020, 2100);
const STALE: (i32, i32) = (2019, 2020);

/// A list that is none.
const BROKEN: &str = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";

async fn door(office: &Office, lists: &str, required: bool) -> (FakeRegistry, Gate, Door) {
    let registry = FakeRegistry::start().await;
    registry.push_image("acme/app", "1", &ImageSpec::default());
    let gate = Setup::new(LENIENT).start(&registry).await;
    let files = office.server(NAME, gate.data());
    let authorities = office.file(gate.data());
    let revoked = gate.data().join("revoked.pem");
    std::fs::write(&revoked, lists).unwrap();
    let door = open(&gate, &registry, Identification::default(), |_, _| {
        TlsSource {
            files: Some(files),
            clients: Some(ClientCertificates {
                authorities,
                revoked: Some(revoked),
                required,
            }),
            registries: None,
        }
    })
    .await;
    (registry, gate, door)
}

/// Whether a pull is answered.
async fn answered(door: &Door, office: &Office, shown: Option<&Shown>) -> bool {
    let Ok(mut stream) = door.connect(NAME, &office.root, shown).await else {
        return false;
    };
    let path = "/v2/docker.io/acme/app/manifests/1";
    let said = exchange(&mut stream, &get(path, NAME)).await;
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 200 "),
        "{said}"
    );
    !said.is_empty()
}

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

#[tokio::test]
async fn what_was_revoked_opens_nothing_and_lists_change_at_once() {
    let (office, other) = (Office::new(), Office::new());
    let (registry, _gate, door) = door(&office, &office.revoked(&[2], GOOD), true).await;
    let one = office.client_numbered("one.example", 1);
    let two = office.client_numbered("two.example", 2);
    assert!(!answered(&door, &office, Some(&two)).await);
    assert!(registry.requests().is_empty());
    assert!(answered(&door, &office, Some(&one)).await);

    door.tls.revoke(Ok(&office.revoked(&[1], GOOD))).unwrap();
    assert!(!answered(&door, &office, Some(&one)).await);
    assert!(answered(&door, &office, Some(&two)).await);
    let both = office.revoked(&[], GOOD) + &other.revoked(&[1, 2], GOOD);
    door.tls.revoke(Ok(&both)).unwrap();
    assert!(answered(&door, &office, Some(&one)).await);
    // Not known is not good: too old, of others alone.
    for lists in [office.revoked(&[], STALE), other.revoked(&[], GOOD)] {
        door.tls.revoke(Ok(&lists)).unwrap();
        assert!(!answered(&door, &office, Some(&one)).await);
    }
    for (lists, why) in [
        (Err("No such file or directory".to_owned()), "No such file"),
        (Ok(""), "no revocation list in PEM"),
        (Ok(BROKEN), "provided CRL could not be parsed"),
    ] {
        door.tls.revoke(Ok(&both)).unwrap();
        assert!(answered(&door, &office, Some(&one)).await);
        let said = door.tls.revoke(lists).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        assert!(!answered(&door, &office, Some(&one)).await, "{said}");
    }
}

#[tokio::test]
async fn who_need_not_show_one_is_served_without_but_not_with_one_that_nobody_can_judge() {
    let office = Office::new();
    let (_registry, _gate, door) = door(&office, &office.revoked(&[], STALE), false).await;
    let one = office.client_numbered("one.example", 1);
    assert!(!answered(&door, &office, Some(&one)).await);
    assert!(answered(&door, &office, None).await);
}

/// In a resumed session nobody looks at the certificate: there are none.
#[tokio::test]
async fn a_session_from_before_it_was_revoked_opens_nothing() {
    let office = Office::new();
    let (_registry, _gate, door) = door(&office, &office.revoked(&[], GOOD), true).await;
    let one = office.client_numbered("one.example", 1);
    // One configuration, with all that it remembers of sessions.
    let connector = trusting(&office.root, Some(&one));
    let connect = async || {
        let stream = TcpStream::connect(door.address).await.unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let mut stream = connector.connect(name, stream).await.ok()?;
        let said = exchange(&mut stream, &get("/v2/", NAME)).await;
        let kind = stream.get_ref().1.handshake_kind();
        said.starts_with("HTTP/1.1 200 ").then_some(kind)
    };
    for _ in 0..2 {
        assert_eq!(connect().await, Some(Some(HandshakeKind::Full)));
    }
    door.tls.revoke(Ok(&office.revoked(&[1], GOOD))).unwrap();
    assert_eq!(connect().await, None);
}

#[test]
fn lists_that_cannot_be_used_are_named() {
    let (folder, office) = (tempfile::tempdir().unwrap(), Office::new());
    let authorities = office.file(folder.path());
    let file = folder.path().join("revoked.pem");
    let load = || Clients::load(&authorities, Some(&file), true);
    for text in [None, Some(""), Some(BROKEN)] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let why = load().unwrap_err().to_string();
        assert!(why.starts_with(&file.display().to_string()), "{why}");
    }
    let many = office.revoked(&[], GOOD).repeat(65);
    std::fs::write(&file, many).unwrap();
    assert!(
        load()
            .unwrap_err()
            .to_string()
            .ends_with("more than 64 revocation lists in it")
    );
    std::fs::write(&file, office.revoked(&[], GOOD)).unwrap();
    assert_eq!(load().unwrap().revoked(), Some(file.as_path()));
}

/// The program itself, as its file says: certificates are shown to the proxy where it has TLS of its own, else inside of the
/// tunnel; either names the client in the ledger.
async fn by_the_proxy(outer: bool) {
    let registry = FakeRegistry::start().await;
    registry.push_image("library/nginx", "1", &ImageSpec::default());
    let (folder, office) = (tempfile::tempdir().unwrap(), Office::new());
    let config = folder.path().join("lazaret.toml");
    let lists = folder.path().join("revoked.pem");
    office.file(folder.path());
    office.server(NAME, folder.path());
    std::fs::write(&lists, office.revoked(&[], GOOD)).unwrap();
    let own = match outer {
        true => "tls_certificate = \"server.pem\"\ntls_key = \"server.key\"\n",
        false => "",
    };
    let url = registry.url();
    let text = format!(
        "data_dir = \"data\"\n[mirror]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [proxy]\nlisten = \"127.0.0.1:0\"\nclient_ca = \"office.pem\"\nclient_crl = \"revoked.pem\"\n{own}\
         [upstream]\ninclude_defaults = false\nfetch_advisories = false\nrefresh_roots = false\n\
         [[registry]]\nhost = \"docker.io\"\nurl = \"{url}\"\nplain_http = true\nallow_addresses = [\"127.0.0.0/8\"]\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut serving = Serving::start(&config);
    let at = config.to_str().unwrap();
    let root = lazaret(&["ca", "export", "--config", at]);
    let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
    let pull = async |serving: &Serving, shown: Option<&Shown>| {
        let stream = serving.connect("proxy").await;
        if !outer {
            return tunnel(stream, &root, shown).await;
        }
        let name = ServerName::try_from(NAME).unwrap();
        let outside = trusting(&office.root, shown).connect(name, stream).await;
        match outside {
            Ok(stream) => tunnel(stream, &root, None).await,
            Err(_) => String::new(),
        }
    };
    let ours = office.client_numbered("ci.acme.example", 1);
    let theirs = Office::new().client("ci.acme.example");
    for shown in [None, Some(&theirs)] {
        assert_eq!(pull(&serving, shown).await, "");
    }
    assert!(registry.requests().is_empty());
    let said = pull(&serving, Some(&ours)).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");

    std::fs::write(&lists, office.revoked(&[1], GOOD)).unwrap();
    serving.says("revoked certificates loaded").await;
    assert_eq!(pull(&serving, Some(&ours)).await, "");
    std::fs::remove_file(&lists).unwrap();
    serving
        .says("no client's certificate is believed until they can")
        .await;
    assert_eq!(pull(&serving, Some(&ours)).await, "");
    std::fs::write(&lists, office.revoked(&[], GOOD)).unwrap();
    serving.says("revoked certificates loaded").await;
    let said = pull(&serving, Some(&ours)).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    serving.stop();

    let told = lazaret(&["why", "docker.io/library/nginx:1", "--config", at]);
    assert!(
        told.contains("127.0.0.1 (certificate:ci.acme.example)"),
        "{told}"
    );
    let asked = [
        "who-pulled",
        "docker.io/library/nginx:1",
        "--json",
        "--config",
        at,
    ];
    let who: serde_json::Value = serde_json::from_str(&lazaret(&asked)).unwrap();
    assert!(
        who.to_string().contains("certificate:ci.acme.example"),
        "{who}"
    );
}

/// One pull through a tunnel; nothing where there is no connection to be had.
async fn tunnel<S>(mut stream: S, root: &CertificateDer<'static>, shown: Option<&Shown>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = "registry-1.docker.io";
    let connect = format!("CONNECT {host}:443 HTTP/1.1\r\nhost: {host}:443\r\n\r\n");
    let said = exchange(&mut stream, &connect).await;
    if said.is_empty() {
        return said;
    }
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let name = ServerName::try_from(host).unwrap();
    match trusting(root, shown).connect(name, stream).await {
        Ok(mut stream) => exchange(&mut stream, &get("/v2/library/nginx/manifests/1", host)).await,
        Err(_) => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_inside_of_the_tunnel_names_the_client() {
    by_the_proxy(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_shown_to_the_proxy_itself_names_the_client() {
    by_the_proxy(true).await;
}

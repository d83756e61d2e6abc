//! The HTTPS proxy on sockets: what it answers for, and all that it must not do.

mod authority;

use std::net::SocketAddr;
use std::sync::Arc;

use lazaret::ca::{self, Authority};
use lazaret::gateway::{Dialled, Gateway, Hold, Limits, Listener};
use lazaret::policy::{AllowedHost, Egress};
use lazaret::proxy::{Proxy, serve};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup, upstreams};
use crate::support::tls::{exchange, trusting};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) root: CertificateDer<'static>,
    pub(crate) registry: FakeRegistry,
    pub(crate) gate: Gate,
    _stop: watch::Sender<bool>,
}

const POLICY: &str = "[[rule]]\nmatch = [\"ghcr.io/acme/denied\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n[config.strict]\nroot_user = \"deny\"\n";

pub(crate) async fn start(allow: &[&str]) -> Running {
    start_as(allow, |_, proxy| proxy).await
}

/// The same with a proxy that is set up further.
pub(crate) async fn start_as(
    allow: &[&str],
    further: impl FnOnce(&Gate, Proxy) -> Proxy,
) -> Running {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&format!("{LENIENT}{POLICY}"))
        .start(&registry)
        .await;
    let upstreams = Arc::new(upstreams(&registry.url()));
    let path = Gateway::new(
        gate.admission.clone(),
        upstreams.clone(),
        "http://why".to_owned(),
        Hold::default(),
    );
    let now = lazaret::telemetry::now();
    let (certificate, key) = Authority::make(&Dialled::of(&upstreams).hosts(), now).unwrap();
    let authority = Authority::read(&certificate, &key).unwrap();
    let root = authority.certificate(now);
    let (stop, stopping) = watch::channel(false);
    let egress = Egress(
        allow
            .iter()
            .map(|host| AllowedHost::parse(host).unwrap())
            .collect(),
    );
    let proxy = Proxy::new(
        Arc::new(path),
        Arc::new(authority),
        egress,
        Limits::default(),
        stopping,
    );
    let proxy = further(&gate, proxy);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(serve(listener, Arc::new(proxy)));
    registry.push_image("acme/app", "1", &ImageSpec::default());
    registry.push_image(
        "acme/denied",
        "1",
        &ImageSpec {
            user: "",
            ..ImageSpec::default()
        },
    );
    registry.push_image("library/nginx", "1", &ImageSpec::default());
    Running {
        address,
        root,
        registry,
        gate,
        _stop: stop,
    }
}

impl Running {
    pub(crate) async fn plain(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        exchange(&mut stream, text).await
    }

    pub(crate) async fn connect(&self, to: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let said = exchange(
            &mut stream,
            &format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n"),
        )
        .await;
        (stream, said)
    }

    /// A tunnel, and TLS in it under some name.
    pub(crate) async fn inside(
        &self,
        to: &str,
        name: &str,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let request = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n\r\n");
        self.inside_by(&request, name).await
    }

    /// The same, by a request of one's own.
    pub(crate) async fn inside_by(
        &self,
        request: &str,
        name: &str,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let said = exchange(&mut stream, request).await;
        assert!(
            said.starts_with("HTTP/1.1 200 Connection established\r\n"),
            "{said}"
        );
        let name = ServerName::try_from(name.to_owned()).unwrap();
        trusting(&self.root, None).connect(name, stream).await
    }

    async fn get(&self, host: &str, path: &str, more: &str) -> String {
        let mut stream = self.inside(&format!("{host}:443"), host).await.unwrap();
        exchange(
            &mut stream,
            &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{more}\r\n"),
        )
        .await
    }
}

#[tokio::test]
async fn registries_are_answered_under_their_own_names() {
    let running = start(&[]).await;
    let ping = running.get("ghcr.io", "/v2/", "").await;
    assert!(
        ping.starts_with("HTTP/1.1 200 OK\r\n") && !ping.contains("www-authenticate"),
        "{ping}"
    );
    for (host, path) in [
        ("ghcr.io", "/v2/acme/app/manifests/1"),
        ("registry-1.docker.io", "/v2/library/nginx/manifests/1"),
        ("index.docker.io", "/v2/library/nginx/manifests/1"),
    ] {
        let said = running.get(host, path, "").await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{host}: {said}");
    }
    let said = running
        .get("ghcr.io", "/v2/acme/denied/manifests/1", "")
        .await;
    let (line, _) = said.split_once("\r\n").unwrap();
    assert!(
        line.starts_with("HTTP/1.1 403 Blocked by policy: ") && line.contains("root"),
        "{line}"
    );
    assert!(
        said.contains("\"code\":\"DENIED\"") && said.contains("denied: ghcr.io/acme/denied:1"),
        "{said}"
    );
}

#[tokio::test]
async fn nothing_in_a_tunnel_names_another_registry() {
    let running = start(&[]).await;
    // Neither a path, nor containerd's parameter: the stand-in would have both.
    for path in [
        "/v2/ghcr.io/acme/app/manifests/1",
        "/v2/acme/app/manifests/1?ns=ghcr.io",
    ] {
        running.get("registry-1.docker.io", path, "").await;
    }
    let decisions = running.gate.ledger.decisions(None, 9).await.unwrap();
    let judged: Vec<_> = decisions
        .iter()
        .map(|by| by.reference.to_string())
        .collect();
    assert!(
        judged.contains(&"docker.io/acme/app:1".to_owned()),
        "{judged:?}"
    );
    assert!(
        judged.iter().all(|by| by.starts_with("docker.io/")),
        "{judged:?}"
    );
    // Nor the name in the handshake, nor a header, nor the form of the request.
    assert!(
        running
            .inside("ghcr.io:443", "registry-1.docker.io")
            .await
            .is_err()
    );
    for request in [
        "GET /v2/acme/app/manifests/1 HTTP/1.1\r\nhost: quay.io\r\n\r\n",
        "GET /v2/acme/app/manifests/1 HTTP/1.1\r\n\r\n",
        "GET http://ghcr.io/v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n\r\n",
        "CONNECT quay.io:443 HTTP/1.1\r\nhost: quay.io:443\r\n\r\n",
    ] {
        let mut stream = running.inside("ghcr.io:443", "ghcr.io").await.unwrap();
        let said = exchange(&mut stream, request).await;
        assert!(
            said.starts_with("HTTP/1.1 421 ") || said.starts_with("HTTP/1.1 400 "),
            "{request}: {said}"
        );
    }
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_not_read() {
    let running = start(&[]).await;
    let before = running.registry.requests().len();
    for more in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "content-length: 4\r\n",
        "host: quay.io\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        let said = running
            .get("ghcr.io", "/v2/acme/app/manifests/1", more)
            .await;
        assert!(said.starts_with("HTTP/1.1 4"), "{more}: {said}");
    }
    assert_eq!(running.registry.requests().len(), before);
}

#[tokio::test]
async fn a_clients_credentials_stay_here() {
    let running = start(&[]).await;
    let said = running
        .get(
            "ghcr.io",
            "/v2/acme/app/manifests/1",
            "authorization: Basic dTpw\r\ncookie: a=b\r\n",
        )
        .await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    let asked = running.registry.requests();
    assert!(!asked.is_empty());
    assert!(
        asked
            .iter()
            .all(|by| by.header("authorization").is_none() && by.header("cookie").is_none())
    );
}

#[tokio::test]
async fn nothing_else_is_reached() {
    let inside = running_port().await;
    let running = start(&[
        "localhost:443",
        &format!("localhost:{inside}"),
        "127.0.0.1:9",
    ])
    .await;
    let loopback = format!("localhost:{inside}");
    for (to, why) in [
        (
            "evil.example:443",
            "evil.example is no registry that Lazaret knows, and not in [proxy] allow",
        ),
        ("ghcr.io:22", "ghcr.io is not a registry at port 22"),
        ("169.254.169.254:80", "169.254.169.254 is no registry"),
        ("[::1]:443", "is no registry"),
        ("127.0.0.1:9", "its name leads to no public address"),
        (loopback.as_str(), "its name leads to no public address"),
        ("ghcr.io.evil.example:443", "is no registry"),
    ] {
        let (_, said) = running.connect(to).await;
        let line = said.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("HTTP/1.1 403 Blocked by policy: ") && line.contains(why),
            "{to}: {line}"
        );
    }
    let said = running
        .plain("CONNECT ghcr.io HTTP/1.1\r\nhost: ghcr.io\r\n\r\n")
        .await;
    assert!(said.starts_with("HTTP/1.1 40"), "{said}");
}

/// A port of this machine that somebody listens at.
async fn running_port() -> u16 {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move { while socket.accept().await.is_ok() {} });
    port
}

#[tokio::test]
async fn registries_in_the_clear_are_judged_too() {
    let running = start(&[]).await;
    let get = async |uri: &str, host: &str| {
        running
            .plain(&format!("GET {uri} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
            .await
    };
    assert!(
        get("http://ghcr.io/v2/acme/app/manifests/1", "ghcr.io")
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    assert!(
        get("http://ghcr.io/v2/acme/denied/manifests/1", "ghcr.io")
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    assert!(
        get("http://ghcr.io/v2/acme/app/manifests/1", "quay.io")
            .await
            .starts_with("HTTP/1.1 421 ")
    );
    for (uri, host) in [
        ("http://evil.example/", "evil.example"),
        ("/v2/", "127.0.0.1"),
        ("http://127.0.0.1/", "127.0.0.1"),
    ] {
        assert!(get(uri, host).await.starts_with("HTTP/1.1 403 "), "{uri}");
    }
}

#[tokio::test]
async fn the_canary_is_served_and_denied_under_every_registry() {
    let running = start(&[]).await;
    for (host, registry) in [
        ("ghcr.io", "ghcr.io"),
        ("registry-1.docker.io", "docker.io"),
    ] {
        let path = "/v2/lazaret--canary/allowed/manifests/n1";
        let said = running.get(host, path, "").await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{host}: {said}");
        let path = "/v2/lazaret--canary/denied/manifests/n1";
        let said = running.get(host, path, "").await;
        let proof = lazaret::canary::proof("n1");
        let line = format!(
            "HTTP/1.1 403 Blocked by policy: Lazaret's canary is always denied (proof {proof}, see http://why/canary/n1)\r\n"
        );
        assert!(said.starts_with(&line), "{host}: {said}");
        assert!(
            said.contains(&format!("denied: {registry}/lazaret--canary/denied:n1")),
            "{said}"
        );
    }
    assert!(running.registry.requests().is_empty());
}

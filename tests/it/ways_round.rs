//! What somebody tries who wants a refused image all the same: every door, every kind of question, one answer.

mod spellings;

use lazaret::gateway::{Identification, TlsSource};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::proxy::{Running, start};
use crate::support::fake_registry::{FakeRegistry, ImageSpec, Pushed};
use crate::support::gate::{LENIENT, Setup};
use crate::support::tls::{Door, exchange, open, trusting};

/// How a client comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Mirror,
    Gateway,
    /// Led to the gateway by the registry's own name.
    Led,
    /// Inside a tunnel of the proxy.
    Tunnel,
    /// By the proxy, without TLS.
    Plain,
}

const WAYS: [Way; 5] = [Way::Mirror, Way::Gateway, Way::Led, Way::Tunnel, Way::Plain];

struct Scene {
    running: Running,
    door: Door,
    denied: Pushed,
}

async fn scene() -> Scene {
    let running = start(&[]).await;
    let spec = ImageSpec {
        user: "",
        layers: vec![b"a layer of its own".to_vec()],
        ..ImageSpec::default()
    };
    let denied = running.registry.push_image("acme/denied", "own", &spec);
    let known = Identification::default();
    let door = open(
        &running.gate,
        &running.registry,
        known,
        |authority, dialled| TlsSource {
            registries: Some((authority, dialled)),
            ..TlsSource::default()
        },
    )
    .await;
    Scene {
        running,
        door,
        denied,
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Scene {
    async fn stream(&self, way: Way) -> Box<dyn Stream> {
        let plain = async |address| Box::new(TcpStream::connect(address).await.unwrap());
        match way {
            Way::Mirror => plain(self.running.gate.mirror).await,
            Way::Gateway => plain(self.running.gate.gateway).await,
            Way::Plain => plain(self.running.address).await,
            Way::Tunnel => Box::new(self.running.inside("ghcr.io:443", "ghcr.io").await.unwrap()),
            Way::Led => {
                let root = self.door.authority.clone();
                Box::new(self.door.connect("ghcr.io", &root, None).await.unwrap())
            }
        }
    }

    /// The answer to one request for what lies at `path` of ghcr.io.
    async fn ask(&self, way: Way, method: &str, path: &str, more: &str) -> String {
        let text = request(way, method, path, &format!("{more}connection: close\r\n"));
        exchange(&mut self.stream(way).await, &text).await
    }

    fn asked(&self) -> usize {
        self.running.registry.requests().len()
    }
}

fn request(way: Way, method: &str, path: &str, more: &str) -> String {
    let (target, host) = match way {
        Way::Mirror | Way::Gateway => (path.replacen("/v2/", "/v2/ghcr.io/", 1), "gw.test"),
        Way::Plain => (format!("http://ghcr.io{path}"), "ghcr.io"),
        Way::Led | Way::Tunnel => (path.to_owned(), "ghcr.io"),
    };
    format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{more}\r\n")
}

/// The status of the first answer.
fn status(said: &str) -> u16 {
    let word = said.split(' ').nth(1);
    word.unwrap_or_else(|| panic!("no answer: {said:?}"))
        .parse()
        .unwrap()
}

fn is_refusal(said: &str) -> bool {
    // A mirror says no by 300 to whom it does not know.
    status(said) == 300 || (400..500).contains(&status(said))
}

#[tokio::test]
async fn no_question_gets_what_a_refusal_keeps_back() {
    let scene = scene().await;
    let (top, child) = (scene.denied.digest, &scene.denied.children[0]);
    let (config, layer) = (child.config, child.layers[0]);
    let paths = [
        "manifests/own".to_owned(),
        format!("manifests/{top}"),
        format!("blobs/{config}"),
        format!("blobs/{layer}"),
        // Clients that are refused a manifest try it as content.
        format!("blobs/{top}"),
    ];
    let heads = [
        String::new(),
        "range: bytes=0-\r\n".to_owned(),
        "range: bytes=0-3\r\nif-range: \"x\"\r\n".to_owned(),
        format!("if-none-match: \"{top}\", \"{config}\", \"{layer}\"\r\n"),
        "if-none-match: *\r\n".to_owned(),
        "if-modified-since: Fri, 01 Jan 2100 00:00:00 GMT\r\n".to_owned(),
        "authorization: Bearer anonymous\r\n".to_owned(),
        "upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n".to_owned(),
        "x-forwarded-host: quay.io\r\nx-original-url: /v2/acme/app/manifests/1\r\n".to_owned(),
        "accept: application/vnd.docker.distribution.manifest.v1+json\r\n".to_owned(),
    ];
    for way in WAYS {
        for path in &paths {
            for more in &heads {
                for method in ["HEAD", "GET"] {
                    let path = format!("/v2/acme/denied/{path}");
                    let said = scene.ask(way, method, &path, more).await;
                    let what = format!("{way:?} {method} {path} {more}: {said}");
                    assert!(is_refusal(&said), "{what}");
                    assert!(!said.contains("a layer of its own"), "{what}");
                    assert!(!said.contains(&format!("\"{config}\"")), "{what}");
                }
            }
        }
        // Nor under the name of a repository whose images are allowed.
        for path in &paths[2..] {
            let said = scene
                .ask(way, "GET", &format!("/v2/acme/app/{path}"), "")
                .await;
            assert!(is_refusal(&said), "{way:?} {path}: {said}");
        }
    }
    assert_eq!(scene.running.registry.count(&layer.to_string()), 0);
}

#[tokio::test]
async fn older_http_gets_no_other_answer() {
    let scene = scene().await;
    for (path, wanted) in [
        ("/v2/acme/app/manifests/1", 200),
        ("/v2/acme/denied/manifests/own", 403),
    ] {
        for way in WAYS {
            let text = request(way, "GET", path, "").replace("HTTP/1.1", "HTTP/1.0");
            let said = exchange(&mut scene.stream(way).await, &text).await;
            let wanted = match (way, wanted) {
                (Way::Mirror, 403) => 300,
                _ => wanted,
            };
            assert_eq!(status(&said), wanted, "{way:?} {path}: {said}");
        }
        for way in [Way::Led, Way::Tunnel, Way::Plain] {
            let text =
                request(way, "GET", path, "").replace("HTTP/1.1\r\nhost: ghcr.io", "HTTP/1.0");
            let said = exchange(&mut scene.stream(way).await, &text).await;
            assert_eq!(status(&said), 421, "{way:?} without a host: {said}");
        }
    }
}

#[tokio::test]
async fn nothing_is_pushed_mounted_or_deleted_by_any_door() {
    let scene = scene().await;
    let layer = scene.denied.children[0].layers[0];
    let before = scene.asked();
    for way in WAYS {
        for (method, path) in [
            ("POST", "blobs/uploads/".to_owned()),
            (
                "POST",
                format!("blobs/uploads/?mount={layer}&from=acme/denied"),
            ),
            ("POST", format!("blobs/uploads/?digest={layer}")),
            ("PATCH", "blobs/uploads/0".to_owned()),
            ("PUT", format!("blobs/uploads/0?digest={layer}")),
            ("PUT", "manifests/2".to_owned()),
            ("DELETE", "manifests/1".to_owned()),
            ("DELETE", format!("blobs/{layer}")),
            ("GET", "blobs/uploads/0".to_owned()),
            ("OPTIONS", "manifests/1".to_owned()),
            ("TRACE", "manifests/1".to_owned()),
        ] {
            let path = format!("/v2/acme/app/{path}");
            let said = scene.ask(way, method, &path, "").await;
            assert_eq!(status(&said), 405, "{way:?} {method} {path}: {said}");
        }
    }
    assert_eq!(scene.asked(), before);
}

#[tokio::test]
async fn what_follows_on_a_connection_is_judged_by_itself() {
    let scene = scene().await;
    for way in WAYS {
        let (good, bad) = ("/v2/acme/app/manifests/1", "/v2/acme/denied/manifests/own");
        let all = [
            request(way, "GET", good, ""),
            request(way, "GET", bad, ""),
            request(way, "GET", good, "connection: close\r\n"),
        ];
        let mut stream = scene.stream(way).await;
        stream.write_all(all.concat().as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        let said = String::from_utf8(said).unwrap();
        let no = if way == Way::Mirror { 300 } else { 403 };
        let lines: Vec<_> = said.split("HTTP/1.1 ").skip(1).collect();
        let codes: Vec<u16> = lines.iter().map(|by| by[..3].parse().unwrap()).collect();
        assert_eq!(codes, [200, no, 200], "{way:?}: {said}");
    }
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let scene = scene().await;
    for (offered, taken) in [
        (vec!["h2"], None),
        (vec!["h2", "http/1.1"], Some("http/1.1")),
    ] {
        let connect = async |root, stream| {
            let mut config = trusting(root, None).config().as_ref().clone();
            config.alpn_protocols = offered.iter().map(|one| one.as_bytes().to_vec()).collect();
            let name = ServerName::try_from("ghcr.io").unwrap();
            let connected = TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream);
            let session = connected.await.ok()?;
            session.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
        };
        let (tunnel, said) = scene.running.connect("ghcr.io:443").await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        let wanted = taken.map(|word| word.as_bytes().to_vec());
        assert_eq!(connect(&scene.running.root, tunnel).await, wanted);
        let led = TcpStream::connect(scene.door.address).await.unwrap();
        assert_eq!(connect(&scene.door.authority, led).await, wanted);
    }
}

#[tokio::test]
async fn the_canary_opens_nothing_but_itself() {
    let scene = scene().await;
    let before = scene.asked();
    let (top, child) = (scene.denied.digest, &scene.denied.children[0]);
    for way in WAYS {
        for path in [
            format!("manifests/{top}"),
            format!("blobs/{top}"),
            format!("blobs/{}", child.config),
            format!("blobs/{}", child.layers[0]),
            format!("blobs/uploads/?mount={}&from=acme/denied", child.layers[0]),
        ] {
            let path = format!("/v2/lazaret--canary/allowed/{path}");
            let said = scene.ask(way, "GET", &path, "").await;
            assert!(is_refusal(&said), "{way:?} {path}: {said}");
        }
    }
    assert_eq!(scene.asked(), before);
}

#[tokio::test]
async fn without_tls_no_inner_address_is_reached_and_a_refusal_ends_the_connection() {
    let scene = scene().await;
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "metadata.google.internal",
        "ghcr.io@127.0.0.1",
        "127.0.0.1:5080",
    ] {
        let one = format!("GET http://{host}/v2/ HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let good = request(Way::Plain, "GET", "/v2/", "connection: close\r\n");
        let mut stream = scene.stream(Way::Plain).await;
        stream
            .write_all(format!("{one}{good}").as_bytes())
            .await
            .unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        let said = String::from_utf8(said).unwrap();
        assert!((400..500).contains(&status(&said)), "{host}: {said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{host}: {said}");
    }
    assert_eq!(scene.asked(), 0);
}

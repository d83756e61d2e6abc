//! Requests that two readers may read differently: refused, and nothing behind them is ever answered.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};

const GOOD: &str = "GET /v2/library/nginx/manifests/1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: containerd/1.6\r\nConnection: close\r\n\r\n";

async fn scene() -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    registry.push_image("library/nginx", "1", &ImageSpec::default());
    let gate = Setup::new(LENIENT).start(&registry).await;
    (registry, gate)
}

/// All that comes back for these bytes.
async fn said(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn answers(said: &str) -> usize {
    said.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn a_plain_request_is_answered() {
    let (_registry, gate) = scene().await;
    for address in [gate.mirror, gate.gateway] {
        let said = said(address, GOOD.as_bytes()).await;
        // Without a namespace the gateway cannot know which registry is meant.
        let status = if address == gate.mirror {
            "HTTP/1.1 200"
        } else {
            "HTTP/1.1 4"
        };
        assert!(said.starts_with(status), "{said}");
    }
}

/// Requests that two readers may read differently, for what lies at `path` of `host`.
pub(crate) fn twofold(host: &str, path: &str) -> Vec<(&'static str, String)> {
    let hidden = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let head = format!("GET {path} HTTP/1.1\r\n");
    vec![
        (
            "two hosts",
            format!("{head}Host: {host}\r\nHost: b.test\r\n\r\n"),
        ),
        (
            "length and chunks",
            format!(
                "{head}Host: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        (
            "two lengths",
            format!(
                "{head}Host: {host}\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
        ),
        (
            "a body",
            format!(
                "{head}Host: {host}\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
        ),
        (
            "chunks",
            format!("{head}Host: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "odd chunks",
            format!("{head}Host: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "space before the colon",
            format!("{head}Host : {host}\r\n\r\n"),
        ),
        (
            "a folded header",
            format!("{head}Host: {host}\r\nX-A: 1\r\n  2\r\n\r\n"),
        ),
        (
            "two ranges",
            format!("{head}Host: {host}\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n"),
        ),
    ]
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused_and_end_the_connection() {
    let cases = twofold("a.test", "/v2/library/nginx/manifests/1");
    let (registry, gate) = scene().await;
    for (what, request) in cases {
        for address in [gate.mirror, gate.gateway] {
            let said = said(address, request.as_bytes()).await;
            assert!(!said.contains("HTTP/1.1 200"), "{what}: {said}");
            assert!(answers(&said) <= 1, "{what}: {said}");
        }
    }
    assert_eq!(
        registry.count("/manifests/"),
        0,
        "a refused request was asked on"
    );
}

#[tokio::test]
async fn paths_that_can_be_read_in_two_ways_are_refused() {
    let (registry, gate) = scene().await;
    for path in [
        "/v2/library%2fnginx/manifests/1",
        "/v2/library/nginx/manifests/%2e%2e",
        "/v2/library/../library/nginx/manifests/1",
        "/v2/./library/nginx/manifests/1",
        "/v2//library/nginx/manifests/1",
        "//v2/library/nginx/manifests/1",
        "/v2/library/nginx/manifests/1/",
        "/V2/library/nginx/manifests/1",
        "/v2/library/nginx/manifests/1%00",
        "/v2/library/nginx/manifests/1;x=1",
        "/v2/Library/nginx/manifests/1",
        "/v2/library/nginx\\..\\x/manifests/1",
        "http://registry-1.docker.io/v2/library/nginx/manifests/1",
        "*",
    ] {
        for address in [gate.mirror, gate.gateway] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: x\r\nConnection: close\r\n\r\n"
            );
            let said = said(address, request.as_bytes()).await;
            assert!(said.starts_with("HTTP/1.1 4"), "{path}: {said}");
        }
    }
    assert_eq!(registry.count("/manifests/"), 0);
}

#[tokio::test]
async fn heads_without_measure_are_refused() {
    let (_registry, gate) = scene().await;
    let start = "GET /v2/ HTTP/1.1\r\nHost: a.test\r\n";
    let many: String = (0..100).map(|n| format!("X-{n}: 1\r\n")).collect();
    for request in [
        format!("{start}X-Long: {}\r\n\r\n", "a".repeat(40_000)),
        format!("{start}{many}\r\n"),
        format!(
            "GET /v2/{} HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "a/".repeat(20_000)
        ),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "CONNECT registry-1.docker.io:443 HTTP/1.1\r\nHost: registry-1.docker.io\r\n\r\n"
            .to_owned(),
    ] {
        let said = said(gate.mirror, request.as_bytes()).await;
        assert!(!said.contains("HTTP/1.1 2"), "{said}");
    }
}

#[tokio::test]
async fn requests_in_a_row_are_answered_one_by_one() {
    let (_registry, gate) = scene().await;
    let first = GOOD.replace("Connection: close\r\n", "");
    let said = said(gate.mirror, format!("{first}{first}{GOOD}").as_bytes()).await;
    assert_eq!(said.matches("HTTP/1.1 200").count(), 3, "{said}");
}

#[tokio::test]
async fn names_of_other_registries_cannot_be_slipped_in_twice() {
    let (registry, gate) = scene().await;
    for query in [
        "ns=docker.io&ns=ghcr.io",
        "ns=docker.io%00",
        "ns=evil.example",
        "ns=",
        "ns=docker.io/x",
    ] {
        let path = format!("/v2/library/nginx/manifests/1?{query}");
        let answer = gate.at_gateway().get(&path).await;
        assert!((400..500).contains(&answer.status), "{query}: {answer:?}");
    }
    assert_eq!(registry.count("/manifests/"), 0);
}

//! What a hostile client tries at the proxy.

use lazaret::policy::AllowedHost;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::proxy::start;
use crate::smuggling::twofold;
use crate::support::tls::exchange;

/// A port of this machine, and how often somebody came.
async fn visited() -> (u16, tokio::sync::watch::Receiver<usize>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let (count, visits) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        while socket.accept().await.is_ok() {
            count.send_modify(|count| *count += 1);
        }
    });
    (port, visits)
}

/// Even what the operator's list names leads to public addresses only, however the address is written.
#[tokio::test]
async fn no_spelling_of_an_inner_address_is_reached() {
    let (port, visits) = visited().await;
    let spelt = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
        "0",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "192.0.2.1",
    ];
    let listed: Vec<String> = spelt.iter().map(|host| format!("{host}:{port}")).collect();
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    let running = start(&listed).await;
    for to in &listed {
        let (_, said) = running.connect(to).await;
        let line = said.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("HTTP/1.1 403 Blocked by policy: "),
            "{to}: {line}"
        );
        assert!(line.contains("cannot be reached"), "{to}: {line}");
    }
    // And what no list can name.
    for to in [
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[fe80::1]:{port}"),
        format!("[fd00::1]:{port}"),
        format!("[64:ff9b::7f00:1]:{port}"),
    ] {
        assert!(AllowedHost::parse(&to).is_err(), "{to}");
        let (_, said) = running.connect(&to).await;
        assert!(said.starts_with("HTTP/1.1 403 "), "{to}: {said}");
    }
    assert_eq!(*visits.borrow(), 0);
}

#[tokio::test]
async fn a_port_is_part_of_what_is_allowed() {
    let running = start(&["deb.debian.org:443"]).await;
    for (to, why) in [
        ("ghcr.io:22", "ghcr.io is not a registry at port 22"),
        ("ghcr.io:8443", "ghcr.io is not a registry at port 8443"),
        (
            "registry-1.docker.io:25",
            "registry-1.docker.io is not a registry at port 25",
        ),
        (
            "auth.docker.io:465",
            "auth.docker.io is not a registry at port 465",
        ),
        ("deb.debian.org:22", "deb.debian.org is no registry"),
        ("deb.debian.org:0", "deb.debian.org is no registry"),
    ] {
        let (_, said) = running.connect(to).await;
        let line = said.lines().next().unwrap_or_default();
        assert!(
            line.starts_with("HTTP/1.1 403 ") && line.contains(why),
            "{to}: {line}"
        );
    }
    for to in [
        "ghcr.io:99999",
        "ghcr.io:",
        "ghcr.io",
        ":443",
        "a@ghcr.io:443",
        "ghcr.io:443/x",
        "*",
    ] {
        let said = running
            .plain(&format!("CONNECT {to} HTTP/1.1\r\nhost: ghcr.io\r\n\r\n"))
            .await;
        assert!(said.starts_with("HTTP/1.1 4"), "{to}: {said}");
    }
}

#[tokio::test]
async fn all_that_names_the_host_names_the_same_one() {
    let running = start(&["deb.debian.org:443"]).await;
    for (to, host) in [
        ("ghcr.io:443", "quay.io:443"),
        ("ghcr.io:443", "ghcr.io.evil.example"),
        ("deb.debian.org:443", "ghcr.io:443"),
    ] {
        let request = format!("CONNECT {to} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let said = running.plain(&request).await;
        let line = said.lines().next().unwrap_or_default();
        assert_eq!(
            line,
            "HTTP/1.1 403 Blocked by policy: CONNECT and the Host header name different hosts"
        );
    }
    for to in ["ghcr.io:443", "GHCR.io.:443"] {
        for host in ["ghcr.io:443", "ghcr.io", "Ghcr.io:443"] {
            let request = format!("CONNECT {to} HTTP/1.1\r\nhost: {host}\r\n\r\n");
            let said = running.plain(&request).await;
            assert!(said.starts_with("HTTP/1.1 200 "), "{to} {host}: {said}");
        }
    }
}

/// The bytes behind a CONNECT go into the tunnel, and no reader takes them for requests to the proxy.
#[tokio::test]
async fn what_follows_a_connect_is_not_a_request() {
    let running = start(&[]).await;
    let hidden = "GET http://ghcr.io/v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n\r\n";
    let length = hidden.len();
    for more in [
        String::new(),
        format!("content-length: {length}\r\n"),
        "transfer-encoding: chunked\r\n".to_owned(),
    ] {
        let request =
            format!("CONNECT ghcr.io:443 HTTP/1.1\r\nhost: ghcr.io:443\r\n{more}\r\n{hidden}");
        let said = running.plain(&request).await;
        assert!(!said.contains("\"schemaVersion\""), "{more}: {said}");
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{more}: {said}");
    }
    assert!(running.registry.requests().is_empty());
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_not_read_inside_a_tunnel_either() {
    let running = start(&[]).await;
    for (what, request) in twofold("ghcr.io", "/v2/acme/app/manifests/1") {
        let mut stream = running.inside("ghcr.io:443", "ghcr.io").await.unwrap();
        let said = exchange(&mut stream, &request).await;
        assert!(!said.contains("HTTP/1.1 200"), "{what}: {said}");
        assert!(said.matches("HTTP/1.1 ").count() <= 1, "{what}: {said}");
    }
    assert_eq!(running.registry.count("/manifests/"), 0);
}

#[tokio::test]
async fn a_tunnel_is_for_http_1_and_for_nothing_else() {
    let running = start(&[]).await;
    for request in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\nupgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 1\r\n\r\n",
        "DELETE /v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\n\r\n",
        "POST /v2/acme/app/blobs/uploads/ HTTP/1.1\r\nhost: ghcr.io\r\n\r\n",
    ] {
        let mut stream = running.inside("ghcr.io:443", "ghcr.io").await.unwrap();
        let said = exchange(&mut stream, request).await;
        assert!(
            !said.contains("HTTP/1.1 2") && !said.contains("HTTP/1.1 101"),
            "{request}: {said}"
        );
    }
    // Nor is it answered without TLS.
    let (mut stream, _) = running.connect("ghcr.io:443").await;
    stream
        .write_all(b"GET /v2/ HTTP/1.1\r\nhost: ghcr.io\r\n\r\n")
        .await
        .unwrap();
    let said = exchange_bytes(&mut stream).await;
    assert!(
        !String::from_utf8_lossy(&said).contains("HTTP/1.1"),
        "{said:?}"
    );
}

/// All that comes until the other side hangs up.
async fn exchange_bytes(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    said
}

//! TLS with an authority of our own, through a proxy.

use std::sync::{Arc, Mutex};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::fake::*;
use crate::upstream::{Kind, ProxySettings, RegistrySettings, Settings, Upstreams};

/// A TLS server for `registry.example` that answers each connection once; its port and certificate.
async fn tls_server() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["registry.example".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else {
                continue;
            };
            let _ = tls.read(&mut [0; 4096]).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {OCI}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
            let _ = tls.write_all(head.as_bytes()).await;
            let _ = tls.shutdown().await;
        }
    });
    (port, pem)
}

/// A proxy whose every tunnel leads to `to`; the heads it was sent.
async fn proxy(to: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heads);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = tcp.read(&mut head).await.unwrap();
            notes
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head[..read]).into_owned());
            tcp.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                .await
                .unwrap();
            let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut tcp, &mut far).await });
        }
    });
    (port, heads)
}

#[tokio::test]
async fn tls_goes_through_the_proxy() {
    let (port, pem) = tls_server().await;
    let (proxy_port, heads) = proxy(port).await;
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let settings = |url: &str, ca_files| Settings {
        registries: vec![RegistrySettings::new("reg.test", url)],
        proxy: Some(ProxySettings {
            url: format!("http://u:p%40@127.0.0.1:{proxy_port}"),
            no_proxy: vec!["corp.example".to_owned()],
        }),
        ca_files,
        ..Settings::default()
    };
    let ours = Upstreams::new(settings("https://registry.example", vec![ca])).unwrap();
    let fetched = ours
        .get("reg.test")
        .unwrap()
        .manifest(&repository(), &tag())
        .await
        .unwrap();
    assert_eq!(&fetched.bytes[..], b"{}");
    let head = heads.lock().unwrap().remove(0);
    assert!(
        head.starts_with("CONNECT registry.example:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Basic dTpwQA==\r\n"),
        "{head}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_authority_is_refused() {
    let (port, _) = tls_server().await;
    let registry = RegistrySettings {
        allow_addresses: vec!["127.0.0.1".parse().unwrap()],
        ..RegistrySettings::new("reg.test", &format!("https://127.0.0.1:{port}"))
    };
    let error = build(registry)
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
}

#[test]
fn every_operation_may_be_spawned() {
    fn is_send(_: impl Send) {}
    let upstreams = Upstreams::new(Settings::default()).unwrap();
    let upstream = upstreams.get("docker.io").unwrap();
    let (repository, target) = (repository(), tag());
    let digest = crate::oci::Digest::of(b"");
    is_send(upstream.resolve(&repository, &target));
    is_send(upstream.manifest(&repository, &target));
    is_send(upstream.blob(&repository, &digest, 0));
    is_send(upstream.tags(&repository, None, None));
    is_send(upstream.referrers(&repository, &digest));
}

#[tokio::test]
async fn a_proxy_is_no_way_around_the_guard() {
    let proxy = Fake::start(|request| {
        assert_eq!(header(request, "proxy-authorization"), "Basic dTpw");
        assert_eq!(
            request.uri().host(),
            Some("registry.example"),
            "absolute form"
        );
        answer(307, &[("location", "http://169.254.169.254/latest")], "")
    })
    .await;
    let registry = RegistrySettings {
        plain_http: true,
        ..RegistrySettings::new("reg.test", "http://registry.example")
    };
    let settings = Settings {
        registries: vec![registry],
        proxy: Some(ProxySettings {
            url: format!("http://u:p@127.0.0.1:{}", proxy.port),
            no_proxy: Vec::new(),
        }),
        ..Settings::default()
    };
    let upstreams = Upstreams::new(settings).unwrap();
    let upstream = upstreams.get("reg.test").unwrap();
    let error = upstream.manifest(&repository(), &tag()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotAllowed);
    assert_eq!(proxy.seen().len(), 1);
}

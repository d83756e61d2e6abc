//! The fake registry serves honestly when left alone and fails exactly as told.

use std::sync::Arc;

use lazaret::oci::{Digest, Manifest, media_type};
use tokio::sync::Notify;

use crate::support::client::{Client, Outcome};
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};

const NGINX: &str = "library/nginx";

async fn with_image(spec: ImageSpec) -> (FakeRegistry, Client, Digest) {
    let registry = FakeRegistry::start().await;
    let pushed = registry.push_image(NGINX, "1", &spec);
    let client = Client::new(registry.address(), "test/1");
    (registry, client, pushed.digest)
}

#[tokio::test]
async fn serves_oci_and_docker_plain_and_indexed() {
    for docker in [false, true] {
        for platforms in [vec!["linux/amd64"], vec!["linux/arm64/v8", "linux/amd64"]] {
            for attestations in [false, true] {
                let spec = ImageSpec {
                    platforms: platforms.clone(),
                    docker,
                    attestations,
                    layers: vec![vec![7; 100_000], b"second".to_vec()],
                    ..ImageSpec::default()
                };
                let (registry, client, digest) = with_image(spec.clone()).await;
                let image = client.pull(NGINX, "1").await.pulled();
                assert_eq!(image.digest, digest);
                assert_eq!(image.layers, spec.layers);
                let top = client.get(&format!("/v2/{NGINX}/manifests/1")).await;
                let kind = top.header("content-type").unwrap();
                let parsed = Manifest::parse(&top.body, Some(kind)).unwrap();
                assert_eq!(parsed.media_type(), kind);
                if let Manifest::Index(index) = parsed {
                    let evidence = index.manifests.iter().filter(|m| m.is_attestation());
                    let expected = if attestations { platforms.len() } else { 0 };
                    assert_eq!(evidence.count(), expected);
                }
                assert_eq!(registry.count("HEAD /v2/library/nginx/manifests/1"), 1);
            }
        }
    }
}

#[tokio::test]
async fn logs_requests_and_answers_ranges() {
    let (registry, client, _) = with_image(ImageSpec::default()).await;
    let digest = registry.push_blob(NGINX, "0123456789");
    let path = format!("/v2/{NGINX}/blobs/{digest}");
    let part = client.send("GET", &path, &[("range", "bytes=4-")]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "456789"));
    assert_eq!(part.header("content-range"), Some("bytes 4-9/10"));
    let part = client.send("GET", &path, &[("range", "bytes=2-3")]).await;
    assert_eq!((part.status, part.text().as_str()), (206, "23"));
    let past = client.send("GET", &path, &[("range", "bytes=10-")]).await;
    assert_eq!(past.status, 416);
    let logged = registry.requests();
    assert_eq!(logged[0].header("range"), Some("bytes=4-"));
    assert_eq!(logged[0].header("user-agent"), Some("test/1"));
    let head = client.head(&path).await;
    assert_eq!(head.header("content-length"), Some("10"));
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn lists_tags_by_pages() {
    let (registry, client, digest) = with_image(ImageSpec::default()).await;
    registry.tag(NGINX, "2", &digest);
    registry.tag(NGINX, "3", &digest);
    let page = client.get("/v2/library/nginx/tags/list?n=2").await;
    assert_eq!(page.text(), r#"{"name":"library/nginx","tags":["1","2"]}"#);
    assert!(page.header("link").unwrap().contains("n=2&last=2"));
    let page = client.get("/v2/library/nginx/tags/list?n=2&last=2").await;
    assert_eq!(page.text(), r#"{"name":"library/nginx","tags":["3"]}"#);
    assert_eq!(page.header("link"), None);
}

#[tokio::test]
async fn refers_by_api_and_by_fallback_tag() {
    for api in [true, false] {
        let registry = FakeRegistry::start().await;
        registry.referrers_api(api);
        let image = registry.push_image(NGINX, "1", &ImageSpec::default());
        for content in [b"one", b"two"] {
            registry.push_referrer(NGINX, &image.descriptor, "application/x", content);
        }
        let client = Client::new(registry.address(), "test");
        let path = format!("/v2/{NGINX}/referrers/{}", image.digest);
        let by_api = client.get(&path).await;
        let tag = image.digest.to_string().replace(':', "-");
        let by_tag = client.get(&format!("/v2/{NGINX}/manifests/{tag}")).await;
        let (found, other) = if api {
            (by_api, by_tag)
        } else {
            (by_tag, by_api)
        };
        assert_eq!((found.status, other.status), (200, 404));
        let index = Manifest::parse(&found.body, Some(media_type::OCI_INDEX)).unwrap();
        assert_eq!(index.references().count(), 2);
    }
}

#[tokio::test]
async fn asks_for_tokens() {
    let (registry, client, _) = with_image(ImageSpec::default()).await;
    registry.require_token(Some(("user", "secret")));
    let path = "/v2/library/nginx/manifests/1";
    let refused = client.get(path).await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains(&format!("realm=\"{}/token\"", registry.url())));
    let ask = "/token?service=fake&scope=repository:library/nginx:pull";
    assert_eq!(client.get(ask).await.status, 401);
    let login = [("authorization", "Basic dXNlcjpzZWNyZXQ=")];
    let token = client.send("GET", ask, &login).await;
    assert_eq!(token.text(), r#"{"token":"token-1","expires_in":300}"#);
    let bearer = [("authorization", "Bearer token-1")];
    assert_eq!(client.send("GET", path, &bearer).await.status, 200);
    let other = "/v2/other/manifests/1";
    assert_eq!(client.send("GET", other, &bearer).await.status, 401);
    registry.expire_tokens();
    assert_eq!(client.send("GET", path, &bearer).await.status, 401);
}

#[tokio::test]
async fn fails_as_told() {
    let (registry, client, _) = with_image(ImageSpec::default()).await;
    let digest = registry.push_blob(NGINX, vec![b'x'; 1000]);
    let path = format!("/v2/{NGINX}/blobs/{digest}");
    let once = |fault| registry.fault("GET /v2/library/nginx/blobs/", Times::Once, fault);

    once(Fault::CutAfter(10));
    let cut = client.get(&path).await;
    assert_eq!((cut.body.len(), cut.broken.is_some()), (10, true));
    once(Fault::Excess(b"more".to_vec()));
    assert_eq!(client.get(&path).await.body.len(), 1004);
    once(Fault::WrongByte(3));
    let wrong = client.get(&path).await;
    assert!(wrong.body.len() == 1000 && !digest.verifies(&wrong.body));
    once(Fault::Reset);
    assert!(client.try_send("GET", &path, &[]).await.is_err());
    once(Fault::EmptyTrailingChunk);
    let chunked = client.get(&path).await;
    assert_eq!(chunked.header("content-length"), None);
    assert!(digest.verifies(&chunked.body) && chunked.broken.is_none());
    once(Fault::Html200);
    let page = client.get(&path).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html"))
    );
    once(Fault::Redirect("http://127.0.0.1:9/x".to_owned()));
    assert_eq!(client.get(&path).await.status, 307);
    once(Fault::RateLimit { retry_after: 7 });
    let limited = client.get(&path).await;
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("7"))
    );
    once(Fault::WrongContentType("text/plain"));
    assert_eq!(
        client.get(&path).await.header("content-type"),
        Some("text/plain")
    );
    once(Fault::WrongDigestHeader);
    let told = client.get(&path).await;
    assert_ne!(
        told.header("docker-content-digest"),
        Some(digest.to_string().as_str())
    );
    once(Fault::NoDigestHeader);
    assert_eq!(
        client.get(&path).await.header("docker-content-digest"),
        None
    );
    once(Fault::HostileRealm("http://evil.example/".to_owned()));
    let hostile = client.get(&path).await;
    assert!(
        hostile
            .header("www-authenticate")
            .unwrap()
            .contains("evil.example")
    );
    once(Fault::Status(
        503,
        vec![("x-a".to_owned(), "b".to_owned())],
        b"no".to_vec(),
    ));
    let status = client.get(&path).await;
    assert_eq!(
        (status.status, status.header("x-a"), status.text().as_str()),
        (503, Some("b"), "no")
    );
    assert!(
        digest.verifies(&client.get(&path).await.body),
        "faults are used up"
    );
}

#[tokio::test]
async fn counts_faults_and_spares_get_from_head_faults() {
    let (registry, client, _) = with_image(ImageSpec::default()).await;
    registry.fault("/manifests/1", Times::Always, Fault::NoHeadSupport);
    let path = "/v2/library/nginx/manifests/1";
    assert_eq!(client.head(path).await.status, 405);
    assert_eq!(client.get(path).await.status, 200);
    registry.clear_faults();
    let broken = Fault::Status(500, Vec::new(), Vec::new());
    registry.fault(path, Times::N(2), broken);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.get(path).await.status);
    }
    assert_eq!(seen, [500, 500, 200]);
}

#[tokio::test]
async fn waits_and_streams_without_end() {
    let (registry, client, digest) = with_image(ImageSpec::default()).await;
    let moment = Arc::new(Notify::new());
    registry.fault("GET", Times::Once, Fault::DelayUntil(moment.clone()));
    let path = format!("/v2/{NGINX}/manifests/{digest}");
    let waiting = tokio::spawn({
        let (client, path) = (client.clone(), path.clone());
        async move { client.get(&path).await }
    });
    while registry.count("GET") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    moment.notify_one();
    assert!(digest.verifies(&waiting.await.unwrap().body));

    registry.fault("GET", Times::Once, Fault::Endless);
    let stream = tokio::net::TcpStream::connect(registry.address())
        .await
        .unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let empty = http_body_util::Empty::<bytes::Bytes>::new();
    let request = hyper::Request::get(path).body(empty).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    let mut total = 0;
    while total < 1_000_000 {
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap();
        total += frame.unwrap().into_data().unwrap().len();
    }
}

#[tokio::test]
async fn the_client_notices_corruption_and_refusal() {
    let (registry, client, _) = with_image(ImageSpec::default()).await;
    registry.fault(
        "GET /v2/library/nginx/blobs/",
        Times::Once,
        Fault::WrongByte(0),
    );
    let outcome = client.pull(NGINX, "1").await;
    assert!(matches!(outcome, Outcome::Corrupt { path } if path.contains("/blobs/")));
    let (path, answer) = client.pull(NGINX, "none").await.refused();
    assert_eq!(
        (path.as_str(), answer.status),
        ("/v2/library/nginx/manifests/none", 404)
    );
}

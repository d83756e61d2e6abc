//! Adapters of Harbor's scanner API.

use super::*;

const METADATA: &str = r#"{"scanner":{"name":"Fake","vendor":"Nobody","version":"1"},"capabilities":[{"type":"vulnerability",
    "consumes_mime_types":["application/vnd.oci.image.manifest.v1+json"],
    "produces_mime_types":["application/vnd.security.vulnerability.report; version=1.1"]}],
    "properties":{"harbor.scanner-adapter/vulnerability-database-updated-at":"2026-11-20T00:00:00Z"}}"#;

/// Where adapters fetch images; it ends with the sender.
async fn shown() -> (Arc<Shown>, std::net::SocketAddr, watch::Sender<bool>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None)
        .await
        .unwrap();
    let address = listener.address().unwrap();
    let shown = Shown::new(format!("http://{address}"));
    let (stop, stopping) = watch::channel(false);
    let showing = shown.clone();
    tokio::spawn(gateway::serve(
        listener,
        Limits::default(),
        stopping,
        move |request, _| {
            let shown = showing.clone();
            async move { inspect(&shown, &request).await }
        },
    ));
    (shown, address, stop)
}

async fn adapter(fake: &FakeRegistry, shown: &Arc<Shown>) -> ScannerWay {
    ScannerWay::Harbor(Adapter {
        server: server(fake).await,
        path: "/adapter".to_owned(),
        login: Login::ApiKey("key".to_owned()),
        shown: Some(shown.clone()),
    })
}

fn listing(digest: &str, found: &str) -> String {
    format!(
        r#"{{"generated_at":"2026-11-20T00:00:00Z","artifact":{{"repository":"docker.io/acme/app","digest":"{digest}"}},
        "scanner":{{"name":"Fake","version":"1"}},"severity":"Critical","vulnerabilities":{found}}}"#
    )
}

/// The request by which an adapter hears of an image, once it has.
async fn heard(fake: &FakeRegistry) -> Request {
    let wait = async {
        loop {
            let asked = fake.requests().into_iter().find(|one| one.method == "POST");
            match asked {
                Some(asked) => return asked,
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_adapter_fetches_the_image_and_its_findings_count() {
    let fake = FakeRegistry::start().await;
    let (shown, address, _running) = shown().await;
    let (registry, gate, pushed) = scene(adapter(&fake, &shown).await).await;
    let child = &pushed.children[0];
    let other = registry.push_image(APP, "2", &image(vec![debian("9")]));
    fake.fault(
        "GET /adapter/api/v1/metadata",
        Times::Always,
        answer(200, METADATA.to_owned()),
    );
    fake.fault(
        "POST /adapter/api/v1/scan",
        Times::Always,
        answer(202, r#"{"id":"job-1"}"#.to_owned()),
    );
    // Forgotten once, then not ready once: it is no redirect, though it looks like one.
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Once,
        answer(404, String::new()),
    );
    let later = vec![
        ("refresh-after".to_owned(), "1".to_owned()),
        ("location".to_owned(), "/evil".to_owned()),
    ];
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Once,
        Fault::Status(302, later, Vec::new()),
    );
    let found = r#"[{"id":"CVE-2026-5","package":"left-pad","version":"1.0.0","fix_version":"1.0.1","severity":"Critical"}]"#;
    let body = listing(&child.manifest.to_string(), found);
    fake.fault(
        "GET /adapter/api/v1/scan/job-1/report",
        Times::Always,
        answer(200, body),
    );
    let pulling = tokio::spawn(async move { (refused(&gate, "1").await, gate) });
    let asked = heard(&fake).await;
    assert_eq!(asked.header("x-scanneradapter-api-key"), Some("key"));
    let question: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(
        question["registry"]["url"],
        json!(format!("http://{address}"))
    );
    assert_eq!(question["artifact"]["digest"], json!(child.manifest));
    assert_eq!(question["enabled_capabilities"][0]["type"], "vulnerability");
    let pass = question["registry"]["authorization"]
        .as_str()
        .unwrap()
        .to_owned();
    let client = Client::new(address, "scanner");
    let statuses = async |pass: &str| {
        let own = format!("/v2/docker.io/{APP}");
        let paths = [
            format!("{own}/manifests/{}", child.manifest),
            format!("{own}/blobs/{}", child.config),
            format!("{own}/blobs/{}", child.layers[0]),
            format!("{own}/manifests/1"),
            format!("{own}/manifests/{}", other.children[0].manifest),
            format!("{own}/blobs/{}", other.children[0].layers[0]),
            format!("/v2/docker.io/acme/other/blobs/{}", child.config),
        ];
        let mut statuses = Vec::new();
        for path in paths {
            let answer = client.send("GET", &path, &[("authorization", pass)]).await;
            statuses.push(answer.status);
        }
        statuses
    };
    assert_eq!(statuses(&pass).await, [200, 200, 200, 404, 404, 404, 404]);
    assert_eq!(statuses("Basic c2Nhbm5lcjp3cm9uZw==").await, [401; 7]);
    let written = client
        .send("PUT", "/v2/", &[("authorization", &pass)])
        .await;
    assert_eq!(written.status, 405);
    let (said, _gate) = pulling.await.unwrap();
    assert!(
        said.contains("CVE-2026-5, critical, in left-pad 1.0.0, says house"),
        "{said}"
    );
    assert!(fake.requests().iter().all(|one| one.path != "/evil"));
    assert_eq!(
        statuses(&pass).await,
        [401; 7],
        "a pass ends with its question"
    );
}

#[tokio::test]
async fn an_adapter_that_fails_refuses_the_image() {
    let (shown, ..) = shown().await;
    let good = |fake: &FakeRegistry| {
        fake.fault(
            "GET /adapter/api/v1/metadata",
            Times::Always,
            answer(200, METADATA.to_owned()),
        );
        fake.fault(
            "POST /adapter/api/v1/scan",
            Times::Always,
            answer(202, r#"{"id":"job-1"}"#.to_owned()),
        );
    };
    let report = "GET /adapter/api/v1/scan/job-1/report";
    let complaint = r#"{"error":{"message":"no database"}}"#.to_owned();
    for (at, fault, why) in [
        (
            "GET /adapter/api/v1/metadata",
            answer(503, String::new()),
            "it answered HTTP 503",
        ),
        (
            "POST /adapter/api/v1/scan",
            answer(422, complaint.clone()),
            "it answered HTTP 422: no database",
        ),
        (
            "POST /adapter/api/v1/scan",
            answer(202, r#"{"id":"../x"}"#.to_owned()),
            "unusable name",
        ),
        (
            report,
            answer(500, complaint),
            "it answered HTTP 500: no database",
        ),
        (
            report,
            answer(200, "{}".to_owned()),
            "its answer is malformed",
        ),
        (
            report,
            answer(200, listing("sha256:00", "null")),
            "its report is about another image",
        ),
        (
            report,
            answer(404, String::new()),
            "it forgot 3 scans in a row",
        ),
    ] {
        let fake = FakeRegistry::start().await;
        fake.fault(at, Times::Always, fault);
        good(&fake);
        let (_registry, gate, _) = scene(adapter(&fake, &shown).await).await;
        let said = refused(&gate, "1").await;
        assert!(said.contains(why), "{why} is not in {said}");
    }
}

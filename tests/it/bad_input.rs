//! What registries may send, through a whole gate: a clear error that names whose side it is, nothing kept, and the
//! next good pull goes through.

use lazaret::oci::{Descriptor, Digest, media_type};
use serde_json::{Value, json};

use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{CLASSIC_DOCKER, Gate, LENIENT, Setup};

const NGINX: &str = "library/nginx";
const NAME: &str = "docker.io/library/nginx";

async fn lenient() -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    (registry, gate)
}

/// A document behind a tag, whatever it is.
fn behind_tag(registry: &FakeRegistry, kind: &str, bytes: impl Into<Vec<u8>>) -> Digest {
    let bytes = bytes.into();
    let digest = registry.push_manifest(NGINX, kind, bytes);
    registry.tag(NGINX, "bad", &digest);
    digest
}

/// Refused at both listeners with these words, and not in the store.
async fn refused(gate: &Gate, digest: Option<&Digest>, words: &str) {
    let answer = gate
        .at_gateway()
        .get(&format!("/v2/{NAME}/manifests/bad"))
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let said = answer.text();
    assert!(said.contains(words), "{words:?} is not in {said}");
    let mirror = gate.at_mirror(CLASSIC_DOCKER);
    let answer = mirror.get("/v2/library/nginx/manifests/bad").await;
    assert!(answer.text().contains("no such process"), "{answer:?}");
    if let Some(digest) = digest {
        assert!(!gate.store.contains(digest), "{digest} is kept");
    }
}

async fn next_pull_goes_through(registry: &FakeRegistry, gate: &Gate) {
    registry.clear_faults();
    registry.push_image(NGINX, "good", &ImageSpec::default());
    gate.at_gateway().pull(NAME, "good").await.pulled();
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!(Descriptor::of(kind, bytes))
}

/// An image manifest with this configuration and these layers.
fn manifest(config: Value, layers: Vec<Value>) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers })
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn documents_that_are_no_manifest() {
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let config = descriptor(media_type::OCI_CONFIG, b"{}");
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar+gzip", b"layer");
    let many = manifest(config.clone(), vec![layer.clone(); 100_000]);
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] });
    let schema1 = json!({ "schemaVersion": 1, "name": "library/nginx", "tag": "bad", "fsLayers": [], "history": [] });
    let both = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config,
        "layers": [], "manifests": [] });
    let (oci, list) = (media_type::OCI_MANIFEST, media_type::OCI_INDEX);
    let cases: [(&str, Vec<u8>, &str); 8] = [
        (oci, b"{\"schemaVersion\":2,".to_vec(), "JSON"),
        (
            oci,
            b"<!doctype html><title>Sign in</title>".to_vec(),
            "JSON",
        ),
        (oci, deep.into_bytes(), "JSON"),
        (oci, many, "beyond our bounds"),
        (oci, index.to_string().into_bytes(), "served as"),
        (list, manifest(config.clone(), vec![layer]), "served as"),
        (
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            schema1.to_string().into_bytes(),
            "schema 1",
        ),
        (oci, both.to_string().into_bytes(), "both"),
    ];
    for (kind, bytes, words) in cases {
        let (registry, gate) = lenient().await;
        let digest = behind_tag(&registry, kind, bytes);
        refused(&gate, Some(&digest), words).await;
        next_pull_goes_through(&registry, &gate).await;
    }
}

#[tokio::test]
async fn manifests_that_are_too_large() {
    let (registry, gate) = lenient().await;
    let mut bytes = manifest(descriptor(media_type::OCI_CONFIG, b"{}"), Vec::new());
    bytes.resize(20 * 1024 * 1024, b' ');
    let digest = behind_tag(&registry, media_type::OCI_MANIFEST, bytes);
    refused(&gate, Some(&digest), "docker.io").await;
    next_pull_goes_through(&registry, &gate).await;
}

#[tokio::test]
async fn answers_that_are_not_what_was_asked_for() {
    let hostile = || Fault::HostileRealm("https://tokens.evil.example/token".to_owned());
    let faults: [(Fault, &str); 6] = [
        (Fault::Html200, "docker.io"),
        (Fault::Endless, "docker.io"),
        (Fault::WrongByte(5), "docker.io"),
        (
            Fault::Redirect("/v2/library/nginx/manifests/bad".to_owned()),
            "docker.io",
        ),
        (
            Fault::Redirect("http://169.254.169.254/latest/meta-data".to_owned()),
            "docker.io",
        ),
        (hostile(), "tokens.evil.example"),
    ];
    for (fault, words) in faults {
        let (registry, gate) = lenient().await;
        let pushed = registry.push_image(NGINX, "bad", &ImageSpec::default());
        let shown = format!("{fault:?}");
        registry.fault("/v2/library/nginx/manifests/", Times::Always, fault);
        let answer = gate
            .at_gateway()
            .get(&format!("/v2/{NAME}/manifests/bad"))
            .await;
        assert_eq!(answer.status, 403, "{shown}: {}", answer.text());
        assert!(answer.text().contains(words), "{shown}: {}", answer.text());
        assert!(!gate.store.contains(&pushed.digest), "{shown}");
        // A registry that lies is left alone for a while; the same gate serves others meanwhile.
        registry.clear_faults();
    }
}

#[tokio::test]
async fn token_answers_that_are_garbage() {
    for (body, words) in [
        ("<html>Sign in</html>", "docker.io"),
        ("{}", "docker.io"),
        (r#"{"token":12}"#, "docker.io"),
        (r#"{"token":"a\r\nX-Evil: 1"}"#, "docker.io"),
    ] {
        let (registry, gate) = lenient().await;
        registry.require_token(None);
        registry.push_image(NGINX, "bad", &ImageSpec::default());
        let garbage = Fault::Status(200, Vec::new(), body.as_bytes().to_vec());
        registry.fault("/token", Times::Always, garbage);
        refused(&gate, None, words).await;
        next_pull_goes_through(&registry, &gate).await;
    }
}

#[tokio::test]
async fn configurations_that_are_not_theirs() {
    for fault in [
        Fault::WrongByte(1),
        Fault::Html200,
        Fault::Endless,
        Fault::Excess(b"more".to_vec()),
    ] {
        let (registry, gate) = lenient().await;
        let pushed = registry.push_image(NGINX, "bad", &ImageSpec::default());
        let config = pushed.children[0].config;
        let shown = format!("{fault:?}");
        registry.fault(&format!("blobs/{config}"), Times::Always, fault);
        let answer = gate
            .at_gateway()
            .get(&format!("/v2/{NAME}/manifests/bad"))
            .await;
        assert_eq!(answer.status, 403, "{shown}: {}", answer.text());
        assert!(
            answer.text().contains("config-unavailable"),
            "{shown}: {}",
            answer.text()
        );
        assert!(!gate.store.contains(&config), "{shown}");
    }
    let (registry, gate) = lenient().await;
    let nonsense: &[u8] = br#"{"architecture":"amd64","os":"linux","config":{"User":["root"]}}"#;
    registry.push_blob(NGINX, nonsense);
    let document = manifest(descriptor(media_type::OCI_CONFIG, nonsense), Vec::new());
    behind_tag(&registry, media_type::OCI_MANIFEST, document);
    refused(&gate, None, "config-unavailable").await;
}

#[tokio::test]
async fn layers_that_are_not_theirs_end_before_their_last_byte() {
    for fault in [
        Fault::WrongByte(2),
        Fault::Excess(b"more".to_vec()),
        Fault::Html200,
    ] {
        let (registry, gate) = lenient().await;
        let pushed = registry.push_image(NGINX, "bad", &ImageSpec::default());
        let layer = pushed.children[0].layers[0];
        let shown = format!("{fault:?}");
        registry.fault(&format!("blobs/{layer}"), Times::Always, fault);
        let client = gate.at_gateway();
        client.get(&format!("/v2/{NAME}/manifests/bad")).await;
        let answer = client.get(&format!("/v2/{NAME}/blobs/{layer}")).await;
        assert!(answer.broken.is_some(), "{shown}: {answer:?}");
        assert!(!layer.verifies(&answer.body), "{shown}");
        assert!(!gate.store.contains(&layer), "{shown}");
        registry.clear_faults();
        client.pull(NAME, "bad").await.pulled();
    }
}

#[tokio::test]
async fn shapes_that_hide_content() {
    let config = b"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"User\":\"7\"}}";
    let (registry, gate) = lenient().await;
    registry.push_blob(NGINX, config.as_slice());
    let config = descriptor(media_type::OCI_CONFIG, config);
    let mut foreign = descriptor(
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        b"x",
    );
    foreign["urls"] = json!(["https://elsewhere.example/layer"]);
    let digest = behind_tag(
        &registry,
        media_type::OCI_MANIFEST,
        manifest(config.clone(), vec![foreign]),
    );
    let answer = gate
        .at_gateway()
        .get(&format!("/v2/{NAME}/manifests/{digest}"))
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("foreign-layer"), "{}", answer.text());

    // An index within an index: what a client would choose from it is never judged.
    let inner = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] })
        .to_string();
    registry.push_manifest(NGINX, media_type::OCI_INDEX, inner.clone());
    let mut entry = descriptor(media_type::OCI_INDEX, inner.as_bytes());
    entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let outer =
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [entry] });
    behind_tag(&registry, media_type::OCI_INDEX, outer.to_string());
    let client = gate.at_gateway();
    let again = client.get(&format!("/v2/{NAME}/manifests/bad")).await;
    assert_eq!(again.status, 403, "{}", again.text());
    assert!(again.text().contains("index"), "{}", again.text());

    // Two readings of one document.
    let torn = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[],"Layers":[{config}]}}"#,
        media_type::OCI_MANIFEST
    );
    let digest = registry.push_manifest(NGINX, media_type::OCI_MANIFEST, torn);
    let answer = client.get(&format!("/v2/{NAME}/manifests/{digest}")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!gate.store.contains(&digest));
}

//! Pulls through a whole gate, over real sockets, from a registry that keeps count.

mod lasting;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use lazaret::gateway::Hold;
use lazaret::oci::{Descriptor, Digest, media_type};
use tokio::sync::Notify;

use crate::support::client::Outcome;
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{CLASSIC_DOCKER, CONTAINERD, Gate, LENIENT, Setup, policy};

const NGINX: &str = "library/nginx";

async fn lenient() -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    (registry, gate)
}

fn strict(rule: &str) -> String {
    format!("{LENIENT}\n[config.strict]\nroot_user = \"deny\"\n{rule}")
}

/// The lenient policy with a rule that denies images of `acme/rooty` which run as root.
fn denying_root() -> String {
    strict(
        "[[rule]]\nmatch = [\"docker.io/acme/rooty\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n",
    )
}

fn rooty() -> ImageSpec {
    ImageSpec {
        user: "root",
        ..ImageSpec::default()
    }
}

#[tokio::test]
async fn images_come_through_whole_and_the_second_time_from_the_cache() {
    let (registry, gate) = lenient().await;
    let several = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        attestations: true,
        ..ImageSpec::default()
    };
    let docker = ImageSpec {
        docker: true,
        ..ImageSpec::default()
    };
    for (tag, spec) in [
        ("one", ImageSpec::default()),
        ("index", several),
        ("docker", docker),
    ] {
        let pushed = registry.push_image(NGINX, tag, &spec);
        for client in [
            gate.at_mirror(CLASSIC_DOCKER),
            gate.at_mirror(CONTAINERD).with_namespace("docker.io"),
        ] {
            let image = client.pull(NGINX, tag).await.pulled();
            assert_eq!(image.digest, pushed.digest, "{tag}");
            assert_eq!(image.layers, spec.layers, "{tag}");
        }
        let before = registry.requests().len();
        let through_gateway = gate
            .at_gateway()
            .pull("docker.io/library/nginx", tag)
            .await
            .pulled();
        assert_eq!(through_gateway.digest, pushed.digest);
        assert_eq!(
            registry.requests().len(),
            before,
            "{tag}: the registry was asked again"
        );
    }
}

#[tokio::test]
async fn heads_and_headers_are_what_clients_need() {
    let (registry, gate) = lenient().await;
    let pushed = registry.push_image(NGINX, "1", &ImageSpec::default());
    let client = gate.at_mirror(CLASSIC_DOCKER);
    let head = client.head("/v2/library/nginx/manifests/1").await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("docker-content-digest"),
        Some(pushed.digest.to_string().as_str())
    );
    assert_eq!(head.header("content-type"), Some(media_type::OCI_MANIFEST));
    assert_eq!(
        head.header("content-length"),
        Some(pushed.descriptor.size.to_string().as_str())
    );
    assert!(head.body.is_empty());
    let layer = pushed.children[0].layers[0];
    let path = format!("/v2/library/nginx/blobs/{layer}");
    let head = client.head(&path).await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("7"))
    );
    assert_eq!(
        registry.count(&layer.to_string()),
        0,
        "a HEAD fetches nothing"
    );
    for (range, status, body) in [
        ("bytes=2-", 206, "layer"),
        ("bytes=0-0", 206, "a"),
        ("bytes=-3", 206, "yer"),
        ("bytes=7-", 416, ""),
    ] {
        let answer = client.send("GET", &path, &[("range", range)]).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (status, body),
            "{range}"
        );
    }
}

#[tokio::test]
async fn two_hundred_cold_clients_cost_the_registry_one_image() {
    let (registry, gate) = lenient().await;
    let spec = ImageSpec {
        layers: vec![vec![7; 300_000], vec![8; 100_000]],
        ..ImageSpec::default()
    };
    let pushed = registry.push_image(NGINX, "1", &spec);
    let pulls: Vec<_> = (0..200)
        .map(|_| {
            let client = gate.at_mirror(CLASSIC_DOCKER);
            tokio::spawn(async move { client.pull(NGINX, "1").await.pulled().layers })
        })
        .collect();
    for pull in pulls {
        assert_eq!(pull.await.unwrap(), spec.layers);
    }
    assert_eq!(
        registry.count(&format!(
            "GET /v2/library/nginx/manifests/{}",
            pushed.digest
        )),
        1
    );
    for layer in &pushed.children[0].layers {
        assert_eq!(
            registry.count(&layer.to_string()),
            1,
            "one download per layer"
        );
    }
}

#[tokio::test]
async fn audit_mode_serves_and_the_ledger_has_the_true_verdict() {
    let registry = FakeRegistry::start().await;
    let text = denying_root().replace("version = 1", "version = 1\nmode = \"audit\"");
    let gate = Setup::new(&text).start(&registry).await;
    registry.push_image("acme/rooty", "1", &rooty());
    gate.at_mirror(CLASSIC_DOCKER)
        .pull("acme/rooty", "1")
        .await
        .pulled();
    let decisions = gate.ledger.decisions(None, 10).await.unwrap();
    assert!(
        decisions
            .iter()
            .any(|decision| decision.allowed && !decision.verdict.allows())
    );
}

#[tokio::test]
async fn every_answer_has_its_decision_and_every_pull_its_record() {
    let (registry, gate) = lenient().await;
    registry.push_image(NGINX, "1", &ImageSpec::default());
    gate.at_mirror(CLASSIC_DOCKER)
        .pull(NGINX, "1")
        .await
        .pulled();
    gate.at_mirror(CLASSIC_DOCKER)
        .get("/v2/library/ngnix/manifests/1")
        .await;
    let decisions = gate.ledger.decisions(None, 10).await.unwrap();
    assert_eq!(decisions.len(), 2, "{decisions:?}");
    assert!(
        !decisions[0].allowed && decisions[0].reference.to_string() == "docker.io/library/ngnix:1"
    );
    gate.ledger.flush().await.unwrap();
    let pulls = gate.ledger.pulls_of(decisions[1].id, 10).await.unwrap();
    assert!(
        pulls
            .iter()
            .any(|pull| pull.kind == "manifest" && pull.outcome == "served"),
        "{pulls:?}"
    );
    let denied = gate.ledger.pulls_of(decisions[0].id, 10).await.unwrap();
    assert_eq!(
        (denied[0].outcome.as_str(), denied[0].address.as_str()),
        ("denied", "127.0.0.1")
    );
}

#[tokio::test]
async fn lists_are_passed_on() {
    let (registry, gate) = lenient().await;
    for tag in ["1", "2", "3"] {
        registry.push_image(NGINX, tag, &ImageSpec::default());
    }
    let client = gate.at_gateway();
    let tags = client.get("/v2/docker.io/library/nginx/tags/list").await;
    assert_eq!(
        tags.text(),
        r#"{"name":"docker.io/library/nginx","tags":["1","2","3"]}"#
    );
    registry.fault(
        "tags/list",
        Times::Always,
        Fault::Status(500, Vec::new(), Vec::new()),
    );
    let down = client.get("/v2/docker.io/library/nginx/tags/list").await;
    assert_eq!(down.status, 503, "a failing registry is no empty list");
}

#[tokio::test]
async fn attachments_ride_on_their_image_and_smuggled_images_do_not() {
    let registry = FakeRegistry::start().await;
    let text = format!(
        "{LENIENT}\n[[rule]]\nmatch = [\"docker.io/library/nginx\"]\nunsigned = \"allow\"\nconfig = \"standard\"\n"
    );
    let gate = Setup::new(&text).start(&registry).await;
    let pushed = registry.push_image(NGINX, "1", &ImageSpec::default());
    let note = registry.push_referrer(
        NGINX,
        &pushed.descriptor,
        "application/vnd.example.note",
        b"a note".as_slice(),
    );
    let client = gate.at_gateway();
    let list = client
        .get(&format!(
            "/v2/docker.io/library/nginx/referrers/{}",
            pushed.digest
        ))
        .await;
    let listed: serde_json::Value = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(listed["manifests"][0]["digest"], note.digest.to_string());
    let manifest = client
        .get(&format!(
            "/v2/docker.io/library/nginx/manifests/{}",
            note.digest
        ))
        .await;
    assert_eq!(manifest.status, 200, "{}", manifest.text());
    let content = Digest::of(b"a note");
    assert_eq!(
        client
            .get(&format!("/v2/docker.io/library/nginx/blobs/{content}"))
            .await
            .text(),
        "a note"
    );

    let config = registry.push_blob(
        NGINX,
        br#"{"os":"linux","architecture":"amd64","config":{"User":"root"}}"#.as_slice(),
    );
    let config = Descriptor {
        digest: config,
        size: 62,
        ..Descriptor::of(media_type::OCI_CONFIG, b"")
    };
    let smuggled = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config,
        "layers": [], "subject": pushed.descriptor });
    let smuggled = registry.push_manifest(
        NGINX,
        media_type::OCI_MANIFEST,
        smuggled.to_string().into_bytes(),
    );
    gate.admission.replace_policy(policy(
        &text.replace("root_user = \"warn\"", "root_user = \"deny\""),
    ));
    let answer = client
        .get(&format!("/v2/docker.io/library/nginx/manifests/{smuggled}"))
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn warnings_go_with_the_manifest_and_the_pull_goes_on() {
    let registry = FakeRegistry::start().await;
    let text = LENIENT.replace("registries", "block = \"warn\"\nregistries");
    let gate = Setup::new(&text).start(&registry).await;
    registry.push_image("library/ngnix", "1", &rooty());
    let answer = gate
        .at_gateway()
        .get("/v2/docker.io/library/ngnix/manifests/1")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let warnings: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "warning")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(
        warnings,
        [
            "299 - \"'ngnix' is one transposition away from docker.io/library/nginx; did you mean docker.io/library/nginx:1 ? [name-squat]\"",
            "299 - \"runs as 'root' [root-user]\"",
        ]
    );
}

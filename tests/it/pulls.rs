//! Pulls through a whole gate, over real sockets, from a registry that keeps count.

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
async fn a_mistyped_name_is_refused_before_anything_is_asked_in_the_shape_each_client_obeys() {
    let (registry, gate) = lenient().await;
    registry.push_image("library/ngnix", "1.27", &ImageSpec::default());
    let path = "/v2/library/ngnix/manifests/1.27";
    let meant = "did you mean docker.io/library/nginx:1.27 ?";

    let classic = gate.at_mirror(CLASSIC_DOCKER).get(path).await;
    assert_eq!(
        (classic.status, classic.header("content-type")),
        (200, Some(media_type::DOCKER_MANIFEST))
    );
    assert!(
        classic.text().contains(meant) && classic.text().contains("(no such process)"),
        "{}",
        classic.text()
    );

    let containerd = gate.at_mirror(CONTAINERD).head(path).await;
    assert_eq!(
        (containerd.status, containerd.header("location")),
        (300, None)
    );
    assert!(containerd.reason.unwrap().contains(meant));

    let recent = gate.at_mirror(
        "docker/29.7.2 go/go1.26 containerd-client/2.3.3+unknown storage-driver/overlayfs",
    );
    let head = recent.head(path).await;
    assert_eq!(
        (
            head.status,
            head.header("content-length"),
            head.header("docker-content-digest")
        ),
        (200, None, None)
    );
    let get = recent.get(path).await;
    assert_eq!(get.status, 403);

    let podman = gate
        .at_mirror("containers/5.23.1 (github.com/containers/image)")
        .get(path)
        .await;
    assert_eq!(
        (podman.status, podman.header("content-type")),
        (200, Some(media_type::OCI_MANIFEST))
    );

    let gateway = gate
        .at_gateway()
        .get("/v2/docker.io/library/ngnix/manifests/1.27")
        .await;
    assert_eq!(gateway.status, 403);
    assert!(gateway.reason.unwrap().contains(meant));
    let body: serde_json::Value = serde_json::from_slice(&gateway.body).unwrap();
    assert_eq!(body["errors"][0]["code"], "DENIED");
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("denied: docker.io/library/ngnix:1.27\n  deny[name-squat]:"),
        "{message}"
    );
    assert!(
        message.contains("\n    policy.toml:4 [names]")
            && message.contains("http://explain.test/why/"),
        "{message}"
    );
    assert_eq!(registry.requests().len(), 0, "the registry heard of it");
}

#[tokio::test]
async fn lists_blobs_and_referrers_of_a_refused_name_are_refused_too() {
    let (registry, gate) = lenient().await;
    let pushed = registry.push_image("library/ngnix", "1", &ImageSpec::default());
    let client = gate.at_gateway();
    for path in [
        "tags/list".to_owned(),
        format!("referrers/{}", pushed.digest),
        format!("blobs/{}", pushed.children[0].config),
        format!("manifests/{}", pushed.digest),
    ] {
        let answer = client
            .get(&format!("/v2/docker.io/library/ngnix/{path}"))
            .await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    assert_eq!(registry.requests().len(), 0);
}

#[tokio::test]
async fn a_look_alike_registry_is_never_dialled() {
    let (registry, gate) = lenient().await;
    let table = [
        (
            "/v2/ghrc.io/org/app/manifests/1",
            "did you mean ghcr.io/org/app:1 ?",
        ),
        (
            "/v2/org/app/manifests/1?ns=ghrc.io",
            "did you mean ghcr.io/org/app:1 ?",
        ),
        (
            "/v2/evil.example/org/app/manifests/1",
            "not among the registries",
        ),
        (
            "/v2/org/app/manifests/1?ns=127.0.0.1:1",
            "not among the registries",
        ),
    ];
    for (path, words) in table {
        let answer = gate.at_gateway().get(path).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.text().contains(words), "{path}: {}", answer.text());
    }
    assert_eq!(registry.requests().len(), 0);
}

#[tokio::test]
async fn a_denied_image_is_kept_from_clients_though_its_configuration_was_read() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&denying_root()).start(&registry).await;
    let pushed = registry.push_image("acme/rooty", "1", &rooty());
    let (config, layer) = (pushed.children[0].config, pushed.children[0].layers[0]);
    let client = gate.at_gateway();
    let answer = client.get("/v2/docker.io/acme/rooty/manifests/1").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("deny[root-user]"),
        "{}",
        answer.text()
    );
    assert!(gate.store.contains(&config), "it was read to be judged");
    for blob in [config, layer] {
        let answer = client
            .get(&format!("/v2/docker.io/acme/rooty/blobs/{blob}"))
            .await;
        assert!([403, 404].contains(&answer.status), "{}", answer.status);
        assert!(!answer.text().contains("\"os\""));
    }
    assert_eq!(
        registry.count(&layer.to_string()),
        0,
        "layers of a denied image are not fetched"
    );
    assert!(
        client
            .get(&format!(
                "/v2/docker.io/acme/rooty/manifests/{}",
                pushed.digest
            ))
            .await
            .status
            == 403
    );
}

#[tokio::test]
async fn an_index_is_denied_when_one_judged_platform_is() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&denying_root()).start(&registry).await;
    let spec = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        ..rooty()
    };
    let pushed = registry.push_image("acme/rooty", "1", &spec);
    let client = gate.at_gateway();
    assert_eq!(
        client
            .get("/v2/docker.io/acme/rooty/manifests/1")
            .await
            .status,
        403
    );
    let child = pushed.children[0].manifest;
    assert_eq!(
        client
            .get(&format!("/v2/docker.io/acme/rooty/manifests/{child}"))
            .await
            .status,
        403
    );
    let only = ImageSpec {
        platforms: vec!["linux/s390x", "linux/ppc64le"],
        ..ImageSpec::default()
    };
    registry.push_image(NGINX, "exotic", &only);
    let answer = client
        .get("/v2/docker.io/library/nginx/manifests/exotic")
        .await;
    assert!(
        answer.status == 403 && answer.text().contains("platform-missing"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_changed_policy_counts_from_the_next_answer_for_layers_as_well() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let pushed = registry.push_image("acme/rooty", "1", &rooty());
    let client = gate.at_gateway();
    let layer = format!(
        "/v2/docker.io/acme/rooty/blobs/{}",
        pushed.children[0].layers[0]
    );
    client.pull("docker.io/acme/rooty", "1").await.pulled();
    assert_eq!(client.get(&layer).await.status, 200);

    gate.admission.replace_policy(policy(&denying_root()));
    assert_eq!(
        client.get(&layer).await.status,
        403,
        "an approved layer outlived its policy"
    );
    assert_eq!(
        client
            .get("/v2/docker.io/acme/rooty/manifests/1")
            .await
            .status,
        403
    );

    gate.admission.replace_policy(policy(LENIENT));
    client.pull("docker.io/acme/rooty", "1").await.pulled();
    assert_eq!(client.get(&layer).await.status, 200);
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
async fn approvals_outlive_the_process_and_the_registry() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let pushed = registry.push_image(NGINX, "1", &ImageSpec::default());
    gate.at_gateway()
        .pull("docker.io/library/nginx", "1")
        .await
        .pulled();
    let folder = gate.folder.clone();
    drop(gate);
    let setup = Setup {
        tag_freshness: Duration::ZERO,
        ..Setup::new(LENIENT)
    };
    let gate = setup.start_in(folder, &registry).await;
    registry.fault("/v2/", Times::Always, Fault::Reset);
    let client = gate.at_gateway();
    let layer = pushed.children[0].layers[0];
    assert_eq!(
        client
            .get(&format!("/v2/docker.io/library/nginx/blobs/{layer}"))
            .await
            .status,
        200
    );
    let stale = client.get("/v2/docker.io/library/nginx/manifests/1").await;
    assert_eq!(stale.status, 200, "{}", stale.text());
    assert!(
        stale
            .header("warning")
            .is_some_and(|text| text.starts_with("299 - \"the registry is down"))
    );
    let unknown = client
        .get("/v2/docker.io/library/nginx/manifests/never-seen")
        .await;
    assert!(
        unknown.status == 403 && unknown.text().contains("manifest-unavailable"),
        "{}",
        unknown.text()
    );
}

#[tokio::test]
async fn a_moved_tag_is_judged_where_it_points_now() {
    let registry = FakeRegistry::start().await;
    let setup = Setup {
        tag_freshness: Duration::ZERO,
        ..Setup::new(&strict(
            "[[rule]]\nmatch = [\"docker.io/library/nginx\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n",
        ))
    };
    let gate = setup.start(&registry).await;
    registry.push_image(NGINX, "1", &ImageSpec::default());
    gate.at_gateway()
        .pull("docker.io/library/nginx", "1")
        .await
        .pulled();
    registry.push_image(NGINX, "1", &rooty());
    let (_, refused) = gate
        .at_gateway()
        .pull("docker.io/library/nginx", "1")
        .await
        .refused();
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_slow_judgement_sends_clients_round_and_goes_on_without_them() {
    let registry = FakeRegistry::start().await;
    let hold = Hold {
        exchange: Duration::from_millis(30),
        hops: 2,
    };
    let gate = Setup {
        hold,
        ..Setup::new(LENIENT)
    }
    .start(&registry)
    .await;
    let pushed = registry.push_image(NGINX, "1", &ImageSpec::default());
    let gate_opens = Arc::new(Notify::new());
    let config = pushed.children[0].config.to_string();
    registry.fault(
        &config,
        Times::Always,
        Fault::DelayUntil(gate_opens.clone()),
    );
    let client = gate.at_gateway();
    let first = client.get("/v2/docker.io/library/nginx/manifests/1").await;
    assert_eq!(first.status, 307);
    let location = first.header("location").unwrap().to_owned();
    assert_eq!(
        location,
        "/v2/docker.io/library/nginx/manifests/1?lazaret-hop=1"
    );
    assert_eq!(client.get(&location).await.status, 307);
    let last = client
        .get("/v2/docker.io/library/nginx/manifests/1?lazaret-hop=2")
        .await;
    assert_eq!(last.status, 403);
    assert!(
        last.text().contains("still being judged"),
        "{}",
        last.text()
    );
    registry.clear_faults();
    gate_opens.notify_waiters();
    loop {
        match client.pull("docker.io/library/nginx", "1").await {
            Outcome::Pulled(image) => break assert_eq!(image.digest, pushed.digest),
            _ => gate_opens.notify_waiters(),
        }
    }
    assert_eq!(registry.count(&config), 1, "the work was done once");
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

#[tokio::test]
async fn pushes_are_refused_and_nobody_is_challenged() {
    let (registry, gate) = lenient().await;
    registry.require_token(None);
    registry.push_image(NGINX, "1", &ImageSpec::default());
    let client = gate.at_mirror(CLASSIC_DOCKER);
    let ping = client.get("/v2/").await;
    assert_eq!((ping.status, ping.header("www-authenticate")), (200, None));
    client.pull(NGINX, "1").await.pulled();
    for (method, path) in [
        ("POST", "/v2/library/nginx/blobs/uploads/"),
        ("PUT", "/v2/library/nginx/manifests/1"),
        ("DELETE", "/v2/library/nginx/manifests/1"),
    ] {
        let answer = client.send(method, path, &[]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.text().contains("UNSUPPORTED"));
    }
}

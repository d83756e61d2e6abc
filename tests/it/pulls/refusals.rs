//! What is refused, in the shape that each client obeys, and what stays closed with it.

use super::*;

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

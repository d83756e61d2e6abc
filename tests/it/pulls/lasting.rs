//! What an answer rests on later: another policy, a restart, a tag that moved, a judgement that takes long.

use super::*;

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

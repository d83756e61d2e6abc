//! Names that nobody knows yet: they wait for an approval, and Docker Hub's figures weigh suspicions.

use lazaret::ledger::KnownName;
use lazaret::oci::Repository;

use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{CLASSIC_DOCKER, Gate, LENIENT, Setup};

const STRANGER: &str = "somebody/tool";

fn lenient(names: &str) -> String {
    LENIENT.replace("[names]", &format!("[names]\n{names}"))
}

async fn gate(names: &str) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    for name in [
        STRANGER,
        "library/nginx",
        "bitnami/something-new",
        "somebody/nginx",
        "bitnarni/redis",
    ] {
        registry.push_image(name, "1", &ImageSpec::default());
    }
    let gate = Setup::new(&lenient(names)).start(&registry).await;
    (registry, gate)
}

fn repository(name: &str) -> Repository {
    Repository::new("docker.io", name).unwrap()
}

fn by_alice() -> KnownName {
    KnownName {
        at: "2026-06-01T00:00:00Z".parse().unwrap(),
        approved_by: Some("alice".to_owned()),
    }
}

#[tokio::test]
async fn a_strangers_name_waits_for_approval_and_nothing_is_fetched() {
    let (registry, gate) = gate("first_seen = \"deny\"").await;
    let client = gate.at_mirror(CLASSIC_DOCKER);
    for known in ["library/nginx", "bitnami/something-new"] {
        client.pull(known, "1").await.pulled();
    }
    let (_, answer) = client.pull(STRANGER, "1").await.refused();
    let text = answer.text();
    assert!(text.contains("name-first-seen"), "{text}");
    assert!(
        text.contains("lazaret names approve docker.io/somebody/tool"),
        "{text}"
    );
    assert_eq!(registry.count(STRANGER), 0, "nothing was asked for");

    gate.ledger
        .approve_name(repository(STRANGER), by_alice())
        .await
        .unwrap();
    // Another target: the refusal of the first stands for some seconds more.
    registry.push_image(STRANGER, "2", &ImageSpec::default());
    client.pull(STRANGER, "2").await.pulled();
}

#[tokio::test]
async fn what_was_pulled_stays_known_and_can_be_made_new_again() {
    let registry = FakeRegistry::start().await;
    registry.push_image(STRANGER, "1", &ImageSpec::default());
    let first = Setup::new(LENIENT).start(&registry).await;
    first
        .at_gateway()
        .pull("docker.io/somebody/tool", "1")
        .await
        .pulled();
    let folder = first.folder.clone();
    drop(first);

    let strict = || Setup::new(&lenient("first_seen = \"deny\""));
    let second = strict().start_in(folder.clone(), &registry).await;
    second
        .at_gateway()
        .pull("docker.io/somebody/tool", "1")
        .await
        .pulled();
    let known = second
        .ledger
        .known_name(repository(STRANGER))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.approved_by, None);
    second
        .ledger
        .forget_name(
            repository(STRANGER),
            "bob".to_owned(),
            lazaret::telemetry::now(),
        )
        .await
        .unwrap();
    drop(second);

    let third = strict().start_in(folder, &registry).await;
    third
        .at_gateway()
        .pull("docker.io/somebody/tool", "1")
        .await
        .refused();
}

#[tokio::test]
async fn a_warning_is_given_once() {
    let (registry, gate) = gate("first_seen = \"warn\"").await;
    let client = gate.at_mirror(CLASSIC_DOCKER);
    let path = |tag: &str| format!("/v2/{STRANGER}/manifests/{tag}");
    let first = client.get(&path("1")).await;
    assert_eq!(first.status, 200);
    assert!(
        first
            .header("warning")
            .unwrap()
            .contains("nobody has pulled"),
        "{first:?}"
    );
    registry.push_image(
        STRANGER,
        "2",
        &ImageSpec {
            layers: vec![vec![1; 9]],
            ..ImageSpec::default()
        },
    );
    let second = client.get(&path("2")).await;
    assert!(
        !second
            .header("warning")
            .unwrap_or_default()
            .contains("nobody has pulled"),
        "{second:?}"
    );
}

#[tokio::test]
async fn exceptions_and_own_names_do_not_wait() {
    let (_registry, gate) =
        gate("first_seen = \"deny\"\nallow = [\"docker.io/somebody/*\"]\nprotect = [\"docker.io/ours/*\"]").await;
    gate.at_mirror(CLASSIC_DOCKER)
        .pull(STRANGER, "1")
        .await
        .pulled();
    let (_, answer) = gate
        .at_mirror(CLASSIC_DOCKER)
        .pull("else/where", "1")
        .await
        .refused();
    assert!(
        answer.text().contains("name-first-seen"),
        "{}",
        answer.text()
    );
}

fn told(json: &str) -> Fault {
    Fault::Status(
        200,
        vec![("content-type".to_owned(), "application/json".to_owned())],
        json.into(),
    )
}

const WEIGHED: &str = "hint = \"allow\"\nreputation = { raise_below_pulls = 1000, lower_above_pulls = 1000000, lower_verified = true }";

#[tokio::test]
async fn few_pulls_make_a_borrowed_name_a_warning() {
    let (registry, gate) = gate(WEIGHED).await;
    registry.fault(
        "/v2/repositories/somebody/nginx/",
        Times::Always,
        told(r#"{"pull_count": 12, "date_registered": "2026-05-30T08:00:00.123456Z"}"#),
    );
    let client = gate.at_mirror(CLASSIC_DOCKER);
    let answer = client.get("/v2/somebody/nginx/manifests/1").await;
    let warning = answer.header("warning").unwrap_or_default();
    assert!(
        warning.contains("Docker Hub counts 12 pulls since 2026-05-30"),
        "{answer:?}"
    );
    client.get("/v2/somebody/nginx/manifests/1").await;
    assert_eq!(
        registry.count("/v2/repositories/"),
        1,
        "figures are remembered"
    );
}

#[tokio::test]
async fn a_verified_publisher_is_let_off_with_less() {
    let (registry, gate) = gate(WEIGHED).await;
    registry.fault(
        "/v2/repositories/bitnarni/redis/",
        Times::Always,
        told(r#"{"pull_count": 50000}"#),
    );
    registry.fault(
        "/v2/orgs/bitnarni/",
        Times::Always,
        told(r#"{"badge": "verified_publisher"}"#),
    );
    gate.at_mirror(CLASSIC_DOCKER)
        .pull("bitnarni/redis", "1")
        .await
        .pulled();
}

#[tokio::test]
async fn without_figures_the_offline_verdict_stands() {
    for fault in [
        Fault::Status(500, Vec::new(), Vec::new()),
        Fault::Html200,
        Fault::Reset,
        told(r#"{"pull_count": "many"}"#),
        told(&format!(
            "{{\"pull_count\": 5, \"x\": \"{}\"}}",
            "x".repeat(300_000)
        )),
    ] {
        let (registry, gate) = gate(WEIGHED).await;
        registry.fault("/v2/repositories/", Times::Always, fault);
        let client = gate.at_mirror(CLASSIC_DOCKER);
        client.pull("bitnarni/redis", "1").await.refused();
        client.pull("somebody/nginx", "1").await.pulled();
    }
}

#[tokio::test]
async fn a_host_that_looks_like_another_is_not_asked_about() {
    let (registry, gate) = gate(WEIGHED).await;
    let client = gate
        .at_mirror("containerd/1.6.20")
        .with_namespace("ghrc.io");
    client.pull("somebody/tool", "1").await.refused();
    gate.at_mirror(CLASSIC_DOCKER)
        .pull("library/ngnix", "1")
        .await
        .refused();
    assert_eq!(registry.requests().len(), 0);
}

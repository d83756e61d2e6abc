//! What the admin listener shows, and what it does with words from outside.

use http_body_util::BodyExt;
use hyper::Method;
use lazaret::console::{Console, respond};

use crate::support::client::Client;
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::signing::{Key, push_classic};

const SCRIPT: &str = "<script>alert(1)</script>";

pub(crate) struct Page {
    status: u16,
    headers: hyper::HeaderMap,
    pub(crate) text: String,
}

async fn page(gate: &Gate, method: Method, path: &str, accept: &str) -> Page {
    let console = Console {
        sbom: lazaret::cli::sbom(gate.admission.clone()),
        today: lazaret::cli::today(gate.admission.clone()),
        ledger: gate.ledger.clone(),
        metrics: Box::new(|| "numbers\n".to_owned()),
        canary: Box::new(|nonce| {
            let seen = serde_json::json!({ "at": "now", "repository": "docker.io/lazaret--canary/denied", "listener": "mirror", "address": "10.0.0.1", "user_agent": SCRIPT, "served": false });
            serde_json::json!({ "nonce": nonce, "seen": if nonce == "n1" { vec![seen] } else { vec![] } })
        }),
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let answer = respond(&console, &method, path, query, accept).await;
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Page {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub(crate) async fn html(gate: &Gate, path: &str) -> Page {
    page(gate, Method::GET, path, "text/html").await
}

#[tokio::test]
async fn the_page_says_who_vouched() {
    let (registry, key) = (FakeRegistry::start().await, Key::new());
    let rule = "[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nsigned_by = [\"ci\"]\n";
    let text = format!("{LENIENT}\n{}\n{rule}", key.signer("ci"));
    let gate = Setup::new(&text).start(&registry).await;
    let image = registry.push_image("acme/app", "1", &ImageSpec::default());
    let layer = key.simple(&image.digest, "ghcr.io/acme/app");
    push_classic(&registry, "acme/app", &image.digest, &[layer]);
    gate.at_gateway()
        .pull("ghcr.io/acme/app", "1")
        .await
        .pulled();
    let decisions = gate.ledger.decisions(None, 1).await.unwrap();
    let path = format!("/why/{}", decisions[0].id);
    let shown = html(&gate, &path).await.text;
    assert!(shown.contains("signature by ci, tag sha256-"), "{shown}");
    let shown = page(&gate, Method::GET, &path, "application/json").await;
    assert!(
        shown
            .text
            .contains("\"vouched\":[{\"what\":\"signature\",\"signer\":\"ci\""),
        "{}",
        shown.text
    );
}

/// A gate that denied an image whose words are hostile, and the id of that decision.
async fn denied() -> (FakeRegistry, Gate, String) {
    let registry = FakeRegistry::start().await;
    let text = LENIENT.replace("root_user = \"warn\"", "secret_env = \"deny\"");
    let gate = Setup::new(&text).start(&registry).await;
    let spec = ImageSpec {
        env: vec!["PASSWORD<script>alert(1)</script>=hunter2hunter2"],
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "1", &spec);
    let agent = format!("containerd/1.6 {SCRIPT}");
    let client = Client::new(gate.gateway, &agent);
    let answer = client.get("/v2/docker.io/acme/app/manifests/1").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let said = answer.text();
    let id = said.split("decision=").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    gate.ledger.flush().await.unwrap();
    (registry, gate, id)
}

#[tokio::test]
async fn the_page_of_a_denial_tells_all_and_runs_nothing() {
    let (_registry, gate, id) = denied().await;
    let page = html(&gate, &format!("/why/{id}")).await;
    assert_eq!(page.status, 200);
    for words in [
        "docker.io/acme/app:1",
        "secret-in-env",
        "PASSWORD&lt;script&gt;",
        "127.0.0.1",
        &id,
        "policy.toml:",
    ] {
        assert!(page.text.contains(words), "{words} is not in {}", page.text);
    }
    assert!(!page.text.contains("<script"), "{}", page.text);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(page.headers["cache-control"], "no-store");
    let list = html(&gate, "/").await;
    assert!(
        list.text.contains(&id) && !list.text.contains("<script"),
        "{}",
        list.text
    );
}

#[tokio::test]
async fn programs_get_json_and_the_same_decision_by_its_image() {
    let (_registry, gate, id) = denied().await;
    for path in [
        format!("/why/{id}"),
        "/why?image=docker.io/acme/app:1".to_owned(),
    ] {
        let page = page(&gate, Method::GET, &path, "application/json").await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let told: serde_json::Value = serde_json::from_str(&page.text).unwrap();
        assert_eq!(told["id"], id);
        assert_eq!(told["allowed"], false);
        assert_eq!(told["pulls"][0]["outcome"], "denied");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_without_repeating_it() {
    let (_registry, gate, _) = denied().await;
    for path in [
        "/why/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "/why/%3Cscript%3E",
        "/why?image=%3Cscript%3E",
        "/nothing",
    ] {
        let page = html(&gate, path).await;
        assert_eq!(page.status, 404, "{path}: {}", page.text);
        assert!(!page.text.contains("<script"), "{path}: {}", page.text);
    }
    assert_eq!(page(&gate, Method::POST, "/", "").await.status, 405);
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(html(&gate, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_kept_has_a_bill_of_materials() {
    let (registry, gate) = crate::scans::gate().await;
    let layers = vec![crate::scans::debian("3.0.14-1")];
    crate::scans::know(&gate, &[crate::scans::advisory("DSA-1", "3.0.13-1")]).await;
    let pushed = registry.push_image("acme/app", "1", &crate::scans::image(layers));
    let path = |image: &str, more: &str| format!("/api/v1/sbom?image={image}{more}");
    let early = html(&gate, &path("docker.io/acme/app:1", "")).await;
    assert!(
        early.status == 404 && early.text.contains("was not pulled here"),
        "{}",
        early.text
    );
    crate::scans::at(&gate).pull("acme/app", "1").await.pulled();
    let asked = registry.requests().len();
    let digest = format!("docker.io/acme/app@{}", pushed.digest);
    for (image, more, word) in [
        ("docker.io/acme/app:1", "", "CycloneDX"),
        (
            digest.as_str(),
            "&format=spdx&platform=linux/amd64",
            "SPDX-2.3",
        ),
    ] {
        let shown = html(&gate, &path(image, more)).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        assert_eq!(shown.headers["content-type"], "application/json");
        assert!(
            shown.text.contains(word) && shown.text.contains("pkg:deb/debian/libssl3@3.0.14-1")
        );
    }
    for (image, more) in [
        ("docker.io/acme/app:1", "&format=html"),
        ("docker.io/acme/app:1", "&platform=linux/s390x%20"),
        ("Not%20A%20Name", ""),
        ("docker.io/acme/other:1", ""),
    ] {
        let shown = html(&gate, &path(image, more)).await;
        assert_eq!(shown.status, 404, "{image}{more}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&shown.text).unwrap()["error"].is_string()
        );
    }
    assert_eq!(html(&gate, "/api/v1/sbom").await.status, 404);
    assert_eq!(registry.requests().len(), asked, "nobody is asked");
    gate.store.remove(&pushed.digest).await;
    assert_eq!(html(&gate, &path(&digest, "")).await.status, 404);
}

#[tokio::test]
async fn decisions_are_found_by_what_one_knows_of_them() {
    let (_registry, gate, id) = denied().await;
    for (query, found) in [
        ("", true),
        ("?verdict=denied", true),
        ("?verdict=allowed", false),
        ("?image=docker.io/acme/app", true),
        ("?image=docker.io/acme/app:1", true),
        ("?image=docker.io/acme/app:2", false),
        ("?image=acme/other", false),
        ("?code=secret-in-env&client=127.0.0.1", true),
        ("?code=name-squat", false),
        ("?client=10.0.0.1", false),
        ("?until=2020-01-01T00:00:00Z", false),
    ] {
        let list = html(&gate, &format!("/{query}")).await;
        assert_eq!(list.status, 200);
        assert_eq!(list.text.contains(&id), found, "{query}: {}", list.text);
    }
    for (query, said) in [
        ("?image=%3Cscript%3E", "no image: "),
        ("?code=%22%3E%3Cscript%3E", "there is no such finding"),
        ("?verdict=perhaps", "a verdict is denied or allowed"),
    ] {
        let list = html(&gate, &format!("/{query}")).await;
        assert!(list.text.contains(said), "{query}: {}", list.text);
        assert!(!list.text.contains("<script"), "{}", list.text);
    }
    let page = html(&gate, "/").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self'"), "{policy}");
}

/// What would be said today stands beside what was said then.
#[tokio::test]
async fn the_page_tells_what_todays_policy_would_say() {
    let (_registry, gate, id) = denied().await;
    let path = format!("/why/{id}");
    let shown = html(&gate, &path).await.text;
    for words in [
        "It would still be <strong class=\"denied\">denied</strong>, for the same reasons.",
        "<h2 id=\"timeline\">Timeline</h2>",
        "noted for notifications: blocked",
        "lazaret waive",
        "lang=\"en\"",
        "<main id=\"main\">",
    ] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    gate.admission
        .replace_policy(crate::support::gate::policy(LENIENT));
    let shown = html(&gate, &path).await.text;
    for words in [
        "It would be <strong class=\"allowed\">allowed</strong>, which is another answer.",
        "<h3>Gone</h3>",
        "Denied</p>",
    ] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
}

#[tokio::test]
async fn the_canarys_page_tells_who_asked() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(LENIENT).start(&registry).await;
    let shown = html(&gate, "/canary/n1").await;
    assert_eq!(shown.status, 200);
    for text in [
        "docker.io/lazaret--canary/denied",
        "10.0.0.1 &lt;script&gt;",
        "<td>denied</td>",
    ] {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
    assert!(!shown.text.contains(SCRIPT));
    let shown = html(&gate, "/canary/n2").await;
    assert!(shown.text.contains("Nobody asked for it"), "{}", shown.text);
    let shown = page(&gate, Method::GET, "/canary/n1", "application/json").await;
    assert!(
        shown.text.starts_with("{\"nonce\":\"n1\""),
        "{}",
        shown.text
    );
}

/// A layer that does not come: what the pull waits for is on the first page until it has come.
#[tokio::test]
async fn the_first_page_says_what_pulls_wait_for() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(crate::scans::POLICY).start(&registry).await;
    let layers = vec![crate::support::tarball::tarball(&[("a", b"a")])];
    let image = ImageSpec {
        layers,
        ..ImageSpec::default()
    };
    let pushed = registry.push_image("acme/waits", "1", &image);
    let come = std::sync::Arc::new(tokio::sync::Notify::new());
    let layer = pushed.children[0].layers[0];
    registry.fault(
        &format!("GET /v2/acme/waits/blobs/{layer}"),
        Times::Once,
        Fault::DelayUntil(come.clone()),
    );
    let client = gate.at_gateway();
    let pull = tokio::spawn(async move { client.pull("docker.io/acme/waits", "1").await });
    let wanted = format!("layer {layer} of docker.io/acme/waits, which is read: 0.0 of ");
    while !html(&gate, "/").await.text.contains(&wanted) {
        assert!(!pull.is_finished(), "never told");
        tokio::task::yield_now().await;
    }
    let filtered = html(&gate, "/?verdict=denied").await.text;
    assert!(!filtered.contains("Pulls wait for"), "{filtered}");
    come.notify_one();
    pull.await.unwrap();
    assert!(!html(&gate, "/").await.text.contains(&wanted));
}

//! A gateway to which DNS leads clients that mean a registry: it answers as that registry, and as no other.

use lazaret::gateway::{Identification, TlsSource};
use rustls::pki_types::CertificateDer;

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::tls::{Door, Office, exchange, open};

const STRICT: &str = "[[rule]]\nmatch = [\"ghcr.io/acme/denied\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n[config.strict]\nroot_user = \"deny\"\n";

struct Scene {
    registry: FakeRegistry,
    gate: Gate,
    office: Office,
    door: Door,
}

async fn scene(own_name: bool) -> Scene {
    let registry = FakeRegistry::start().await;
    registry.push_image("acme/app", "1", &ImageSpec::default());
    registry.push_image("library/nginx", "1", &ImageSpec::default());
    let root = ImageSpec {
        user: "",
        ..ImageSpec::default()
    };
    registry.push_image("acme/denied", "1", &root);
    let gate = Setup::new(&format!("{LENIENT}{STRICT}"));
    let gate = gate.start(&registry).await;
    let office = Office::new();
    let files = office.server("lazaret.example", gate.data());
    let known = Identification::default();
    let door = open(&gate, &registry, known, |authority, dialled| TlsSource {
        files: own_name.then_some(files),
        clients: None,
        registries: Some((authority, dialled)),
    })
    .await;
    Scene {
        registry,
        gate,
        office,
        door,
    }
}

impl Scene {
    /// The answer to what stands after `GET`, as a client says it that was led here from `name`.
    async fn get(&self, name: &str, rest: &str) -> String {
        self.say(name, &format!("GET {rest}")).await
    }

    async fn say(&self, name: &str, request: &str) -> String {
        let root = self.door.authority.clone();
        let mut stream = self.door.connect(name, &root, None).await.unwrap();
        exchange(&mut stream, request).await
    }

    async fn judged(&self) -> Vec<String> {
        let decisions = self.gate.ledger.decisions(None, 99).await.unwrap();
        decisions
            .iter()
            .map(|by| by.reference.to_string())
            .collect()
    }
}

fn plain(path: &str, host: &str) -> String {
    format!("{path} HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

#[tokio::test]
async fn registries_are_answered_under_their_own_names_and_never_ask_for_a_password() {
    let scene = scene(true).await;
    for (host, path, image) in [
        ("ghcr.io", "/v2/acme/app/manifests/1", "ghcr.io/acme/app:1"),
        (
            "registry-1.docker.io",
            "/v2/library/nginx/manifests/1",
            "docker.io/library/nginx:1",
        ),
        (
            "index.docker.io",
            "/v2/acme/app/manifests/1",
            "docker.io/acme/app:1",
        ),
    ] {
        let ping = scene.get(host, &plain("/v2/", host)).await;
        assert!(ping.starts_with("HTTP/1.1 200 OK\r\n"), "{host}: {ping}");
        assert!(!ping.to_lowercase().contains("www-authenticate"), "{ping}");
        let said = scene.get(host, &plain(path, &format!("{host}:443"))).await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{host}: {said}");
        assert!(scene.judged().await.contains(&image.to_owned()), "{image}");
    }
    let said = scene
        .get("ghcr.io", &plain("/v2/acme/denied/manifests/1", "ghcr.io"))
        .await;
    assert!(
        said.starts_with("HTTP/1.1 403 Blocked by policy: "),
        "{said}"
    );
    assert!(said.contains("denied: ghcr.io/acme/denied:1"), "{said}");
    // Its own name still takes the registry before the image, with its own certificate.
    let (name, root) = ("lazaret.example", scene.office.root.clone());
    let mut stream = scene.door.connect(name, &root, None).await.unwrap();
    let request = format!("GET {}", plain("/v2/ghcr.io/acme/app/manifests/1", name));
    let said = exchange(&mut stream, &request).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
}

#[tokio::test]
async fn who_means_one_registry_reaches_no_other() {
    let scene = scene(true).await;
    for request in [
        plain("/v2/acme/app/manifests/1", "ghcr.io"),
        plain("/v2/acme/app/manifests/1", "lazaret.example"),
        plain("/v2/acme/app/manifests/1", "evil.example"),
        plain(
            "/v2/acme/app/manifests/1",
            "registry-1.docker.io.evil.example",
        ),
        "/v2/acme/app/manifests/1 HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let said = scene.get("registry-1.docker.io", &request).await;
        let refused = said.starts_with("HTTP/1.1 421 ") || said.starts_with("HTTP/1.1 400 ");
        assert!(refused, "{request}: {said}");
        assert!(said.contains("connection: close"), "{said}");
    }
    let absolute = plain(
        "http://ghcr.io/v2/acme/app/manifests/1",
        "registry-1.docker.io",
    );
    let said = scene.get("registry-1.docker.io", &absolute).await;
    assert!(said.starts_with("HTTP/1.1 405 "), "{said}");
    let own = format!("GET {}", plain("/v2/acme/app/manifests/1", "ghcr.io"));
    let root = scene.office.root.clone();
    let mut stream = scene
        .door
        .connect("lazaret.example", &root, None)
        .await
        .unwrap();
    let said = exchange(&mut stream, &own).await;
    assert!(said.starts_with("HTTP/1.1 421 "), "{said}");
    assert!(scene.judged().await.is_empty());
    assert!(scene.registry.requests().is_empty());
    // Neither a parameter nor a path names another: they are names at Docker Hub.
    for path in [
        "/v2/acme/app/manifests/1?ns=ghcr.io",
        "/v2/ghcr.io/acme/app/manifests/1",
    ] {
        scene
            .get("registry-1.docker.io", &plain(path, "registry-1.docker.io"))
            .await;
    }
    let judged = scene.judged().await;
    assert!(
        judged.iter().all(|by| by.starts_with("docker.io/")),
        "{judged:?}"
    );
    assert!(
        judged.contains(&"docker.io/acme/app:1".to_owned()),
        "{judged:?}"
    );
}

#[tokio::test]
async fn token_services_give_a_token_that_is_worth_nothing_and_keep_what_they_are_told() {
    let scene = scene(true).await;
    let secret = "dXNlcjpodW50ZXIy";
    let form = "grant_type=password&username=user&password=hunter2&service=x";
    for (host, request) in [
        (
            "auth.docker.io",
            "GET /token?service=registry.docker.io&scope=repository:library/nginx:pull",
        ),
        ("auth.docker.io", "POST /token"),
        (
            "ghcr.io",
            "GET /token?service=ghcr.io&scope=repository:acme/app:pull",
        ),
        ("ghcr.io", "GET /v2/token"),
    ] {
        let body = if request.starts_with("POST") {
            form
        } else {
            ""
        };
        let length = body.len();
        let request = format!(
            "{request} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {secret}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let said = scene.say(host, &request).await;
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{request}: {said}");
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(!head.to_lowercase().contains("authenticate"), "{head}");
        let token: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&token["token"], &token["access_token"]),
            (&"anonymous".into(), &"anonymous".into())
        );
        assert_eq!(token["expires_in"], 300);
        assert!(
            token["issued_at"].as_str().unwrap().ends_with('Z'),
            "{token}"
        );
    }
    // The token opens as much as none does.
    let request = "GET /v2/acme/app/manifests/1 HTTP/1.1\r\nhost: ghcr.io\r\nauthorization: Bearer anonymous\r\n\r\n";
    assert!(
        scene
            .say("ghcr.io", request)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let asked = scene.registry.requests();
    assert!(!asked.is_empty());
    for by in asked {
        let all = format!("{by:?}");
        assert!(by.header("authorization").is_none(), "{all}");
        assert!(!all.contains(secret) && !all.contains("hunter2"), "{all}");
    }
    for path in ["/", "/v2/", "/v2/library/nginx/manifests/1"] {
        let said = scene
            .get("auth.docker.io", &plain(path, "auth.docker.io"))
            .await;
        assert!(said.starts_with("HTTP/1.1 404 "), "{path}: {said}");
    }
}

#[tokio::test]
async fn certificates_are_made_for_registries_alone_and_once() {
    let scene = scene(false).await;
    let root = scene.door.authority.clone();
    for name in ["lazaret.example", "bank.example", "evil.ghcr.io"] {
        assert!(
            scene.door.connect(name, &root, None).await.is_err(),
            "{name}"
        );
    }
    let all = (0..20).map(|_| scene.door.connect("ghcr.io", &root, None));
    let all: Vec<_> = all.collect();
    let mut shown: Vec<CertificateDer<'static>> = Vec::new();
    for stream in futures(all).await {
        let (_, session) = stream.unwrap().into_inner();
        shown.push(session.peer_certificates().unwrap()[0].clone().into_owned());
    }
    shown.dedup();
    assert_eq!(shown.len(), 1, "one certificate for all who came at once");
}

/// All of them at the same time.
async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).map(Some).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        for slot in &mut all {
            if let Some(future) = slot
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                done.push(output);
                *slot = None;
            }
        }
        match all.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done
}

//! As whom clients are known, and where that is shown.

use lazaret::config::AddressRange;
use lazaret::gateway::{ClientCertificates, Identification, IdentityHeader, Side, TlsSource};
use lazaret::ledger::{About, Who};

use crate::support::client::Client;
use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{CONTAINERD, Gate, LENIENT, Setup};
use crate::support::tls::{Door, Office, Shown, exchange, open};

const STRICT: &str = "[[rule]]\nmatch = [\"docker.io/acme/denied\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n[config.strict]\nroot_user = \"deny\"\n";

async fn gate() -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    registry.push_image("acme/app", "1", &ImageSpec::default());
    let root = ImageSpec {
        user: "",
        ..ImageSpec::default()
    };
    registry.push_image("acme/denied", "1", &root);
    let gate = Setup::new(&format!("{LENIENT}{STRICT}"));
    let gate = gate.start(&registry).await;
    (registry, gate)
}

fn loopback(name: &str) -> (AddressRange, String) {
    (AddressRange::parse("127.0.0.0/8").unwrap(), name.to_owned())
}

async fn door(gate: &Gate, registry: &FakeRegistry, office: &Office, required: bool) -> Door {
    let files = office.server("lazaret.example", gate.data());
    let authorities = office.file(gate.data());
    let known = Identification::new(None, [loopback("team-a")]);
    open(gate, registry, known, |_, _| TlsSource {
        files: Some(files),
        clients: Some(ClientCertificates {
            authorities,
            revoked: None,
            required,
        }),
        registries: None,
    })
    .await
}

/// The answer to one request, or nothing where there is no connection to be had.
async fn get(door: &Door, office: &Office, path: &str, shown: Option<&Shown>) -> String {
    let name = "lazaret.example";
    let Ok(mut stream) = door.connect(name, &office.root, shown).await else {
        return String::new();
    };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {name}\r\nuser-agent: test\r\n\r\n");
    exchange(&mut stream, &request).await
}

#[tokio::test]
async fn a_certificate_is_demanded_and_names_the_client_in_every_record() {
    let (registry, gate) = gate().await;
    let (office, other) = (Office::new(), Office::new());
    let door = door(&gate, &registry, &office, true).await;
    let (ours, theirs) = (
        office.client("ci.acme.example"),
        other.client("ci.acme.example"),
    );
    let path = "/v2/docker.io/acme/app/manifests/1";
    for shown in [None, Some(&theirs)] {
        assert_eq!(get(&door, &office, path, shown).await, "");
    }
    assert!(registry.requests().is_empty());
    let said = get(&door, &office, path, Some(&ours)).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    let denied = "/v2/docker.io/acme/denied/manifests/1";
    let said = get(&door, &office, denied, Some(&ours)).await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
    gate.ledger.flush().await.unwrap();

    let named = "certificate:ci.acme.example";
    for decision in gate.ledger.decisions(None, 9).await.unwrap() {
        let identity = decision.client.identity.as_ref().map(ToString::to_string);
        assert_eq!(identity.as_deref(), Some(named));
        let pulls = gate.ledger.pulls_of(decision.id, 9).await.unwrap();
        assert_eq!(pulls.len(), 1);
        assert_eq!(pulls[0].identity.as_deref(), Some(named));
    }
    let about = About::Repository("docker.io/acme/app".parse().unwrap());
    let pullers = gate.ledger.pullers(Who::of(about, 9)).await.unwrap();
    let json = serde_json::to_value(&pullers).unwrap();
    assert_eq!(json[0]["identity"], named);
    let events = gate.ledger.outbox().events(9).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].identity.as_ref().unwrap().to_string(), named);
}

#[tokio::test]
async fn an_optional_certificate_may_be_absent_but_not_bad() {
    let (registry, gate) = gate().await;
    let (office, other) = (Office::new(), Office::new());
    let door = door(&gate, &registry, &office, false).await;
    let path = "/v2/docker.io/acme/app/manifests/1";
    let theirs = other.client("ci.acme.example");
    assert_eq!(get(&door, &office, path, Some(&theirs)).await, "");
    assert!(
        get(&door, &office, path, None)
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let decisions = gate.ledger.decisions(None, 9).await.unwrap();
    assert_eq!(decisions[0].client.who(), "127.0.0.1 (address:team-a)");
}

#[tokio::test]
async fn a_header_is_believed_where_the_file_says() {
    for (sides, wanted) in [
        (vec![Side::Gateway], "127.0.0.1 (header:team-b)"),
        (vec![Side::Proxy], "127.0.0.1 (address:team-a)"),
    ] {
        let (registry, gate) = gate().await;
        let header = IdentityHeader {
            name: "x-lazaret-client".parse().unwrap(),
            sides,
            from: Vec::new(),
        };
        let known = Identification::new(Some(header), [loopback("team-a")]);
        let office = Office::new();
        let files = office.server("lazaret.example", gate.data());
        let door = open(&gate, &registry, known, |_, _| TlsSource {
            files: Some(files),
            ..TlsSource::default()
        })
        .await;
        let root = office.root.clone();
        let mut stream = door.connect("lazaret.example", &root, None).await.unwrap();
        let said = exchange(&mut stream, "GET /v2/docker.io/acme/app/manifests/1 HTTP/1.1\r\nhost: lazaret.example\r\nx-lazaret-client: team-b\r\n\r\n").await;
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        let decisions = gate.ledger.decisions(None, 9).await.unwrap();
        assert_eq!(decisions[0].client.who(), wanted);
        // What a client says of itself goes nowhere else.
        let asked = registry.requests();
        assert!(
            asked
                .iter()
                .all(|by| by.header("x-lazaret-client").is_none())
        );
    }
}

#[tokio::test]
async fn two_pulls_of_different_clients_are_two_rows() {
    let (registry, gate) = gate().await;
    let office = Office::new();
    let door = door(&gate, &registry, &office, true).await;
    let path = "/v2/docker.io/acme/app/manifests/1";
    for name in ["a.example", "b.example", "a.example"] {
        let shown = office.client(name);
        assert!(
            get(&door, &office, path, Some(&shown))
                .await
                .starts_with("HTTP/1.1 200 ")
        );
    }
    gate.ledger.flush().await.unwrap();
    let decisions = gate.ledger.decisions(None, 9).await.unwrap();
    let pulls = gate.ledger.pulls_of(decisions[0].id, 9).await.unwrap();
    let mut counted: Vec<_> = pulls
        .iter()
        .map(|by| by.identity.clone().unwrap())
        .collect();
    counted.sort();
    counted.dedup();
    assert_eq!(counted, ["certificate:a.example", "certificate:b.example"]);
    assert_eq!(pulls.iter().map(|by| by.count).sum::<u64>(), 3);
}

/// With a `[host]` table beside `server`, containerd asks the same address twice for what is refused, and two containerds
/// ask at the same time: that is one question to the registry, and one decision.
#[tokio::test]
async fn twins_are_one_question_and_one_decision() {
    let (registry, gate) = gate().await;
    let client = Client::new(gate.gateway, CONTAINERD).with_namespace("docker.io");
    for (name, status) in [("acme/denied", 403), ("acme/app", 200)] {
        let path = format!("/v2/{name}/manifests/1?ns=docker.io");
        let (one, two) = tokio::join!(client.head(&path), client.head(&path));
        let again = client.head(&path).await;
        assert_eq!([one.status, two.status, again.status], [status; 3]);
        let tag = format!("/v2/{name}/manifests/1");
        let resolved = registry
            .requests()
            .iter()
            .filter(|by| by.path == tag)
            .count();
        assert_eq!(resolved, 1, "{name}");
        let repository = format!("docker.io/{name}").parse().unwrap();
        let decisions = gate.ledger.decisions(Some(repository), 9).await.unwrap();
        assert_eq!(decisions.len(), 1, "{name}");
    }
    let mut fetched: Vec<_> = registry.requests().iter().map(|by| by.line()).collect();
    let asked = fetched.len();
    fetched.sort();
    fetched.dedup();
    assert_eq!(asked, fetched.len(), "nothing is fetched twice");
}

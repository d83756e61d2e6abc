//! One spelling of a path and of a registry, at every door.

use super::*;

#[tokio::test]
async fn a_path_has_one_spelling_at_every_door() {
    let scene = scene().await;
    let before = scene.asked();
    for way in WAYS {
        for path in [
            "/v2/acme/app/../denied/manifests/own",
            "/v2/acme/./denied/manifests/own",
            "/v2/acme//denied/manifests/own",
            "/v2//acme/denied/manifests/own",
            "/v2/acme%2fdenied/manifests/own",
            "/v2/acme/denied%2Fmanifests%2Fown",
            "/v2/acme/app/manifests/%2e%2e/denied/own",
            "/v2/acme/denied/manifests/own/",
            "/v2/acme/denied/manifests/own;x",
            "/v2/acme/denied/manifests/own%00",
            "/v2/Acme/denied/manifests/own",
            "/v2/acme\\denied/manifests/own",
            "/v2/_catalog",
            "/v2/_catalog?n=9",
            "/v2/acme/denied/_oci/artifacts/own/referrers",
            "/v2/acme/denied/tags/list/",
            "/v1/repositories/acme/denied/tags",
            "/_ping",
            "/",
        ] {
            let said = scene.ask(way, "GET", path, "").await;
            assert!(
                (400..500).contains(&status(&said)),
                "{way:?} {path}: {said}"
            );
        }
    }
    assert_eq!(scene.asked(), before, "something was asked of the registry");
}

/// No way to write the parameter makes `acme/denied` of one registry something else than that.
#[tokio::test]
async fn the_registry_that_is_meant_has_one_spelling() {
    let registry = FakeRegistry::start().await;
    let policy = "[[rule]]\nmatch = [\"docker.io/acme/denied\", \"ghcr.io/acme/denied\"]\nunsigned = \"allow\"\nconfig = \"strict\"\n[config.strict]\nroot_user = \"deny\"\n";
    let gate = Setup::new(&format!("{LENIENT}{policy}"));
    let gate = gate.start(&registry).await;
    let spec = ImageSpec {
        user: "",
        ..ImageSpec::default()
    };
    registry.push_image("acme/denied", "1", &spec);
    for query in [
        "ns=ghcr.io",
        "ns=GHCR.IO",
        "ns=Ghcr.io",
        "ns=ghcr.io.",
        "ns=ghcr.io:443",
        "ns=ghcr.io:80",
        "ns=%67hcr.io",
        "n%73=ghcr.io",
        "ns=ghcr.io%2f",
        "ns=ghcr.io/acme",
        "ns=+ghcr.io",
        "ns=ghcr.io%00",
        "ns=ghcr.io%0d%0aHost:%20x",
        "ns=ghcr.io#x",
        "ns=ghcr.io&n%73=docker.io",
        "ns=docker.io&ns=ghcr.io",
        "NS=ghcr.io",
        "ns[]=ghcr.io",
        "ns=ghcr.io;ns=docker.io",
        "ns=index.docker.io",
        "ns=registry-1.docker.io",
        "ns=DOCKER.IO",
        "ns=127.0.0.1",
        "ns=[::ffff:127.0.0.1]",
        "ns=localhost",
        "ns=",
    ] {
        for client in [gate.at_gateway(), gate.at_mirror("containerd/1.7")] {
            for path in ["/v2/acme/denied", "/v2/ghcr.io/acme/denied"] {
                let answer = client.get(&format!("{path}/manifests/1?{query}")).await;
                let refused = answer.status == 300 || (400..500).contains(&answer.status);
                assert!(refused, "{path} {query}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_registry_with_a_port_is_at_that_port() {
    let scene = scene().await;
    let to = "corp.example:5000";
    let judged = "denied: corp.example:5000/acme/denied:1";
    let path = "/v2/acme/denied/manifests/1";
    let text = format!("GET {path} HTTP/1.1\r\nhost: {to}\r\n\r\n");
    let mut tunnel = scene.running.inside(to, "corp.example").await.unwrap();
    let said = exchange(&mut tunnel, &text).await;
    assert!(said.contains(judged), "{said}");
    let plain = format!("GET http://{to}{path} HTTP/1.1\r\nhost: {to}\r\n\r\n");
    let said = scene.running.plain(&plain).await;
    assert!(said.contains(judged), "{said}");
    let root = scene.door.authority.clone();
    let led = async |host: &str| {
        let text = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let mut stream = scene.door.connect("corp.example", &root, None).await;
        exchange(stream.as_mut().unwrap(), &text).await
    };
    let said = led(to).await;
    assert!(said.contains(judged), "{said}");
    assert_eq!(status(&led("corp.example").await), 421);
    for (to, why) in [
        (
            "corp.example:443",
            "corp.example is not a registry at port 443",
        ),
        (
            "corp.example:5001",
            "corp.example is not a registry at port 5001",
        ),
        ("ghcr.io:5000", "ghcr.io is not a registry at port 5000"),
    ] {
        let (_, said) = scene.running.connect(to).await;
        let plain = format!("GET http://{to}{path} HTTP/1.1\r\nhost: {to}\r\n\r\n");
        for said in [said, scene.running.plain(&plain).await] {
            let line = format!("HTTP/1.1 403 Blocked by policy: {why}\r\n");
            assert!(said.starts_with(&line), "{to}: {said}");
        }
    }
}

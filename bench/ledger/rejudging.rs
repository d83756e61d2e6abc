//! Admitted images, judged anew after new advisories.

use std::time::Instant;

use super::PACKAGES;
use super::support::fake_registry::{FakeRegistry, ImageSpec};
use super::support::gate::Setup;
use super::support::tarball::tarball;

const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64"]
[names]
registries = ["docker.io"]
[scan.standard]
only_fixable = true
[default]
unsigned = "allow"
scan = "standard"
"#;

/// A layer of Debian 12 with so many packages.
fn layer(number: usize) -> Vec<u8> {
    let packages: String = (0..PACKAGES)
        .map(|at| {
            let version = format!("1.{number}.{at}-1");
            format!("Package: package-{at}\nStatus: install ok installed\nVersion: {version}\n\n")
        })
        .collect();
    let release: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\n";
    tarball(&[
        ("etc/os-release", release),
        ("var/lib/dpkg/status", packages.as_bytes()),
    ])
}

fn advisory(number: usize, fixed: &str) -> String {
    serde_json::json!({
        "id": format!("DSA-{number}"), "modified": "2026-01-02T00:00:00Z", "published": "2026-01-01T00:00:00Z",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [{
            "package": { "ecosystem": "Debian:12", "name": format!("package-{}", number % PACKAGES) },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

/// Pulls so many images, then a new index of advisories comes: none of them is refused, all are looked at.
pub(crate) async fn rejudge(images: usize) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    let know = async |advisories: Vec<String>| {
        let export = gate.data().join("export.jsonl");
        std::fs::write(&export, advisories.join("\n")).unwrap();
        let data = gate.admission.scanner().advisories().clone();
        let now = lazaret::telemetry::now();
        data.import(&export, Some("Debian"), now).await.unwrap();
    };
    know((0..2_000).map(|number| advisory(number, "0.9-1")).collect()).await;
    let layers: Vec<Vec<u8>> = (0..50).map(layer).collect();
    let started = Instant::now();
    for image in 0..images {
        let name = format!("team/app-{image}");
        let spec = ImageSpec {
            layers: vec![layers[image % layers.len()].clone()],
            env: vec![Box::leak(format!("NUMBER={image}").into_boxed_str())],
            ..ImageSpec::default()
        };
        registry.push_image(&name, "1", &spec);
        let client = gate.at_gateway().with_namespace("docker.io");
        let path = format!("/v2/{name}/manifests/1?ns=docker.io");
        assert_eq!(client.get(&path).await.status, 200);
    }
    println!("{images} images admitted | in {:.1?}", started.elapsed());
    know((0..2_001).map(|number| advisory(number, "0.9-1")).collect()).await;
    let started = Instant::now();
    let done = gate.admission.rejudge().await.unwrap();
    let took = started.elapsed();
    assert_eq!(
        (done.images, done.refused, done.unknown),
        (images as u64, 0, 0)
    );
    println!("{images} admitted images judged anew after new advisories | {took:.1?}");
}

//! Pulls of images that are held to the operator's YARA rules.

use std::path::Path;
use std::sync::Arc;

use lazaret::evidence::{Helpers, Yara};

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::tarball;

const POLICY: &str = r#"
version = 1
platforms = ["linux/amd64", "linux/arm64"]
[names]
registries = ["docker.io"]
[scan.standard]
yara = "deny"
[default]
unsigned = "allow"
scan = "standard"
"#;
const RULES: &str = r#"rule Miner { strings: $a = "stratum+tcp://" condition: $a }"#;
const WIDER: &str = r#"rule Pool { strings: $a = "pool.example" condition: $a }"#;

async fn gate(folder: Arc<tempfile::TempDir>, registry: &FakeRegistry, rules: &str) -> Gate {
    let file = folder.path().join("miners.yar");
    std::fs::write(&file, rules).unwrap();
    let setup = Setup {
        helpers: Helpers {
            yara: Some(Yara::read(&[file]).unwrap()),
            ..Helpers::default()
        },
        ..Setup::new(POLICY)
    };
    setup.start_in(folder, registry).await
}

async fn said(gate: &Gate, name: &str) -> Option<String> {
    let client = gate.at_gateway().with_namespace("docker.io");
    let asked = format!("/v2/{name}/manifests/1?ns=docker.io");
    let answer = client.get(&asked).await;
    (answer.status != 200).then(|| answer.text())
}

fn kept(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("yara")).unwrap().count()
}

#[tokio::test]
async fn a_yara_rule_denies_also_where_a_later_layer_removes_the_file() {
    let registry = FakeRegistry::start().await;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let gate = gate(folder, &registry, RULES).await;
    let layers = vec![
        tarball(&[("app/tool", b"stratum+tcp://pool.example:3333")]),
        tarball(&[("app/.wh.tool", b"")]),
    ];
    let image = ImageSpec {
        layers,
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "1", &image);
    let said = said(&gate, "acme/app").await.unwrap();
    let expected = "app/tool matches Miner (miners.yar), by YARA rules ";
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn other_yara_rules_read_a_known_layer_again() {
    let registry = FakeRegistry::start().await;
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let image = ImageSpec {
        layers: vec![tarball(&[("app/tool", b"http://pool.example:3333")])],
        ..ImageSpec::default()
    };
    registry.push_image("acme/app", "1", &image);
    let first = gate(folder.clone(), &registry, RULES).await;
    assert_eq!(said(&first, "acme/app").await, None);
    assert_eq!(kept(folder.path()), 1);
    drop(first);
    let second = gate(folder.clone(), &registry, WIDER).await;
    let said = said(&second, "acme/app").await.unwrap();
    assert!(said.contains("app/tool matches Pool"), "{said}");
    assert_eq!(kept(folder.path()), 2);
}

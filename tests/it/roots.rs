//! Trusted roots that are fetched by TUF: a repository made on the spot, and all that it may not do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jiff::Timestamp;
use lazaret::config::{Beside, SHIPPED_POLICY, parse_policy_with};
use lazaret::evidence::{Refreshed, fetched_roots, refresh_root};
use lazaret::oci::Digest;
use lazaret::policy::Policy;
use lazaret::trust::{
    Image, Keyless, Material, Root, RootSource, Roots, Signer, SignerKind, Subject, examine,
};
use lazaret::upstream::{RegistrySettings, Settings, Timeouts, Upstream, Upstreams};
use serde_json::{Map, Value, json};

use crate::support::fake_registry::{FakeRegistry, Fault, Times};
use crate::support::instance::{Instance, Who};

const NOW: &str = "2026-06-01T00:00:00Z";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A repository whose keys sign for all roles.
struct Tuf {
    keys: Vec<Ed25519KeyPair>,
    root_version: u64,
    threshold: usize,
    version: u64,
    target: String,
}

impl Tuf {
    fn new(target: &str) -> Tuf {
        Tuf {
            keys: vec![Ed25519KeyPair::generate().unwrap()],
            root_version: 1,
            threshold: 1,
            version: 1,
            target: target.to_owned(),
        }
    }

    fn entry(key: &Ed25519KeyPair) -> (String, Value) {
        let public = hex(key.public_key().as_ref());
        let entry =
            json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } });
        let parsed: sigstore_tuf::Key = serde_json::from_value(entry.clone()).unwrap();
        (parsed.key_id().unwrap(), entry)
    }

    fn signed(&self, document: &Value) -> Vec<u8> {
        let bytes = sigstore_tuf::canonical_json::to_canonical_bytes(document).unwrap();
        let sign = |key| json!({ "keyid": Tuf::entry(key).0, "sig": hex(Ed25519KeyPair::sign(key, &bytes).as_ref()) });
        let signatures: Vec<Value> = self.keys.iter().map(sign).collect();
        json!({ "signed": document, "signatures": signatures })
            .to_string()
            .into_bytes()
    }

    fn root(&self) -> Vec<u8> {
        let keys: Map<String, Value> = self.keys.iter().map(Tuf::entry).collect();
        let role =
            json!({ "keyids": keys.keys().collect::<Vec<_>>(), "threshold": self.threshold });
        self.signed(&json!({
            "_type": "root", "spec_version": "1.0", "version": self.root_version, "consistent_snapshot": true,
            "expires": "2036-01-01T00:00:00Z", "keys": keys,
            "roles": { "root": role, "timestamp": role, "snapshot": role, "targets": role },
        }))
    }

    fn role(&self, kind: &str, member: &str, value: Value) -> Vec<u8> {
        let mut document = json!({ "_type": kind, "spec_version": "1.0", "version": self.version,
            "expires": "2026-07-01T00:00:00Z" });
        document[member] = value;
        self.signed(&document)
    }

    /// Puts all documents where clients look for them, in the place of those before.
    fn publish(&self, at: &FakeRegistry) {
        at.clear_faults();
        let put = |path: &str, bytes: &[u8]| {
            let answer = Fault::Status(200, Vec::new(), bytes.to_vec());
            at.fault(&format!("GET /tuf/{path}"), Times::Always, answer);
        };
        let sha256 = |bytes: &[u8]| json!({ "sha256": Digest::of(bytes).hex() });
        let pin = |bytes: &[u8]| json!({ "version": self.version, "length": bytes.len(), "hashes": sha256(bytes) });
        let target = self.target.as_bytes();
        let described =
            json!({ "trusted_root.json": { "length": target.len(), "hashes": sha256(target) } });
        let targets = self.role("targets", "targets", described);
        let snapshot = self.role("snapshot", "meta", json!({ "targets.json": pin(&targets) }));
        let timestamp = self.role(
            "timestamp",
            "meta",
            json!({ "snapshot.json": pin(&snapshot) }),
        );
        put("timestamp.json", &timestamp);
        put(&format!("{}.snapshot.json", self.version), &snapshot);
        put(&format!("{}.targets.json", self.version), &targets);
        put(
            &format!("targets/{}.trusted_root.json", Digest::of(target).hex()),
            target,
        );
        if self.root_version > 1 {
            put(&format!("{}.root.json", self.root_version), &self.root());
        }
        at.fault(
            "GET /tuf/",
            Times::Always,
            Fault::Status(404, Vec::new(), Vec::new()),
        );
    }
}

/// A repository, what we know of it at the start, and the folder of what is fetched.
struct Scene {
    tuf: Tuf,
    registry: FakeRegistry,
    source: RootSource,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(target: &str) -> Scene {
        let (tuf, registry) = (Tuf::new(target), FakeRegistry::start().await);
        tuf.publish(&registry);
        let source = RootSource {
            name: "corp".to_owned(),
            mirror: format!("{}/tuf", registry.url()),
            bootstrap: tuf.root().into(),
        };
        let folder = tempfile::tempdir().unwrap();
        Scene {
            tuf,
            registry,
            source,
            folder,
        }
    }

    fn upstream(&self) -> Arc<Upstream> {
        let mut registry = RegistrySettings::new("corp", &self.registry.url());
        registry.plain_http = true;
        let time = Duration::from_secs(5);
        let timeouts = Timeouts {
            connect: time,
            read: time,
            deadline: time,
        };
        let settings = Settings {
            registries: vec![registry],
            proxy: None,
            ca_files: Vec::new(),
            timeouts,
        };
        Upstreams::new(settings)
            .unwrap()
            .get("corp")
            .unwrap()
            .clone()
    }

    async fn refresh(&self, now: &str) -> Result<Refreshed, String> {
        refresh_root(
            &self.source,
            self.upstream(),
            self.folder.path(),
            now.parse().unwrap(),
        )
        .await
    }

    fn roots(&self) -> Roots {
        let (roots, wrong) = fetched_roots(self.folder.path());
        assert!(wrong.is_empty(), "{wrong:?}");
        roots
    }

    fn held(&self) -> Option<Digest> {
        self.roots().get("corp").map(|root| root.digest)
    }
}

fn document() -> String {
    Instance::new().root(None)
}

#[tokio::test]
async fn a_root_is_fetched_kept_and_replaced() {
    let first = document();
    let mut scene = Scene::new(&first).await;
    assert_eq!(scene.held(), None);
    let done = scene.refresh(NOW).await.unwrap();
    let digest = Digest::of(first.as_bytes());
    assert_eq!(
        done,
        Refreshed {
            digest,
            changed: true
        }
    );
    assert_eq!(scene.held(), Some(digest));
    assert!(!scene.refresh(NOW).await.unwrap().changed, "nothing new");

    let second = document();
    scene.tuf.target.clone_from(&second);
    scene.tuf.version = 2;
    scene.tuf.publish(&scene.registry);
    assert!(scene.refresh(NOW).await.unwrap().changed);
    assert_eq!(scene.held(), Some(Digest::of(second.as_bytes())));
}

#[tokio::test]
async fn keys_are_rotated_by_those_before_and_by_nobody_else() {
    let mut scene = Scene::new(&document()).await;
    scene.refresh(NOW).await.unwrap();
    let before = scene.held();
    let mut stranger = Tuf::new(&document());
    (stranger.root_version, stranger.version) = (2, 2);
    stranger.publish(&scene.registry);
    scene.refresh(NOW).await.unwrap_err();
    assert_eq!(scene.held(), before);

    scene.tuf.keys.push(Ed25519KeyPair::generate().unwrap());
    (
        scene.tuf.root_version,
        scene.tuf.version,
        scene.tuf.threshold,
    ) = (2, 2, 2);
    scene.tuf.target = document();
    scene.tuf.publish(&scene.registry);
    scene.refresh(NOW).await.unwrap();
    let rotated = scene.held();
    assert_ne!(rotated, before);
    // The old key alone is no longer enough.
    scene.tuf.keys.pop();
    (scene.tuf.version, scene.tuf.target) = (3, document());
    scene.tuf.root_version = 1;
    scene.tuf.publish(&scene.registry);
    scene.refresh(NOW).await.unwrap_err();
    assert_eq!(scene.held(), rotated);
}

#[tokio::test]
async fn nothing_is_rolled_back_not_even_by_a_restart() {
    let mut scene = Scene::new(&document()).await;
    scene.tuf.version = 3;
    scene.tuf.publish(&scene.registry);
    scene.refresh(NOW).await.unwrap();
    let before = scene.held();
    (scene.tuf.version, scene.tuf.target) = (2, document());
    scene.tuf.publish(&scene.registry);
    let why = scene.refresh(NOW).await.unwrap_err();
    assert!(why.contains("version"), "{why}");
    assert_eq!(scene.held(), before);
}

#[tokio::test]
async fn expired_metadata_and_wrong_targets_change_nothing() {
    let scene = Scene::new(&document()).await;
    let why = scene.refresh("2026-08-01T00:00:00Z").await.unwrap_err();
    assert!(why.contains("expired"), "{why}");
    for target in ["{}", "no root", ""] {
        let scene = Scene::new(target).await;
        scene.refresh(NOW).await.unwrap_err();
        assert_eq!(scene.held(), None, "{target:?}");
    }
    let scene = Scene::new(&document()).await;
    scene.registry.clear_faults();
    scene
        .registry
        .fault("GET /tuf/timestamp.json", Times::Always, Fault::Endless);
    scene.refresh(NOW).await.unwrap_err();
    assert_eq!(scene.held(), None);
}

const CORP: &str = r#"
[root.corp]
tuf = { mirror = "https://tuf.corp.example/", root = "1.root.json" }
max_age = "30d"
"#;

fn policy(roots: &Roots, folder: &Path, bootstrap: &[u8]) -> Policy {
    std::fs::write(folder.join("1.root.json"), bootstrap).unwrap();
    let text = format!("{SHIPPED_POLICY}\n{CORP}");
    let beside = Beside {
        roots: roots.clone(),
        ..Beside::default()
    };
    parse_policy_with(&text, "policy.toml", Some(folder), &beside)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[tokio::test]
async fn a_changed_root_is_a_changed_policy() {
    let mut scene = Scene::new(&document()).await;
    let beside = tempfile::tempdir().unwrap();
    let start = scene.source.bootstrap.clone();
    let waiting = policy(&Roots::embedded(), beside.path(), &start);
    assert!(waiting.roots().get("corp").is_none() && waiting.roots().has("corp"));
    assert_eq!(waiting.root_sources()[0].mirror, "https://tuf.corp.example");

    scene.refresh(NOW).await.unwrap();
    let first = policy(&scene.roots(), beside.path(), &start);
    scene.refresh("2026-06-02T00:00:00Z").await.unwrap();
    let again = policy(&scene.roots(), beside.path(), &start);
    (scene.tuf.version, scene.tuf.target) = (2, document());
    scene.tuf.publish(&scene.registry);
    scene.refresh(NOW).await.unwrap();
    let second = policy(&scene.roots(), beside.path(), &start);
    assert_ne!(waiting.epoch(), first.epoch());
    assert_eq!(first.epoch(), again.epoch());
    assert_ne!(first.epoch(), second.epoch());
    let root = second.roots().get("corp").unwrap();
    assert_eq!(root.stale_from(), "2026-07-01T00:00:00Z".parse().ok());

    // With another starting point the policy does not go on from where the old one led.
    let other = policy(&scene.roots(), beside.path(), b"another root");
    assert!(other.roots().get("corp").is_none());
}

#[test]
fn nothing_verifies_under_a_root_that_is_too_old_or_not_there() {
    let instance = Instance::new();
    let who = Who {
        subject: "ci@acme.example",
        issuer: "https://accounts.example",
        claims: &[],
    };
    let manifest = b"{\"schemaVersion\":2}".as_slice();
    let image = Image {
        digest: Digest::of(manifest),
        manifest: Some(manifest.into()),
    };
    let layer = instance.signed(
        &instance.certify(&who),
        &image.digest,
        "ghcr.io/acme/app",
        0,
    );
    let material = Material::Simple {
        payload: layer.content.into(),
        annotations: layer.annotations,
    };
    let keyless = Keyless {
        root: "corp".to_owned(),
        issuer: who.issuer.to_owned(),
        subject: Subject::parse(who.subject).unwrap(),
        claims: std::collections::BTreeMap::new(),
    };
    let signer = Signer {
        name: "ci".to_owned(),
        kind: SignerKind::Keyless(keyless),
    };
    let at = |roots: &Roots, now: &str| {
        examine(&material, &image, &[&signer], roots, now.parse().unwrap())
    };

    let mut roots = Roots::default();
    roots.expect("corp");
    let waiting = at(&roots, NOW).refusals.join("; ");
    assert!(waiting.contains("lazaret trust update corp"), "{waiting}");

    let refreshed: Option<Timestamp> = NOW.parse().ok();
    let root = Root::parse("corp", &instance.root(None)).unwrap();
    roots.add(root.refreshed_at(refreshed));
    roots.limit("corp", Duration::from_secs(30 * 86_400));
    let fresh = at(&roots, "2026-06-30T00:00:00Z");
    assert_eq!(fresh.signed.len(), 1, "{:?}", fresh.refusals);
    let stale = at(&roots, "2026-07-02T00:00:00Z");
    assert!(stale.signed.is_empty());
    let said = stale.refusals.join("; ");
    assert!(
        said.contains("last refreshed on 2026-06-01, and max_age has passed"),
        "{said}"
    );
}

//! Attestations over whole pulls: conditions, indexes and their images, BuildKit's chain, signatures elsewhere.

mod buildkit;
mod deferred;
mod elsewhere;

use lazaret::oci::{Descriptor, Digest, media_type};
use serde_json::{Value, json};

use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Pushed, Times};
use crate::support::gate::{Gate, LENIENT, Setup, policy};
use crate::support::signing::{Key, SIGN, push, push_classic};

const APP: &str = "acme/app";
const NAME: &str = "ghcr.io/acme/app";
const SLSA: &str = "https://slsa.dev/provenance/v1";
const ATTESTED: &str =
    "unsigned = \"allow\"\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]";

fn ruled(rule: &str, signers: &[String]) -> String {
    format!(
        "{LENIENT}\n{}\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\n{rule}\n",
        signers.concat()
    )
}

async fn scene(text: &str) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(text).start(&registry).await;
    (registry, gate)
}

async fn get(gate: &Gate, path: &str) -> (u16, String) {
    let answer = gate.at_gateway().get(&format!("/v2/{NAME}/{path}")).await;
    (answer.status, answer.text())
}

/// Whether a manifest is served; else all that is said.
async fn manifest(gate: &Gate, target: impl std::fmt::Display) -> Result<(), String> {
    match get(gate, &format!("manifests/{target}")).await {
        (200, _) => Ok(()),
        (403, said) => Err(said),
        other => panic!("{other:?}"),
    }
}

async fn denied(gate: &Gate, target: impl std::fmt::Display, words: &str) {
    let said = manifest(gate, target).await.unwrap_err();
    assert!(said.contains(words), "{words} is not in: {said}");
}

fn judge_anew(gate: &Gate, text: &str) {
    gate.admission
        .replace_policy(policy(&format!("{text}\n# again")));
}

/// An image for one platform, and its entry of an index.
fn child(registry: &FakeRegistry, platform: &'static str, user: &'static str) -> Pushed {
    let spec = ImageSpec {
        platforms: vec![platform],
        user,
        layers: vec![user.as_bytes().to_vec()],
        ..ImageSpec::default()
    };
    registry.push_image(APP, "child", &spec)
}

/// Two images, for two platforms.
fn pair(registry: &FakeRegistry) -> (Pushed, Pushed) {
    let one = child(registry, "linux/amd64", "1");
    (one, child(registry, "linux/arm64", "2"))
}

fn index(registry: &FakeRegistry, tag: &str, entries: &[Descriptor]) -> Digest {
    let index =
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries });
    let digest = registry.push_manifest(APP, media_type::OCI_INDEX, index.to_string().into_bytes());
    registry.tag(APP, tag, &digest);
    digest
}

/// BuildKit's attestation manifest about an image, and its entry of an index.
struct Chain<'a> {
    about: &'a Digest,
    subject: Option<&'a Descriptor>,
    layers: Vec<Value>,
}

fn statement(about: &Digest, builder: &str) -> Value {
    json!({ "_type": "https://in-toto.io/Statement/v1", "subject": [{ "name": "x", "digest": { "sha256": about.hex() } }],
        "predicateType": SLSA, "predicate": { "runDetails": { "builder": { "id": builder } } } })
}

fn attestation(registry: &FakeRegistry, chain: &Chain<'_>) -> Descriptor {
    let layers: Vec<Value> = chain
        .layers
        .iter()
        .map(|layer| {
            let bytes = layer.to_string().into_bytes();
            let digest = registry.push_blob(APP, bytes.clone());
            json!({ "mediaType": "application/vnd.in-toto+json", "digest": digest, "size": bytes.len(),
                "annotations": { "in-toto.io/predicate-type": SLSA } })
        })
        .collect();
    let config = json!({ "architecture": "unknown", "os": "unknown", "rootfs": { "type": "layers", "diff_ids": [] } })
        .to_string()
        .into_bytes();
    let config_digest = registry.push_blob(APP, config.clone());
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": media_type::OCI_CONFIG, "digest": config_digest, "size": config.len() },
        "layers": layers });
    if let Some(subject) = chain.subject {
        manifest["artifactType"] = json!("application/vnd.docker.attestation.manifest.v1+json");
        manifest["subject"] = json!(subject);
    }
    let bytes = manifest.to_string().into_bytes();
    let mut entry = Descriptor::of(media_type::OCI_MANIFEST, &bytes);
    registry.push_manifest(APP, media_type::OCI_MANIFEST, bytes);
    entry.platform = Some("unknown/unknown".parse().unwrap());
    let annotations = [
        (
            "vnd.docker.reference.type",
            "attestation-manifest".to_owned(),
        ),
        ("vnd.docker.reference.digest", chain.about.to_string()),
    ];
    entry.annotations = annotations
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    entry
}

/// A descriptor as the subject of a referrer has it.
fn plain(descriptor: &Descriptor) -> Descriptor {
    Descriptor {
        platform: None,
        annotations: Default::default(),
        ..descriptor.clone()
    }
}

#[tokio::test]
async fn a_condition_decides_about_what_is_signed_and_about_nothing_else() {
    let (key, other) = (Key::new(), Key::new());
    let when =
        "when = 'predicate.ref.startsWith(\"refs/tags/\") && image.name == \"ghcr.io/acme/app\"'";
    let text = ruled(
        &format!("{ATTESTED}\n{when}"),
        &[key.signer("ci"), other.signer("other")],
    );
    for (signer, predicate, words) in [
        (&key, json!({ "ref": "refs/tags/v1" }), ""),
        (&key, json!({ "ref": "refs/heads/main" }), "is false"),
        (&key, json!({}), "there is no `ref`"),
        (
            &key,
            json!({ "ref": ["refs/tags/v1"] }),
            "`startsWith` is not for a list",
        ),
        // Whoever is not asked is not listened to.
        (
            &other,
            json!({ "ref": "refs/tags/v1" }),
            "no attestation of type",
        ),
    ] {
        let (registry, gate) = scene(&text).await;
        let image = registry.push_image(APP, "1", &ImageSpec::default());
        let layer = signer.bundle(&image.digest, SLSA, predicate);
        push(&registry, APP, &[layer], Some(&image.descriptor));
        match words {
            "" => assert_eq!(manifest(&gate, "1").await, Ok(())),
            words => {
                denied(&gate, "1", words).await;
                denied(&gate, "1", "attestation-missing").await;
            }
        }
    }
}

#[tokio::test]
async fn an_index_without_attestation_opens_its_attested_image_and_no_other() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
    let (good, bad) = pair(&registry);
    let layer = key.bundle(&good.digest, SLSA, json!({}));
    push(&registry, APP, &[layer], Some(&plain(&good.descriptor)));
    let digest = index(
        &registry,
        "multi",
        &[good.descriptor.clone(), bad.descriptor.clone()],
    );

    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    // The index opened nothing but itself.
    for blob in [
        good.children[0].config,
        good.children[0].layers[0],
        bad.children[0].config,
    ] {
        assert_ne!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    }
    let pulled = gate.at_gateway().pull(NAME, "multi").await.pulled();
    assert_eq!((pulled.digest, pulled.manifest), (digest, good.digest));
    denied(&gate, bad.digest, "attestation-missing").await;
    for blob in [bad.children[0].config, bad.children[0].layers[0]] {
        assert_ne!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    }
    let arm = gate.at_gateway().for_platform("linux/arm64");
    let (path, _) = arm.pull(NAME, "multi").await.refused();
    assert!(path.ends_with(&bad.digest.to_string()), "{path}");
}

#[tokio::test]
async fn an_attestation_over_the_index_stands_for_all_its_images() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
    let (one, two) = pair(&registry);
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    let layer = key.bundle(&digest, SLSA, json!({}));
    let bytes = gate.at_gateway();
    let subject = Descriptor {
        digest,
        ..Descriptor::of(media_type::OCI_INDEX, b"")
    };
    push(&registry, APP, &[layer], Some(&subject));
    bytes.pull(NAME, "multi").await.pulled();
    assert_eq!(manifest(&gate, two.digest).await, Ok(()));
}

#[tokio::test]
async fn demands_may_be_met_partly_by_the_index_and_partly_by_the_image() {
    let key = Key::new();
    let sbom = "[[rule.attestation]]\ntype = \"spdx\"\nsigned_by = [\"ci\"]";
    let (registry, gate) = scene(&ruled(&format!("{ATTESTED}\n{sbom}"), &[key.signer("ci")])).await;
    let (one, two) = pair(&registry);
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    let subject = Descriptor {
        digest,
        ..Descriptor::of(media_type::OCI_INDEX, b"")
    };
    push(
        &registry,
        APP,
        &[key.bundle(&digest, SLSA, json!({}))],
        Some(&subject),
    );
    let layer = key.bundle(&one.digest, "https://spdx.dev/Document", json!({}));
    push(&registry, APP, &[layer], Some(&plain(&one.descriptor)));
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    denied(&gate, two.digest, "no attestation of type spdx").await;
}

//! Attestations over whole pulls: conditions, indexes and their images, BuildKit's chain, signatures elsewhere.

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
    let (good, bad) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
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
    let (one, two) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
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
    let (one, two) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
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

#[tokio::test]
async fn a_signed_index_covers_an_attested_image_once_it_was_asked_for() {
    let (key, text) = (
        Key::new(),
        "signed_by = [\"ci\"]\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]",
    );
    let text = ruled(text, &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (good, bad) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
    for (image, attested) in [(&good, true), (&bad, false)] {
        let layers = [key.bundle(&image.digest, SLSA, json!({}))];
        if attested {
            push(&registry, APP, &layers, Some(&plain(&image.descriptor)));
        }
    }
    let digest = index(
        &registry,
        "multi",
        &[good.descriptor.clone(), bad.descriptor.clone()],
    );
    // Nobody asked for the index: the image bears no signature of its own.
    denied(&gate, good.digest, "signature-missing").await;
    denied(&gate, "multi", "signature-missing").await;
    denied(&gate, good.digest, "signature-missing").await;
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    judge_anew(&gate, &text);
    denied(&gate, good.digest, "signature-missing").await;
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let said = manifest(&gate, bad.digest).await.unwrap_err();
    assert!(
        said.contains("attestation-missing") && !said.contains("signature-"),
        "{said}"
    );
    // In another repository nobody asked for it.
    let elsewhere = format!("/v2/ghcr.io/acme/other/manifests/{}", good.digest);
    assert_ne!(gate.at_gateway().get(&elsewhere).await.status, 200);
    // The index falls, and what leans on it falls with it.
    registry.tag(
        APP,
        &format!("{}.sig", digest.to_string().replace(':', "-")),
        &good.digest,
    );
    judge_anew(&gate, &format!("{text}\n# and again"));
    denied(&gate, good.digest, "signature-").await;
    let layer = good.children[0].layers[0];
    assert_ne!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
}

#[tokio::test]
async fn what_an_index_opened_before_it_deferred_is_closed() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled("unsigned = \"allow\"", &[])).await;
    let (one, two) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
    index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let layer = one.children[0].layers[0];
    assert_eq!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
    gate.admission
        .replace_policy(policy(&ruled(ATTESTED, &[key.signer("ci")])));
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    denied(&gate, one.digest, "attestation-missing").await;
    for blob in [layer, one.children[0].config] {
        assert_ne!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    }
}

#[tokio::test]
async fn signatures_over_an_index_that_defers_can_be_fetched_by_who_checks_them_too() {
    let key = Key::new();
    let text = format!(
        "{}{}",
        "signed_by = [\"ci\"]\n",
        ATTESTED.replace("unsigned = \"allow\"\n", "")
    );
    let (registry, gate) = scene(&ruled(&text, &[key.signer("ci")])).await;
    let one = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    let layer = key.simple(&digest, NAME);
    let blob = Digest::of(&layer.content);
    push_classic(&registry, APP, &digest, &[layer]);
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
    assert_eq!(manifest(&gate, &tag).await, Ok(()));
    assert_eq!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    assert_ne!(
        get(&gate, &format!("blobs/{}", one.children[0].config))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn signers_of_the_index_and_of_its_image_are_counted_together() {
    let (one, two) = (Key::new(), Key::new());
    let text = format!(
        "signed_by = [\"one\", \"two\"]\nthreshold = 2\n{}",
        ATTESTED
            .replace("unsigned = \"allow\"\n", "")
            .replace("ci", "one")
    );
    let text = ruled(&text, &[one.signer("one"), two.signer("two")]);
    let (registry, gate) = scene(&text).await;
    let image = child(&registry, "linux/amd64", "1");
    let digest = index(&registry, "multi", std::slice::from_ref(&image.descriptor));
    let subject = Descriptor {
        digest,
        ..Descriptor::of(media_type::OCI_INDEX, b"")
    };
    push(
        &registry,
        APP,
        &[one.bundle(&image.digest, SLSA, json!({}))],
        Some(&plain(&image.descriptor)),
    );
    push_classic(&registry, APP, &digest, &[one.simple(&digest, NAME)]);
    push(
        &registry,
        APP,
        &[two.bundle(&image.digest, SIGN, json!({}))],
        Some(&plain(&image.descriptor)),
    );
    // The index itself has one of two.
    denied(&gate, "multi", "1 of 2").await;
    push(
        &registry,
        APP,
        &[two.bundle(&digest, SIGN, json!({}))],
        Some(&subject),
    );
    judge_anew(&gate, &text);
    gate.at_gateway().pull(NAME, "multi").await.pulled();
}

#[tokio::test]
async fn what_leans_on_an_index_stands_no_longer_than_that() {
    let key = Key::new();
    let text = format!(
        "signed_by = [\"ci\"]\n{}",
        ATTESTED.replace("unsigned = \"allow\"\n", "")
    );
    let (registry, gate) = scene(&ruled(&text, &[key.signer("ci")])).await;
    let image = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let digest = index(
        &registry,
        "multi",
        &[image.descriptor.clone(), two.descriptor],
    );
    let layer = key.bundle(&image.digest, SLSA, json!({}));
    push(&registry, APP, &[layer], Some(&plain(&image.descriptor)));
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    let later = async |minutes: u64| {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(60 * minutes)).await;
        tokio::time::resume();
    };
    let blob = format!("blobs/{}", image.children[0].layers[0]);
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    later(40).await;
    assert_eq!(manifest(&gate, image.digest).await, Ok(()));
    assert_eq!(get(&gate, &blob).await.0, 200);
    // The signature is gone; the verdict on the index is an hour old, that on the image is not.
    let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
    registry.tag(APP, &tag, &image.digest);
    later(25).await;
    denied(&gate, image.digest, "signature-missing").await;
    assert_ne!(get(&gate, &blob).await.0, 200);
}

#[tokio::test]
async fn one_index_does_not_vouch_for_what_another_lists() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
    let image = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let chain = Chain {
        about: &image.digest,
        subject: None,
        layers: vec![statement(&image.digest, "https://builder.example")],
    };
    let entry = attestation(&registry, &chain);
    let (image, two) = (image.descriptor, two.descriptor);
    let signed = index(&registry, "signed", &[image.clone(), two.clone()]);
    push_classic(&registry, APP, &signed, &[key.simple(&signed, NAME)]);
    index(&registry, "unsigned", &[image.clone(), two, entry]);
    for tag in ["signed", "unsigned"] {
        assert_eq!(manifest(&gate, tag).await, Ok(()));
    }
    denied(&gate, image.digest, "nobody signed it").await;
}

#[tokio::test]
async fn deferred_images_outlive_the_process() {
    let key = Key::new();
    let text = "signed_by = [\"ci\"]\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]";
    let text = ruled(text, &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (one, two) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    push(
        &registry,
        APP,
        &[key.bundle(&one.digest, SLSA, json!({}))],
        Some(&plain(&one.descriptor)),
    );
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let folder = gate.folder.clone();
    drop(gate);
    let gate = Setup::new(&text).start_in(folder, &registry).await;
    let layer = one.children[0].layers[0];
    assert_eq!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
    assert_eq!(manifest(&gate, one.digest).await, Ok(()));
    denied(&gate, two.digest, "attestation-missing").await;
}

#[tokio::test]
async fn nested_indexes_cover_nothing() {
    let key = Key::new();
    let text = ruled("signed_by = [\"ci\"]", &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (one, two) = (
        child(&registry, "linux/amd64", "1"),
        child(&registry, "linux/arm64", "2"),
    );
    let inner = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": [one.descriptor, two.descriptor] })
    .to_string()
    .into_bytes();
    let mut entry = Descriptor::of(media_type::OCI_INDEX, &inner);
    registry.push_manifest(APP, media_type::OCI_INDEX, inner);
    entry.platform = Some("linux/amd64".parse().unwrap());
    let outer = index(&registry, "outer", &[entry.clone()]);
    push_classic(&registry, APP, &outer, &[key.simple(&outer, NAME)]);
    denied(&gate, "outer", "manifest-unavailable").await;
    denied(&gate, entry.digest, "signature-missing").await;
    denied(&gate, one.digest, "signature-missing").await;
}

#[tokio::test]
async fn buildkit_statements_count_on_the_word_of_who_signed_the_index() {
    let (key, other) = (Key::new(), Key::new());
    let rule = format!("{ATTESTED}\nbuilder = [\"https://builder.example\"]");
    for (signer, name, words) in [
        (Some(&key), NAME, ""),
        (None, NAME, "nobody signed it"),
        (Some(&other), NAME, "nobody signed it"),
        (
            Some(&key),
            "ghcr.io/acme/other",
            "under the name ghcr.io/acme/other",
        ),
    ] {
        let (registry, gate) = scene(&ruled(&rule, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let chain = Chain {
            about: &image.digest,
            subject: None,
            layers: vec![statement(&image.digest, "https://builder.example")],
        };
        let entry = attestation(&registry, &chain);
        let digest = index(
            &registry,
            "multi",
            &[image.descriptor.clone(), entry.clone()],
        );
        if let Some(signer) = signer {
            push_classic(&registry, APP, &digest, &[signer.simple(&digest, name)]);
        }
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        if words.is_empty() {
            gate.at_gateway().pull(NAME, "multi").await.pulled();
            // Clients that keep provenance fetch it too.
            assert_eq!(manifest(&gate, entry.digest).await, Ok(()));
        } else {
            denied(&gate, image.digest, words).await;
            assert!(manifest(&gate, entry.digest).await.is_err());
        }
    }
}

/// For writing a policy: what is there is shown, and that nobody vouches for it.
#[tokio::test]
async fn buildkit_statements_are_shown_and_that_nobody_signed_them() {
    let (registry, gate) = scene(LENIENT).await;
    let image = child(&registry, "linux/amd64", "1");
    let chain = Chain {
        about: &image.digest,
        subject: None,
        layers: vec![statement(&image.digest, "https://builder.example")],
    };
    let entry = attestation(&registry, &chain);
    let digest = index(&registry, "multi", &[image.descriptor.clone(), entry]);
    let reference = format!("{NAME}:multi").parse().unwrap();
    let (content, policy) = (gate.admission.content(), gate.admission.policy());
    let shown = lazaret::evidence::signatures_of(content, &reference, digest, &policy);
    let (found, incomplete) = shown.await.unwrap();
    assert_eq!(incomplete, None);
    let [found] = found.as_slice() else {
        panic!("{found:?}");
    };
    let about = image.digest.to_string();
    assert!(found.place.contains(&about), "{}", found.place);
    assert!(found.signers.is_empty() && found.identity.is_none());
    assert!(found.refusals[0].contains("nobody signed it"));
    let says = format!("{:?}", found.says);
    assert!(says.contains(SLSA), "{says}");
}

#[tokio::test]
async fn buildkit_statements_about_others_and_entries_that_lie_do_not_count() {
    let key = Key::new();
    let rule = format!("{ATTESTED}\nbuilder = [\"https://builder.example\"]");
    let other = Digest::of(b"another image");
    type Lie = fn(&Digest, &Digest, &mut Descriptor) -> (Value, bool);
    let cases: [Lie; 5] = [
        |_, other, _| (statement(other, "https://builder.example"), true),
        |image, _, _| (statement(image, "https://evil.example"), true),
        |image, other, entry| {
            entry
                .annotations
                .insert("vnd.docker.reference.digest".to_owned(), other.to_string());
            (statement(image, "https://builder.example"), false)
        },
        |image, _, entry| {
            entry.size += 1;
            (statement(image, "https://builder.example"), false)
        },
        |_, _, _| (json!({ "predicateType": SLSA }), true),
    ];
    for (number, lie) in cases.into_iter().enumerate() {
        let (registry, gate) = scene(&ruled(&rule, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let mut unused = image.descriptor.clone();
        let (said, _) = lie(&image.digest, &other, &mut unused);
        let chain = Chain {
            about: &image.digest,
            subject: None,
            layers: vec![said],
        };
        let mut entry = attestation(&registry, &chain);
        lie(&image.digest, &other, &mut entry);
        let digest = index(&registry, "multi", &[image.descriptor.clone(), entry]);
        push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        let said = manifest(&gate, image.digest).await.unwrap_err();
        assert!(said.contains("attestation-missing"), "{number}: {said}");
    }
}

#[tokio::test]
async fn a_signed_attestation_manifest_counts_where_it_names_the_image_in_full() {
    let (key, other) = (Key::new(), Key::new());
    type Change = fn(&mut Descriptor);
    let cases: [(&str, Change); 5] = [
        ("", |_| {}),
        ("attestation-missing", |subject| subject.size += 1),
        ("attestation-missing", |subject| {
            subject.media_type = media_type::DOCKER_MANIFEST.to_owned()
        }),
        ("signed with another key", |_| {}),
        ("nobody signed it", |_| {}),
    ];
    for (words, change) in cases {
        for classic in [true, false] {
            let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
            let image = registry.push_image(APP, "1", &ImageSpec::default());
            let mut subject = plain(&image.descriptor);
            change(&mut subject);
            let chain = Chain {
                about: &image.digest,
                subject: Some(&subject),
                layers: vec![statement(&image.digest, "https://builder.example")],
            };
            let entry = attestation(&registry, &chain);
            registry.refer(APP, &image.digest, entry.clone());
            let signer = if words.contains("another key") {
                &other
            } else {
                &key
            };
            match (words.contains("nobody"), classic) {
                (true, _) => {}
                (false, true) => {
                    push_classic(
                        &registry,
                        APP,
                        &entry.digest,
                        &[signer.simple(&entry.digest, NAME)],
                    );
                }
                (false, false) => {
                    let layer = signer.bundle(&entry.digest, SIGN, json!({}));
                    push(&registry, APP, &[layer], Some(&plain(&entry)));
                }
            }
            match words {
                "" => assert_eq!(manifest(&gate, "1").await, Ok(())),
                words => denied(&gate, "1", words).await,
            }
        }
    }
}

#[tokio::test]
async fn an_attestation_manifest_of_an_index_needs_its_subject_to_count_by_its_own_signature() {
    let key = Key::new();
    for with_subject in [true, false] {
        let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let subject = plain(&image.descriptor);
        let chain = Chain {
            about: &image.digest,
            subject: with_subject.then_some(&subject),
            layers: vec![statement(&image.digest, "https://builder.example")],
        };
        let entry = attestation(&registry, &chain);
        index(
            &registry,
            "multi",
            &[image.descriptor.clone(), entry.clone()],
        );
        push_classic(
            &registry,
            APP,
            &entry.digest,
            &[key.simple(&entry.digest, NAME)],
        );
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        assert_eq!(manifest(&gate, image.digest).await.is_ok(), with_subject);
    }
}

#[tokio::test]
async fn signatures_may_lie_in_another_repository_where_the_rule_says_so() {
    let key = Key::new();
    let elsewhere = "acme/signatures";
    let from = "signed_by = [\"ci\"]\nsignatures_from = [\"docker.io/acme/signatures\", \"same\"]";
    for rule in [from, "signed_by = [\"ci\"]"] {
        for classic in [true, false] {
            let (registry, gate) = scene(&ruled(rule, &[key.signer("ci")])).await;
            let image = registry.push_image(APP, "1", &ImageSpec::default());
            if classic {
                push_classic(
                    &registry,
                    elsewhere,
                    &image.digest,
                    &[key.simple(&image.digest, NAME)],
                );
            } else {
                let layer = key.bundle(&image.digest, SIGN, json!({}));
                push(&registry, elsewhere, &[layer], Some(&image.descriptor));
            }
            if rule == from {
                assert_eq!(manifest(&gate, "1").await, Ok(()));
            } else {
                denied(&gate, "1", "signature-missing").await;
            }
        }
    }
    // The name that was signed is the image's, wherever the signature lies.
    let (registry, gate) = scene(&ruled(from, &[key.signer("ci")])).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    let layer = key.simple(&image.digest, "ghcr.io/acme/signatures");
    push_classic(&registry, elsewhere, &image.digest, &[layer]);
    denied(
        &gate,
        "1",
        "in docker.io/acme/signatures: it signs the image under the name",
    )
    .await;
    // Where one place cannot be asked there may be more.
    let (registry, gate) = scene(&ruled(from, &[key.signer("ci")])).await;
    registry.push_image(APP, "1", &ImageSpec::default());
    registry.fault(
        elsewhere,
        Times::Always,
        Fault::Status(500, Vec::new(), Vec::new()),
    );
    denied(&gate, "1", "signature-unavailable").await;
}

#[tokio::test]
async fn a_mirror_serves_what_was_signed_under_the_original_name() {
    let key = Key::new();
    let rule = "signed_by = [\"ci\"]\nreference = { remap = { \"ghcr.io/acme\" = \"quay.io/upstream\", \"ghcr.io\" = \"quay.io\" } }";
    for (name, fits) in [
        ("quay.io/upstream/app", true),
        ("quay.io/acme/app", false),
        ("quay.io/upstream/other", false),
        (NAME, false),
    ] {
        let (registry, gate) = scene(&ruled(rule, &[key.signer("ci")])).await;
        let image = registry.push_image(APP, "1", &ImageSpec::default());
        push_classic(
            &registry,
            APP,
            &image.digest,
            &[key.simple(&image.digest, name)],
        );
        assert_eq!(manifest(&gate, "1").await.is_ok(), fits, "{name}");
    }
}

#[tokio::test]
async fn the_record_says_who_vouched() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled("signed_by = [\"ci\"]", &[key.signer("ci")])).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    push_classic(
        &registry,
        APP,
        &image.digest,
        &[key.simple(&image.digest, NAME)],
    );
    assert_eq!(manifest(&gate, "1").await, Ok(()));
    let decisions = gate.ledger.decisions(None, 10).await.unwrap();
    let vouched = &decisions[0].verdict.vouched;
    assert_eq!(vouched.len(), 1, "{vouched:?}");
    assert_eq!(
        (vouched[0].what.as_str(), vouched[0].signer.as_str()),
        ("signature", "ci")
    );
    assert!(vouched[0].found.starts_with("tag sha256-"), "{vouched:?}");
}

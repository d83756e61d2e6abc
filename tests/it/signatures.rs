//! Signatures over whole pulls: who may sign what, and all the ways in which it does not count.

use lazaret::oci::{Descriptor, Digest};
use serde_json::json;

use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Pushed, Times};
use crate::support::gate::{Gate, LENIENT, Setup, policy};
use crate::support::signing::{Key, Layer, SIGN, push, push_classic};

const APP: &str = "acme/app";
const NAME: &str = "ghcr.io/acme/app";

/// The lenient policy, and a rule by which `ghcr.io/acme` must be signed.
fn signed(rule: &str, signers: &[String]) -> String {
    format!(
        "{LENIENT}\n{}\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\n{rule}\n",
        signers.concat()
    )
}

/// A registry with an image, and a gate whose policy wants it signed by `ci`.
async fn scene(key: &Key) -> (FakeRegistry, Gate, Pushed) {
    let text = signed("signed_by = [\"ci\"]", &[key.signer("ci")]);
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&text).start(&registry).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    (registry, gate, image)
}

async fn allowed(gate: &Gate, target: &str) {
    gate.at_gateway().pull(NAME, target).await.pulled();
}

async fn refused(gate: &Gate, target: &str) -> String {
    let path = format!("/v2/{NAME}/manifests/{target}");
    let answer = gate.at_gateway().get(&path).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    answer.text()
}

/// Refused with this code and these words.
async fn denied(gate: &Gate, target: &str, code: &str, words: &str) {
    let said = refused(gate, target).await;
    assert!(said.contains(code), "{code} is not in: {said}");
    assert!(said.contains(words), "{words} is not in: {said}");
}

/// After a refusal: rulings stand for a while, and a test does not wait.
fn judge_anew(gate: &Gate, text: &str) {
    gate.admission
        .replace_policy(policy(&format!("{text}\n# again")));
}

#[tokio::test]
async fn a_classic_signature_by_the_right_key_opens_the_image() {
    let key = Key::new();
    let (registry, gate, image) = scene(&key).await;
    push_classic(
        &registry,
        APP,
        &image.digest,
        &[key.simple(&image.digest, NAME)],
    );
    allowed(&gate, "1").await;
}

#[tokio::test]
async fn a_bundle_among_the_referrers_does_too_whatever_the_list_calls_it() {
    let key = Key::new();
    for api in [true, false] {
        let (registry, gate, image) = scene(&key).await;
        registry.referrers_api(api);
        let layer = key.bundle(&image.digest, SIGN, json!({}));
        push(&registry, APP, &[layer], Some(&image.descriptor));
        allowed(&gate, "1").await;
    }
}

#[tokio::test]
async fn an_unsigned_image_and_anothers_key_are_told_apart() {
    let (key, other) = (Key::new(), Key::new());
    let (registry, gate, image) = scene(&key).await;
    denied(
        &gate,
        "1",
        "signature-missing",
        "no signature found; ci must sign",
    )
    .await;
    let second = registry.push_image(
        APP,
        "2",
        &ImageSpec {
            user: "7",
            ..ImageSpec::default()
        },
    );
    assert_ne!(second.digest, image.digest);
    push_classic(
        &registry,
        APP,
        &second.digest,
        &[other.simple(&second.digest, NAME)],
    );
    denied(&gate, "2", "signature-untrusted", "signed with another key").await;
}

#[tokio::test]
async fn signatures_of_other_images_names_and_kinds_do_not_count() {
    let key = Key::new();
    let other = Digest::of(b"another image");
    let under = |digest: &Digest, field: &str| {
        let subject = json!([{ "name": NAME, "digest": { field: digest.hex() } }]);
        key.statement(
            json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": SIGN, "predicate": {} }),
        )
    };
    type Forge = fn(&Key, &Digest, &Digest) -> Layer;
    let cases: [(&str, Forge); 4] = [
        ("it signs sha256:", |key, _, other| key.simple(other, NAME)),
        ("under the name ghcr.io/acme/other", |key, digest, _| {
            key.simple(digest, "ghcr.io/acme/other")
        }),
        ("about another image", |key, _, other| {
            key.bundle(other, SIGN, json!({}))
        }),
        ("no signature by ci", |key, digest, _| {
            key.bundle(digest, "https://slsa.dev/provenance/v1", json!({}))
        }),
    ];
    for (words, layer) in cases {
        let (registry, gate, image) = scene(&key).await;
        let layer = layer(&key, &image.digest, &other);
        let artifact = push(&registry, APP, &[layer], Some(&image.descriptor));
        assert_ne!(artifact, image.digest);
        let code = if words.starts_with("no signature") {
            "signature-missing"
        } else {
            "signature-untrusted"
        };
        let words = if code == "signature-missing" {
            "no signature found"
        } else {
            words
        };
        denied(&gate, "1", code, words).await;
    }
    let (registry, gate, image) = scene(&key).await;
    push(
        &registry,
        APP,
        &[under(&image.digest, "gitCommit")],
        Some(&image.descriptor),
    );
    denied(&gate, "1", "signature-untrusted", "about another image").await;
}

#[tokio::test]
async fn a_referrer_of_another_image_does_not_count_though_it_is_listed() {
    let key = Key::new();
    let (registry, gate, image) = scene(&key).await;
    let other = Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"other");
    let artifact = push(
        &registry,
        APP,
        &[key.bundle(&image.digest, SIGN, json!({}))],
        Some(&other),
    );
    let mut entry = image.descriptor.clone();
    entry.digest = artifact;
    registry.refer(APP, &image.digest, entry);
    denied(
        &gate,
        "1",
        "signature-untrusted",
        "attached to another image",
    )
    .await;
}

#[tokio::test]
async fn garbage_beside_a_good_signature_harms_nobody() {
    let (key, other) = (Key::new(), Key::new());
    let (registry, gate, image) = scene(&key).await;
    let mut broken = key.simple(&image.digest, NAME);
    broken.annotations.clear();
    let mut nonsense = key.bundle(&image.digest, SIGN, json!({}));
    nonsense.content = b"{\"mediaType\":[".to_vec();
    let layers = [
        broken,
        other.simple(&image.digest, NAME),
        nonsense,
        key.simple(&image.digest, NAME),
    ];
    push_classic(&registry, APP, &image.digest, &layers);
    allowed(&gate, "1").await;
}

#[tokio::test]
async fn an_answer_that_does_not_arrive_is_not_an_unsigned_image() {
    let key = Key::new();
    let (registry, gate, image) = scene(&key).await;
    registry.fault(
        ".sig",
        Times::Always,
        Fault::Status(500, Vec::new(), Vec::new()),
    );
    denied(&gate, "1", "signature-unavailable", "could not be verified").await;
    // What is good is good, whatever else could not be had.
    push(
        &registry,
        APP,
        &[key.bundle(&image.digest, SIGN, json!({}))],
        Some(&image.descriptor),
    );
    judge_anew(&gate, &signed("signed_by = [\"ci\"]", &[key.signer("ci")]));
    allowed(&gate, "1").await;
}

#[tokio::test]
async fn a_signature_whose_bytes_are_not_its_digest_is_refused() {
    let key = Key::new();
    let (registry, gate, image) = scene(&key).await;
    let layer = key.simple(&image.digest, NAME);
    let blob = Digest::of(&layer.content);
    push_classic(&registry, APP, &image.digest, &[layer]);
    registry.fault(&format!("blobs/{blob}"), Times::Always, Fault::WrongByte(3));
    let said = refused(&gate, "1").await;
    assert!(said.contains("signature-un"), "{said}");
    assert!(!gate.store.contains(&blob));
}

#[tokio::test]
async fn distinct_signers_are_counted_not_signatures() {
    let (one, two) = (Key::new(), Key::new());
    let text = signed(
        "signed_by = [\"one\", \"two\"]\nthreshold = 2",
        &[one.signer("one"), two.signer("two")],
    );
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&text).start(&registry).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    let twice = [
        one.simple(&image.digest, NAME),
        one.simple(&image.digest, NAME),
    ];
    push_classic(&registry, APP, &image.digest, &twice);
    denied(
        &gate,
        "1",
        "signature-untrusted",
        "1 of 2 required signatures by one or two",
    )
    .await;
    let both = [
        one.simple(&image.digest, NAME),
        two.simple(&image.digest, NAME),
    ];
    push_classic(&registry, APP, &image.digest, &both);
    judge_anew(&gate, &text);
    allowed(&gate, "1").await;
    let must = text.replace("threshold = 2", "must_include = [\"two\"]");
    push_classic(&registry, APP, &image.digest, &twice);
    gate.admission.replace_policy(policy(&must));
    denied(
        &gate,
        "1",
        "signature-untrusted",
        "two must be among those who sign",
    )
    .await;
}

#[tokio::test]
async fn a_key_that_leaves_the_policy_leaves_no_permit_behind() {
    let (key, other) = (Key::new(), Key::new());
    let (registry, gate, image) = scene(&key).await;
    push_classic(
        &registry,
        APP,
        &image.digest,
        &[key.simple(&image.digest, NAME)],
    );
    allowed(&gate, "1").await;
    let layer = image.children[0].layers[0];
    gate.admission.replace_policy(policy(&signed(
        "signed_by = [\"ci\"]",
        &[other.signer("ci")],
    )));
    denied(&gate, "1", "signature-untrusted", "another key").await;
    let blob = gate
        .at_gateway()
        .get(&format!("/v2/{NAME}/blobs/{layer}"))
        .await;
    assert_eq!(blob.status, 403, "{}", blob.text());
}

#[tokio::test]
async fn a_signed_index_covers_its_children_and_no_others() {
    let key = Key::new();
    let (registry, gate, _) = scene(&key).await;
    let spec = ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        ..ImageSpec::default()
    };
    let index = registry.push_image(APP, "multi", &spec);
    push_classic(
        &registry,
        APP,
        &index.digest,
        &[key.simple(&index.digest, NAME)],
    );
    let child = index.children[0].manifest;
    // A child is covered once the index was asked for; by itself it bears no signature.
    denied(
        &gate,
        &child.to_string(),
        "signature-missing",
        "ci must sign",
    )
    .await;
    allowed(&gate, "multi").await;
    allowed(&gate, &child.to_string()).await;
    let unsigned = registry.push_image(
        APP,
        "other",
        &ImageSpec {
            user: "9",
            ..ImageSpec::default()
        },
    );
    denied(
        &gate,
        &unsigned.digest.to_string(),
        "signature-missing",
        "ci must sign",
    )
    .await;
}

#[tokio::test]
async fn attestations_are_matched_by_type_signer_builder_and_source() {
    let (key, other) = (Key::new(), Key::new());
    let provenance = |repository: &str| {
        json!({ "buildDefinition": { "externalParameters": { "workflow": { "repository": repository } } },
            "runDetails": { "builder": { "id": "https://builder.example" } } })
    };
    let wanted = "unsigned = \"allow\"\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]\nbuilder = [\"https://builder.example\"]\nsource = \"https://git.example/acme/app\"";
    let text = signed(wanted, &[key.signer("ci"), other.signer("other")]);
    let slsa = "https://slsa.dev/provenance/v1";
    let source = "https://git.example/acme/app";
    type Case<'a> = (&'a str, &'a Key, &'a str, &'a str);
    let cases: [Case<'_>; 5] = [
        ("", &key, slsa, source),
        ("no attestation of type", &other, slsa, source),
        ("not built from", &key, slsa, "https://git.example/evil/app"),
        (
            "no attestation of type",
            &key,
            "https://slsa.dev/provenance/v10",
            source,
        ),
        (
            "no attestation of type",
            &key,
            "https://spdx.dev/Document",
            source,
        ),
    ];
    for (words, signer, kind, source) in cases {
        let registry = FakeRegistry::start().await;
        let gate = Setup::new(&text).start(&registry).await;
        let image = registry.push_image(APP, "1", &ImageSpec::default());
        let layer = signer.bundle(&image.digest, kind, provenance(source));
        push(&registry, APP, &[layer], Some(&image.descriptor));
        if words.is_empty() {
            allowed(&gate, "1").await;
        } else {
            denied(&gate, "1", "attestation-missing", words).await;
        }
    }
}

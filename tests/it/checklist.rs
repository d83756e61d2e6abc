//! How signature checks have failed elsewhere, and that each of these ways is closed here, over whole pulls.
//! ("here": in this module or a file of it.)
//!
//! | what went wrong | where it is tried |
//! |---|---|
//! | the tag moves between verdict and answer | `a_tag_that_moves…` here; `pulls::lasting::a_moved_tag_is_judged_where_it_points_now` |
//! | other bytes under a digest | `bad_input::answers_that_are_not_what_was_asked_for`, `signatures::a_signature_whose_bytes_are_not_its_digest_is_refused` |
//! | the list of referrers lies | `signatures::a_referrer_of_another_image_does_not_count_though_it_is_listed` |
//! | children of other, unsigned or nested indexes | `signatures::a_signed_index_covers_its_children_and_no_others`, `claims::deferred::nested_indexes_cover_nothing`, `claims::deferred::a_signed_index_covers_an_attested_image_once_it_was_asked_for`, `a_child_of_another_index…` here |
//! | an attestation manifest that is an image | `an_image_that_passes_for_an_attestation…` here; `pulls::attachments_ride_on_their_image_and_smuggled_images_do_not` |
//! | documents that are two things | `bad_input::documents_that_are_no_manifest`, `bad_input::shapes_that_hide_content` |
//! | payloads: other digest, kind, members twice or unknown | `signatures::signatures_of_other_images_names_and_kinds_do_not_count`, `payloads…` here |
//! | another repository's signature | `signatures::signatures_of_other_images_names_and_kinds_do_not_count`, `claims::elsewhere::a_mirror_serves_what_was_signed_under_the_original_name` |
//! | another signature's log entry; promises and proofs changed | `log_entries…` here; sigstore-conformance and every value of a bundle changed, in the unit tests of `trust` |
//! | versions set back, entries twice | `bundles_of_old…` here |
//! | no time, wrong time, keys and certificates outside their life | `a_certificate_counts_in_its_own_time_only`, `a_log_key…` here; sigstore-conformance |
//! | timestamps: other signature, authority, window; revoked | sigstore-conformance; an authority is pinned by the trusted root and leaves with it |
//! | attestations of other types, unreadable ones | `signatures::attestations_are_matched_by_type_signer_builder_and_source`, `envelopes…` here |
//! | subjects without the digest | `subjects…` here |
//! | identities that match too much | `trust::identity` and `diagnostics/signer-anybody.toml` |
//! | right name, other issuer, claims or repository | `identities…` here |
//! | another instance's certificate | `certificates_of_another_instance…` here |
//! | floods | `floods…` here; `bad_input`; the limits of `upstream` |
//! | garbage that hides a good signature | `signatures::garbage_beside_a_good_signature_harms_nobody`, `floods…` here |
//! | credentials for hosts that a registry names | the guards of `upstream`; `a_signature_that_lies_elsewhere…` here |
//! | a verdict outlives its key or root | `signatures::a_key_that_leaves_the_policy_leaves_no_permit_behind`, `a_root_that_changes…` here |
//! | an old image under a new tag | `a_name_that_was_signed_exactly…` here; `verdicts/signature-too-old` |
//! | an error taken for "unsigned" | `signatures::an_answer_that_does_not_arrive_is_not_an_unsigned_image` |

mod bundles;
mod lasting;
mod statements;

use lazaret::oci::{Descriptor, Digest, media_type};
use serde_json::json;

use crate::support::fake_registry::{FakeRegistry, ImageSpec, Pushed};
use crate::support::gate::{Gate, LENIENT, Setup, policy};
use crate::support::instance::{Instance, NOON, Who, change, entry, unlog};
use crate::support::signing::{BUNDLE, Key, Layer, SIGN, SIMPLE, push, push_classic};

const APP: &str = "acme/app";
const NAME: &str = "ghcr.io/acme/app";
const SLSA: &str = "https://slsa.dev/provenance/v1";
const BY_CI: &str = "signed_by = [\"ci\"]";
const ISSUER: &str = "https://token.example";
const SUBJECT: &str = "https://git.example/acme/app/.ci/release.yml@refs/tags/v1";

fn ruled(rule: &str, tables: &[String]) -> String {
    format!(
        "{LENIENT}\n{}\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\n{rule}\n",
        tables.concat()
    )
}

async fn scene(text: &str) -> (FakeRegistry, Gate, Pushed) {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(text).start(&registry).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    (registry, gate, image)
}

async fn said(gate: &Gate, target: impl std::fmt::Display) -> Result<(), String> {
    let answer = gate
        .at_gateway()
        .get(&format!("/v2/{NAME}/manifests/{target}"))
        .await;
    match answer.status {
        200 => Ok(()),
        403 => Err(answer.text()),
        _ => panic!("{answer:?}"),
    }
}

async fn denied(gate: &Gate, target: impl std::fmt::Display, words: &str) {
    let said = said(gate, target).await.unwrap_err();
    assert!(said.contains(words), "{words} is not in: {said}");
}

/// Judges one image with these classic signatures.
async fn classic(text: &str, sign: impl FnOnce(&Digest) -> Vec<Layer>) -> Result<(), String> {
    let (registry, gate, image) = scene(text).await;
    push_classic(&registry, APP, &image.digest, &sign(&image.digest));
    said(&gate, "1").await
}

fn keyless(instance: &Instance, folder: &std::path::Path, more: &str) -> String {
    let signer = format!(
        "[signer.ci]\nkind = \"keyless\"\nroot = \"own\"\nissuer = \"{ISSUER}\"\nsubject = \"https://git.example/acme/app/.ci/release.yml@refs/tags/v*\"\n{more}\n"
    );
    ruled(BY_CI, &[instance.root_table("own", folder), signer])
}

const CI: Who<'static> = Who {
    subject: SUBJECT,
    issuer: ISSUER,
    claims: &[],
};

#[tokio::test]
async fn a_tag_that_moves_after_the_verdict_does_not_carry_it_along() {
    let key = Key::new();
    let (registry, gate, signed) = scene(&ruled(BY_CI, &[key.signer("ci")])).await;
    push_classic(
        &registry,
        APP,
        &signed.digest,
        &[key.simple(&signed.digest, NAME)],
    );
    let path = format!("/v2/{NAME}/manifests/1");
    assert_eq!(gate.at_gateway().head(&path).await.status, 200);
    let spec = ImageSpec {
        user: "7",
        ..ImageSpec::default()
    };
    let other = registry.push_image(APP, "1", &spec);
    assert_ne!(other.digest, signed.digest);
    let answer = gate.at_gateway().get(&path).await;
    assert!(answer.status == 200 && signed.digest.verifies(&answer.body));
    denied(&gate, other.digest, "signature-missing").await;
}

#[tokio::test]
async fn a_child_of_another_index_is_not_covered() {
    let key = Key::new();
    let (registry, gate, _) = scene(&ruled(BY_CI, &[key.signer("ci")])).await;
    let spec = |user| ImageSpec {
        platforms: vec!["linux/amd64", "linux/arm64"],
        user,
        ..ImageSpec::default()
    };
    let (signed, unsigned) = (
        registry.push_image(APP, "signed", &spec("1")),
        registry.push_image(APP, "unsigned", &spec("2")),
    );
    push_classic(
        &registry,
        APP,
        &signed.digest,
        &[key.simple(&signed.digest, NAME)],
    );
    gate.at_gateway().pull(NAME, "signed").await.pulled();
    denied(&gate, "unsigned", "signature-missing").await;
    for child in &unsigned.children {
        denied(&gate, child.manifest, "signature-missing").await;
        let layer = format!("/v2/{NAME}/blobs/{}", child.config);
        assert_ne!(gate.at_gateway().get(&layer).await.status, 200);
    }
}

#[tokio::test]
async fn an_image_that_passes_for_an_attestation_is_not_served() {
    let text = LENIENT.replace("root_user = \"warn\"", "root_user = \"deny\"");
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&text).start(&registry).await;
    let good = registry.push_image(
        APP,
        "good",
        &ImageSpec {
            user: "7",
            ..ImageSpec::default()
        },
    );
    let rooty = registry.push_image(
        APP,
        "rooty",
        &ImageSpec {
            user: "root",
            ..ImageSpec::default()
        },
    );
    let mut hidden = rooty.descriptor.clone();
    hidden.platform = Some("unknown/unknown".parse().unwrap());
    let annotations = [
        (
            "vnd.docker.reference.type",
            "attestation-manifest".to_owned(),
        ),
        ("vnd.docker.reference.digest", good.digest.to_string()),
    ];
    hidden.annotations = annotations
        .map(|(key, value)| (key.to_owned(), value))
        .into();
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [good.descriptor, hidden] });
    let digest = registry.push_manifest(APP, media_type::OCI_INDEX, index.to_string().into_bytes());
    registry.tag(APP, "1", &digest);
    assert_eq!(said(&gate, "1").await, Ok(()));
    assert_eq!(said(&gate, good.digest).await, Ok(()));
    denied(&gate, rooty.digest, "root-user").await;
    // Once more, and for a platform that nobody judges.
    let mut elsewhere = rooty.descriptor.clone();
    elsewhere.platform = Some("windows/amd64".parse().unwrap());
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [good.descriptor, hidden, elsewhere] });
    let digest = registry.push_manifest(APP, media_type::OCI_INDEX, index.to_string().into_bytes());
    registry.tag(APP, "2", &digest);
    assert_eq!(said(&gate, "2").await, Ok(()));
    denied(&gate, rooty.digest, "root-user").await;
    // Nor as content: clients that are refused a manifest try that next.
    for digest in [rooty.digest, rooty.children[0].config] {
        let path = format!("/v2/{NAME}/blobs/{digest}");
        assert_ne!(gate.at_gateway().get(&path).await.status, 200);
        assert_ne!(gate.at_gateway().head(&path).await.status, 200);
    }
}

#[tokio::test]
async fn payloads_that_say_too_much_or_something_else_do_not_count() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    let with = |from: &'static str, to: &'static str| {
        let key = &key;
        classic(&text, move |digest| {
            let layer = key.simple(digest, NAME);
            let payload = String::from_utf8(layer.content).unwrap();
            assert!(payload.contains(from), "{payload}");
            vec![key.payload(payload.replace(from, to).into_bytes())]
        })
    };
    assert_eq!(with("\"type\"", "\"type\"").await, Ok(()));
    for (from, to) in [
        (
            "cosign container image signature",
            "atomic container signature",
        ),
        (
            "\"type\":\"cosign container image signature\"",
            "\"tipe\":1",
        ),
        ("\"type\":", "\"expires\":1,\"type\":"),
        ("\"type\":", "\"type\":\"x\",\"type\":"),
        ("\"critical\":", "\"critical\":{},\"critical\":"),
        (
            "\"docker-reference\":",
            "\"docker-reference\":\"x\",\"docker-reference\":",
        ),
        (
            "\"docker-reference\":\"ghcr.io/acme/app\"",
            "\"docker-reference\":\"\"",
        ),
        ("sha256:", "sha512:"),
    ] {
        let said = with(from, to).await.unwrap_err();
        assert!(said.contains("signature-untrusted"), "{to}: {said}");
    }
}

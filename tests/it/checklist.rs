//! How signature checks have failed elsewhere, and that each of these ways is closed here, over whole pulls.
//!
//! | what went wrong | where it is tried |
//! |---|---|
//! | the tag moves between verdict and answer | `a_tag_that_moves…` below; `pulls::a_moved_tag_is_judged_where_it_points_now` |
//! | other bytes under a digest | `bad_input::answers_that_are_not_what_was_asked_for`, `signatures::a_signature_whose_bytes_are_not_its_digest_is_refused` |
//! | the list of referrers lies | `signatures::a_referrer_of_another_image_does_not_count_though_it_is_listed` |
//! | children of other, unsigned or nested indexes | `signatures::a_signed_index_covers_its_children_and_no_others`, `claims::nested_indexes_cover_nothing`, `claims::a_signed_index_covers_an_attested_image_once_it_was_asked_for`, `a_child_of_another_index…` below |
//! | an attestation manifest that is an image | `an_image_that_passes_for_an_attestation…` below; `pulls::attachments_ride_on_their_image_and_smuggled_images_do_not` |
//! | documents that are two things | `bad_input::documents_that_are_no_manifest`, `bad_input::shapes_that_hide_content` |
//! | payloads: other digest, kind, members twice or unknown | `signatures::signatures_of_other_images_names_and_kinds_do_not_count`, `payloads…` below |
//! | another repository's signature | `signatures::signatures_of_other_images_names_and_kinds_do_not_count`, `claims::a_mirror_serves_what_was_signed_under_the_original_name` |
//! | another signature's log entry; promises and proofs changed | `log_entries…` below; sigstore-conformance and every value of a bundle changed, in the unit tests of `trust` |
//! | versions set back, entries twice | `bundles_of_old…` below |
//! | no time, wrong time, keys and certificates outside their life | `a_certificate_counts_in_its_own_time_only`, `a_log_key…` below; sigstore-conformance |
//! | timestamps: other signature, authority, window; revoked | sigstore-conformance; an authority is pinned by the trusted root and leaves with it |
//! | attestations of other types, unreadable ones | `signatures::attestations_are_matched_by_type_signer_builder_and_source`, `envelopes…` below |
//! | subjects without the digest | `subjects…` below |
//! | identities that match too much | `trust::identity` and `diagnostics/signer-anybody.toml` |
//! | right name, other issuer, claims or repository | `identities…` below |
//! | another instance's certificate | `certificates_of_another_instance…` below |
//! | floods | `floods…` below; `bad_input`; the limits of `upstream` |
//! | garbage that hides a good signature | `signatures::garbage_beside_a_good_signature_harms_nobody`, `floods…` below |
//! | credentials for hosts that a registry names | the guards of `upstream`; `a_signature_that_lies_elsewhere…` below |
//! | a verdict outlives its key or root | `signatures::a_key_that_leaves_the_policy_leaves_no_permit_behind`, `a_root_that_changes…` below |
//! | an old image under a new tag | `a_name_that_was_signed_exactly…` below; `verdicts/signature-too-old` |
//! | an error taken for "unsigned" | `signatures::an_answer_that_does_not_arrive_is_not_an_unsigned_image` |

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

#[tokio::test]
async fn log_entries_of_other_signatures_and_changed_ones_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (instance, other_log, key, other) =
        (Instance::new(), Instance::new(), Key::new(), Key::new());
    let signer = key.signer("ci").replace("tlog = \"off\"", "root = \"own\"");
    let text = ruled(BY_CI, &[instance.root_table("own", folder.path()), signer]);
    let logged = |layer: &mut Layer| instance.log(layer, &key.pem(), NOON);
    type Forge<'a> = (&'a str, &'a dyn Fn(&Digest, &mut Layer));
    let cases: [Forge<'_>; 11] = [
        ("", &|_, layer| logged(layer)),
        ("no transparency log", &|_, layer| unlog(layer)),
        ("", &|digest, layer| {
            // The same payload signed twice: either entry is that of its own signature only.
            let mut again = key.simple(digest, NAME);
            logged(&mut again);
            logged(layer);
            *layer = again;
        }),
        ("signature-untrusted", &|digest, layer| {
            let mut again = key.simple(digest, NAME);
            logged(&mut again);
            logged(layer);
            *entry(layer) = entry(&mut again).clone();
        }),
        ("signature-untrusted", &|digest, layer| {
            let mut elsewhere = key.simple(digest, "ghcr.io/acme/other");
            logged(&mut elsewhere);
            logged(layer);
            *entry(layer) = entry(&mut elsewhere).clone();
        }),
        ("signature-untrusted", &|_, layer| {
            instance.log(layer, &other.pem(), NOON)
        }),
        ("signature-untrusted", &|_, layer| {
            other_log.log(layer, &key.pem(), NOON)
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["Payload"]["integratedTime"] = json!(NOON + 1)
            });
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| entry["Payload"]["logIndex"] = json!(8));
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["SignedEntryTimestamp"] = json!("MEUCIQ==")
            });
        }),
        ("signature-untrusted", &|_, layer| {
            logged(layer);
            change(layer, |entry| {
                entry["Payload"]["logID"] = json!(other_log.log_id())
            });
        }),
    ];
    for (number, (words, forge)) in cases.iter().enumerate() {
        let said = classic(&text, |digest| {
            let mut layer = key.simple(digest, NAME);
            instance.log(&mut layer, &key.pem(), NOON);
            forge(digest, &mut layer);
            vec![layer]
        })
        .await;
        match said {
            Ok(()) => assert!(words.is_empty(), "{number} was believed"),
            Err(said) => assert!(
                !words.is_empty() && said.contains(words),
                "{number}: {said}"
            ),
        }
    }
}

#[tokio::test]
async fn bundles_of_old_versions_or_with_more_entries_do_not_count() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    for (from, to, fits) in [
        ("tlogEntries", "tlogEntries", true),
        (
            BUNDLE,
            "application/vnd.dev.sigstore.bundle+json;version=0.1",
            false,
        ),
        (
            BUNDLE,
            "application/vnd.dev.sigstore.bundle+json;version=0.2",
            false,
        ),
        (BUNDLE, "application/vnd.dev.sigstore.bundle.v9+json", false),
    ] {
        let (registry, gate, image) = scene(&text).await;
        let mut layer = key.bundle(&image.digest, SIGN, json!({}));
        let content = String::from_utf8(layer.content).unwrap();
        layer.content = content.replace(from, to).into_bytes();
        push(&registry, APP, &[layer], Some(&image.descriptor));
        assert_eq!(said(&gate, "1").await.is_ok(), fits, "{to}");
    }
    // One log counted twice is one log, and a bundle that brings two entries is none of the log's clients'.
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let signer = key.signer("ci").replace("tlog = \"off\"", "root = \"own\"");
    let text = ruled(BY_CI, &[instance.root_table("own", folder.path()), signer]);
    let (registry, gate, image) = scene(&text).await;
    let entry = json!({ "logIndex": "7", "logId": { "keyId": "AAAA" }, "kindVersion": { "kind": "dsse", "version": "0.0.1" },
        "integratedTime": NOON.to_string(), "canonicalizedBody": "e30=", "inclusionPromise": { "signedEntryTimestamp": "AAAA" },
        "inclusionProof": { "logIndex": "7", "rootHash": "AAAA", "treeSize": "8", "hashes": [], "checkpoint": { "envelope": "x" } } });
    let mut layer = key.bundle(&image.digest, SIGN, json!({}));
    let content = String::from_utf8(layer.content).unwrap();
    let twice = format!("\"tlogEntries\":[{entry},{entry}]");
    layer.content = content.replace("\"tlogEntries\":[]", &twice).into_bytes();
    push(&registry, APP, &[layer], Some(&image.descriptor));
    denied(&gate, "1", "signature-untrusted").await;
}

#[tokio::test]
async fn a_certificate_counts_in_its_own_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let text = keyless(&instance, folder.path(), "");
    let ci = instance.certify(&CI);
    for (days, fits) in [
        (0, true),
        (-1, false),
        (1, false),
        (400, false),
        (20_000, false),
    ] {
        let said = classic(&text, |digest| {
            vec![instance.signed(&ci, digest, NAME, days)]
        })
        .await;
        assert_eq!(said.is_ok(), fits, "{days}: {said:?}");
    }
    let said = classic(&text, |digest| {
        let mut layer = instance.signed(&ci, digest, NAME, 0);
        unlog(&mut layer);
        vec![layer]
    })
    .await;
    assert!(said.unwrap_err().contains("no transparency log"));
}

#[tokio::test]
async fn a_log_key_counts_within_its_life_only() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let text = keyless(&instance, folder.path(), "");
    let ci = instance.certify(&CI);
    for (end, fits) in [
        ("2026-05-11T00:00:00Z", true),
        ("2026-05-10T00:00:00Z", false),
    ] {
        std::fs::write(folder.path().join("own.json"), instance.root(Some(end))).unwrap();
        let said = classic(&text, |digest| vec![instance.signed(&ci, digest, NAME, 0)]).await;
        assert_eq!(said.is_ok(), fits, "{end}: {said:?}");
    }
}

#[tokio::test]
async fn envelopes_that_cannot_be_read_do_not_count() {
    let key = Key::new();
    let wanted = "unsigned = \"allow\"\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]";
    for said_of in [
        json!("not a statement"),
        json!({ "_type": "https://in-toto.io/Statement/v9", "predicateType": SLSA, "subject": [] }),
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": [SLSA], "subject": [] }),
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": SLSA }),
        json!(null),
    ] {
        let (registry, gate, image) = scene(&ruled(wanted, &[key.signer("ci")])).await;
        push(
            &registry,
            APP,
            &[key.statement(said_of)],
            Some(&image.descriptor),
        );
        denied(&gate, "1", "attestation-missing").await;
    }
}

#[tokio::test]
async fn subjects_that_are_not_the_image_do_not_count() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    let other = Digest::of(b"another image").hex();
    type Subjects = fn(&str, &str) -> serde_json::Value;
    let cases: [(bool, Subjects); 9] = [
        (true, |hex, _| json!([{ "digest": { "sha256": hex } }])),
        (
            true,
            |hex, other| json!([{ "digest": { "sha256": other } }, { "digest": { "sha256": hex } }]),
        ),
        (false, |hex, _| json!([{ "digest": { "sha1": hex } }])),
        (
            false,
            |hex, _| json!([{ "name": hex, "digest": { "gitCommit": hex } }]),
        ),
        (
            false,
            |hex, other| json!([{ "name": format!("sha256:{hex}"), "digest": { "sha256": other } }]),
        ),
        (false, |_, _| json!([])),
        (false, |_, _| json!(null)),
        (false, |_, _| json!([null])),
        (
            false,
            |hex, _| json!([{ "digest": { "sha256": hex.to_uppercase() } }]),
        ),
    ];
    for (fits, subjects) in cases {
        let (registry, gate, image) = scene(&text).await;
        let subject = subjects(&image.digest.hex(), &other);
        let layer = key.statement(
            json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": SIGN, "predicate": {} }),
        );
        push(&registry, APP, &[layer], Some(&image.descriptor));
        assert_eq!(said(&gate, "1").await.is_ok(), fits, "{subject}");
    }
}

#[tokio::test]
async fn identities_must_be_right_in_all_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let claims = "claims = { runner_environment = [\"github-hosted\"], build_trigger = [\"push\"], source_repository_id = [\"42\"], source_repository = [\"https://git.example/acme/app\"] }";
    let text = keyless(&instance, folder.path(), claims);
    const GOOD: [(u64, &str); 4] = [
        (11, "github-hosted"),
        (12, "https://git.example/acme/app"),
        (15, "42"),
        (20, "push"),
    ];
    type Change = fn(&mut (String, String, Vec<(u64, &'static str)>));
    let cases: [(&str, Change); 11] = [
        ("", |_| {}),
        ("its issuer is", |who| {
            who.1 = "https://token.example.evil".to_owned()
        }),
        ("its issuer is", |who| {
            who.1 = "https://token.example/".to_owned()
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("acme/", "acme-evil/")
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("git.example", "gitXexample")
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("refs/tags/v1", "refs/pull/1/merge")
        }),
        ("it is signed by", |who| {
            who.0 = format!("https://evil.example/{SUBJECT}")
        }),
        ("its runner_environment is self-hosted", |who| {
            who.2[0].1 = "self-hosted"
        }),
        // A reusable workflow of ours, called from somebody else's repository.
        ("its source_repository is", |who| {
            who.2[1].1 = "https://git.example/evil/app"
        }),
        // The name was given up and taken by somebody else.
        ("its source_repository_id is 43", |who| who.2[2].1 = "43"),
        ("its build_trigger is not told", |who| who.2.truncate(3)),
    ];
    for (words, change) in cases {
        let mut who = (SUBJECT.to_owned(), ISSUER.to_owned(), GOOD.to_vec());
        change(&mut who);
        let certified = instance.certify(&Who {
            subject: &who.0,
            issuer: &who.1,
            claims: &who.2,
        });
        let said = classic(&text, |digest| {
            vec![instance.signed(&certified, digest, NAME, 0)]
        })
        .await;
        match said {
            Ok(()) => assert!(words.is_empty(), "{who:?} was believed"),
            Err(said) => assert!(!words.is_empty() && said.contains(words), "{words}: {said}"),
        }
    }
}

#[tokio::test]
async fn certificates_of_another_instance_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (own, foreign) = (Instance::new(), Instance::new());
    let text = keyless(&own, folder.path(), "");
    // Neither where nobody named the other instance, nor where it is trusted for others.
    let both = format!("{}{text}", "").replace(
        "[signer.ci]",
        &format!(
            "{}[signer.ci]",
            foreign.root_table("foreign", folder.path())
        ),
    );
    for text in [&text, &both] {
        let by_own = own.certify(&CI);
        let said = classic(text, |digest| vec![own.signed(&by_own, digest, NAME, 0)]).await;
        assert_eq!(said, Ok(()));
        let by_foreign = foreign.certify(&CI);
        let said = classic(text, |digest| {
            vec![foreign.signed(&by_foreign, digest, NAME, 0)]
        })
        .await;
        assert!(said.unwrap_err().contains("signature-untrusted"));
        // Certified by one and logged by the other.
        let said = classic(text, |digest| {
            vec![own.signed(&by_foreign, digest, NAME, 0)]
        })
        .await;
        assert!(said.unwrap_err().contains("signature-untrusted"));
    }
}

#[tokio::test]
async fn floods_end_and_do_not_hide_what_is_good() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    let garbage = |number: usize| Layer {
        media_type: SIMPLE,
        content: number.to_string().into_bytes(),
        annotations: Default::default(),
    };
    let flood = |good_at: usize, size: usize| {
        let key = &key;
        move |digest: &Digest| {
            let mut layers: Vec<Layer> = (0..size).map(garbage).collect();
            layers[good_at] = key.simple(digest, NAME);
            layers
        }
    };
    assert_eq!(classic(&text, flood(199, 200)).await, Ok(()));
    assert_eq!(classic(&text, flood(0, 1_000)).await, Ok(()));
    let why = classic(&text, flood(999, 1_000)).await.unwrap_err();
    assert!(
        why.contains("signature-unavailable") && why.contains("1000 signatures"),
        "{why}"
    );

    // As many artifacts.
    for (good_at, words) in [(49, ""), (70, "80 artifacts, of which 50 are looked at")] {
        let (registry, gate, image) = scene(&text).await;
        for number in 0..80 {
            let mut layer = key.bundle(&image.digest, SIGN, json!({ "number": number }));
            if number != good_at {
                layer.content = number.to_string().into_bytes();
            }
            push(&registry, APP, &[layer], Some(&image.descriptor));
        }
        match words {
            "" => assert_eq!(said(&gate, "1").await, Ok(())),
            words => denied(&gate, "1", words).await,
        }
    }

    // What says that it is a gigabyte is not fetched, and what is deep or long is refused.
    let (registry, gate, image) = scene(&text).await;
    let huge = json!({ "mediaType": SIMPLE, "digest": Digest::of(b"huge"), "size": 1_u64 << 30 });
    let config =
        json!({ "mediaType": media_type::OCI_CONFIG, "digest": Digest::of(b"{}"), "size": 2 });
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": [huge] });
    let digest = registry.push_manifest(
        APP,
        media_type::OCI_MANIFEST,
        manifest.to_string().into_bytes(),
    );
    let tag = image.digest.to_string().replace(':', "-");
    registry.tag(APP, &format!("{tag}.sig"), &digest);
    let mut long = key.simple(&image.digest, NAME);
    long.annotations.insert(
        "dev.sigstore.cosign/bundle".to_owned(),
        "x".repeat(300 * 1024),
    );
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let mut nested = key.bundle(&image.digest, SIGN, json!({}));
    nested.content = deep.clone().into_bytes();
    let chain = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(4_000);
    let mut chained = key.simple(&image.digest, NAME);
    chained
        .annotations
        .insert("dev.sigstore.cosign/certificate".to_owned(), chain);
    push(
        &registry,
        APP,
        &[long, nested, key.payload(deep.into_bytes()), chained],
        Some(&image.descriptor),
    );
    denied(&gate, "1", "signature-un").await;
    assert_eq!(registry.count(&format!("blobs/{}", Digest::of(b"huge"))), 0);
}

#[tokio::test]
async fn a_signature_that_lies_elsewhere_by_its_own_word_is_not_fetched_there() {
    let key = Key::new();
    let (registry, gate, image) = scene(&ruled(BY_CI, &[key.signer("ci")])).await;
    let elsewhere = FakeRegistry::start().await;
    let layer = key.simple(&image.digest, NAME);
    elsewhere.push_blob(APP, layer.content.clone());
    let blob = Digest::of(&layer.content);
    let described = json!({ "mediaType": SIMPLE, "digest": blob, "size": layer.content.len(),
        "annotations": layer.annotations, "urls": [format!("{}/v2/{APP}/blobs/{blob}", elsewhere.url())] });
    let config = Descriptor::of(media_type::OCI_CONFIG, b"{}");
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": [described] });
    let digest = registry.push_manifest(
        APP,
        media_type::OCI_MANIFEST,
        manifest.to_string().into_bytes(),
    );
    registry.tag(
        APP,
        &format!("{}.sig", image.digest.to_string().replace(':', "-")),
        &digest,
    );
    denied(&gate, "1", "signature-un").await;
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_root_that_changes_takes_its_verdicts_along() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Instance::new(), Instance::new());
    let text = keyless(&old, folder.path(), "");
    let (registry, gate, image) = scene(&text).await;
    let ci = old.certify(&CI);
    push_classic(
        &registry,
        APP,
        &image.digest,
        &[old.signed(&ci, &image.digest, NAME, 0)],
    );
    gate.at_gateway().pull(NAME, "1").await.pulled();
    let decisions = gate.ledger.decisions(None, 1).await.unwrap();
    let authority = &decisions[0].verdict.vouched[0].authority;
    assert_eq!(authority.root.as_deref(), Some("own"));
    assert_eq!(
        authority.root_digest,
        Some(Digest::of(old.root(None).as_bytes()))
    );
    assert_eq!(authority.log, Some(old.log_id()));
    // The same policy, and the file that it names is another.
    std::fs::write(folder.path().join("own.json"), new.root(None)).unwrap();
    gate.admission.replace_policy(policy(&text));
    denied(&gate, "1", "signature-untrusted").await;
    let layer = format!("/v2/{NAME}/blobs/{}", image.children[0].layers[0]);
    assert_ne!(gate.at_gateway().get(&layer).await.status, 200);
}

#[tokio::test]
async fn a_name_that_was_signed_exactly_is_no_other_name() {
    let key = Key::new();
    let rule = format!("{BY_CI}\nreference = \"exact\"");
    let (registry, gate, image) = scene(&ruled(&rule, &[key.signer("ci")])).await;
    let layer = key.simple(&image.digest, "ghcr.io/acme/app:1");
    push_classic(&registry, APP, &image.digest, &[layer]);
    registry.tag(APP, "2", &image.digest);
    denied(&gate, "2", "under the name ghcr.io/acme/app:1").await;
    assert_eq!(said(&gate, "1").await, Ok(()));
    // Neither does what was found for one name stand for the other.
    denied(&gate, "2", "under the name ghcr.io/acme/app:1").await;
    assert_eq!(said(&gate, "1").await, Ok(()));
    gate.at_gateway().pull(NAME, "1").await.pulled();
}

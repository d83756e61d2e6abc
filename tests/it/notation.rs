//! Notary Project signatures: what is believed, and one test for each way of not being.

mod chains;
mod changes;
mod times;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coset::cbor::Value as Cbor;
use lazaret::oci::{Descriptor, Digest, media_type};
use lazaret::trust::{
    Examined, Image, Material, Notation, NotationLevel, Revocation, RevocationList, Roots, Signer,
    SignerKind, SubjectName, examine,
};
use rcgen::{
    BasicConstraints, CrlDistributionPoint, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde_json::json;

use crate::support::fake_registry::{FakeRegistry, ImageSpec, Pushed};
use crate::support::gate::{LENIENT, Setup};
use crate::support::notary::{
    AUTHENTIC, Ca, EXPIRY, Leaf, SCHEME, authority, cose, image, issue, jws, payload, payload_of,
    stamping, trusting,
};

pub(crate) const NOW: &str = "2026-06-02T00:00:00Z";

fn at(now: &str, material: &Material, image: &Image, trusted: Notation) -> Examined {
    let signer = Signer {
        name: "acme".to_owned(),
        kind: SignerKind::Notation(trusted),
    };
    examine(
        material,
        image,
        &[&signer],
        &Roots::embedded(),
        now.parse().unwrap(),
    )
}

#[track_caller]
fn believed(material: &Material, trusted: Notation) {
    let examined = at(NOW, material, &image(), trusted);
    assert_eq!(examined.signed.len(), 1, "{:?}", examined.refusals);
}

#[track_caller]
fn refused(material: &Material, trusted: Notation, why: &str) {
    let examined = at(NOW, material, &image(), trusted);
    assert!(examined.signed.is_empty(), "believed");
    let said = examined.refusals.join("; ");
    assert!(said.contains(why), "{said}");
}

fn by_lists(lists: Vec<RevocationList>) -> Revocation {
    Revocation {
        lists,
        ..Revocation::default()
    }
}

fn setting() -> (Ca, Leaf) {
    let ca = Ca::new("Acme root");
    let leaf = ca.leaf("P-256", |_| {});
    (ca, leaf)
}

#[test]
fn either_form_with_every_kind_of_key_is_believed() {
    let ca = Ca::new("Acme root");
    for kind in ["P-256", "P-384", "P-521", "RSA-2048", "RSA-3072"] {
        let leaf = ca.leaf(kind, |_| {});
        for material in [leaf.good_jws(&image()), leaf.good_cose(&image())] {
            believed(&material, trusting(&ca));
        }
    }
}

#[test]
fn an_intermediate_authority_and_a_certificate_of_ones_own_are_chains_too() {
    let ca = Ca::new("Acme root");
    let key = KeyPair::generate().unwrap();
    let middle =
        rcgen::CertifiedIssuer::signed_by(authority("Acme issuing", |_| {}), key, &ca.0).unwrap();
    let leaf = issue(
        &middle,
        "P-256",
        vec![middle.der().to_vec(), ca.0.der().to_vec()],
        |_| {},
    );
    believed(&leaf.good_jws(&image()), trusting(&ca));
}

#[test]
fn unknown_critical_attributes_are_not_passed_over() {
    let (ca, leaf) = setting();
    let mut header = leaf.header();
    header["crit"] = json!([SCHEME, "io.example.new"]);
    header["io.example.new"] = json!(1);
    refused(
        &jws(&leaf.jws(&payload_of(&image()), &header, None)),
        trusting(&ca),
        "io.example.new is not known",
    );
    let extra = [("io.example.new", Cbor::Bool(true))];
    let material = leaf.cose(&payload_of(&image()), &[SCHEME, "io.example.new"], &extra);
    refused(&material, trusting(&ca), "io.example.new is not known");
    // Not critical: no harm.
    believed(
        &leaf.cose(&payload_of(&image()), &[SCHEME], &extra),
        trusting(&ca),
    );
}

#[test]
fn the_scheme_must_be_critical_and_known() {
    let (ca, leaf) = setting();
    for (crit, scheme, why) in [
        (json!([]), "notary.x509", "is not in crit"),
        (
            json!([SCHEME]),
            "notary.x509.signingAuthority",
            "signing scheme",
        ),
        (json!([SCHEME]), "none", "signing scheme"),
    ] {
        let mut header = leaf.header();
        header["crit"] = crit;
        header[SCHEME] = json!(scheme);
        refused(
            &jws(&leaf.jws(&payload_of(&image()), &header, None)),
            trusting(&ca),
            why,
        );
    }
    refused(
        &leaf.cose(&payload_of(&image()), &[], &[]),
        trusting(&ca),
        "is not in crit",
    );
}

#[test]
fn an_algorithm_that_is_not_the_keys_is_refused() {
    let (ca, leaf) = setting();
    for other in ["ES384", "PS256", "none", "HS256", "RS256"] {
        let mut header = leaf.header();
        header["alg"] = json!(other);
        refused(
            &jws(&leaf.jws(&payload_of(&image()), &header, None)),
            trusting(&ca),
            "algorithm",
        );
    }
}

#[test]
fn another_image_type_or_size_is_refused() {
    let (ca, leaf) = setting();
    let size = image().manifest.unwrap().len();
    for (target, why) in [
        (
            payload(&Digest::of(b"other"), media_type::OCI_MANIFEST, size),
            "it signs sha256:",
        ),
        (
            payload(&image().digest, media_type::OCI_INDEX, size),
            "another type or size",
        ),
        (
            payload(&image().digest, media_type::OCI_MANIFEST, size + 1),
            "another type or size",
        ),
        (json!({}), "malformed"),
        (
            json!({ "targetArtifact": { "mediaType": "x", "digest": image().digest, "size": 1 }, "more": 1 }),
            "malformed",
        ),
    ] {
        refused(
            &jws(&leaf.jws(&target, &leaf.header(), None)),
            trusting(&ca),
            why,
        );
        refused(&leaf.cose(&target, &[SCHEME], &[]), trusting(&ca), why);
    }
    let mut header = leaf.header();
    header["cty"] = json!("application/json");
    refused(
        &jws(&leaf.jws(&payload_of(&image()), &header, None)),
        trusting(&ca),
        "holds a",
    );
}

#[test]
fn a_jws_has_its_four_members_and_each_once() {
    let (ca, leaf) = setting();
    let good = leaf.jws(&payload_of(&image()), &leaf.header(), None);
    let mut more = good.clone();
    more["more"] = json!(1);
    refused(&jws(&more), trusting(&ca), "unknown field");
    let twice = good
        .to_string()
        .replacen('{', "{\"signature\":\"AAAA\",", 1);
    let twice = Material::Notation {
        envelope: twice.into(),
        media_type: "application/jose+json".to_owned(),
        answers: Vec::new(),
    };
    refused(&twice, trusting(&ca), "duplicate field");
    let Material::Notation { envelope, .. } = leaf.good_cose(&image()) else {
        unreachable!()
    };
    refused(
        &cose(envelope.slice(1..).to_vec()),
        trusting(&ca),
        "malformed",
    );
}

/// Attaches an envelope as notation does; by the configuration's type only, where the registry knows no artifact types.
pub(crate) fn attach(
    registry: &FakeRegistry,
    image: &Pushed,
    material: &Material,
    by_config: bool,
) {
    let Material::Notation {
        envelope,
        media_type,
        ..
    } = material
    else {
        unreachable!()
    };
    let layer = registry.push_blob(APP, envelope.clone());
    let config = registry.push_blob(APP, b"{}".as_slice());
    let kind = lazaret::trust::NOTATION_ARTIFACT;
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": { "mediaType": kind, "digest": config, "size": 2 }, "subject": image.descriptor,
        "layers": [{ "mediaType": media_type, "digest": layer, "size": envelope.len() }] });
    if !by_config {
        manifest["artifactType"] = json!(kind);
        manifest["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    }
    let bytes = manifest.to_string().into_bytes();
    let descriptor = Descriptor::of(media_type::OCI_MANIFEST, &bytes);
    registry.push_manifest(APP, media_type::OCI_MANIFEST, bytes);
    registry.refer(APP, &image.digest, descriptor);
}

fn policy_of(ca: &Ca) -> String {
    format!(
        "{LENIENT}\n[signer.acme]\nkind = \"notation\"\nca = [\"\"\"\n{}\"\"\"]\nsubjects = [\"O=Acme\"]\n\
         [[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nsigned_by = [\"acme\"]\n",
        ca.certificate().to_pem()
    )
}

pub(crate) const APP: &str = "acme/app";

#[tokio::test]
async fn a_pull_is_let_through_by_a_notation_signature_and_by_nothing_else() {
    let ca = Ca::new("Acme root");
    let long = |params: &mut rcgen::CertificateParams| params.not_after = date_time_ymd(2040, 1, 1);
    for by_config in [false, true] {
        let registry = FakeRegistry::start().await;
        let gate = Setup::new(&policy_of(&ca)).start(&registry).await;
        let client = gate.at_gateway();
        let [bare, strange, good] = ["bare", "strange", "good"].map(|tag| {
            let spec = ImageSpec {
                layers: vec![tag.into()],
                ..ImageSpec::default()
            };
            registry.push_image(APP, tag, &spec)
        });
        let signed = |leaf: &Leaf, image: &Pushed| {
            let target = payload(
                &image.digest,
                media_type::OCI_MANIFEST,
                usize::try_from(image.descriptor.size).unwrap(),
            );
            leaf.cose(&target, &[SCHEME], &[])
        };
        let stranger = Ca::new("Acme root").leaf("P-256", long);
        attach(&registry, &strange, &signed(&stranger, &strange), by_config);
        let leaf = ca.leaf("P-256", long);
        attach(&registry, &good, &signed(&stranger, &good), by_config);
        attach(&registry, &good, &signed(&leaf, &good), by_config);
        // Somebody's good signature of another image, attached to this one.
        attach(&registry, &bare, &signed(&leaf, &good), by_config);
        client.pull("ghcr.io/acme/app", "good").await.pulled();
        for (tag, why) in [
            ("strange", "its root CN=Acme root is not trusted"),
            ("bare", "it signs sha256:"),
        ] {
            let answer = client
                .get(&format!("/v2/ghcr.io/acme/app/manifests/{tag}"))
                .await;
            assert_eq!(answer.status, 403, "{tag}");
            assert!(answer.text().contains(why), "{}", answer.text());
        }
    }
}

//! Notary Project signatures: what is believed, and one test for each way of not being.

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

#[test]
fn a_root_or_a_subject_that_the_policy_does_not_name_is_refused() {
    let (ca, leaf) = setting();
    refused(
        &leaf.good_jws(&image()),
        trusting(&Ca::new("Acme root")),
        "its root CN=Acme root is not trusted",
    );
    let mut other = trusting(&ca);
    other.subjects = vec![SubjectName::parse("O=Acme, CN=release").unwrap()];
    refused(&leaf.good_jws(&image()), other, "it is signed by");
    let mut none = trusting(&ca);
    none.subjects.clear();
    refused(&leaf.good_jws(&image()), none, "it is signed by");
}

#[test]
fn a_broken_chain_is_refused() {
    let (ca, mut leaf) = setting();
    leaf.chain.truncate(1);
    refused(&leaf.good_jws(&image()), trusting(&ca), "is no root");
    leaf.chain.push(Ca::new("Acme root").0.der().to_vec());
    refused(&leaf.good_jws(&image()), trusting(&ca), "is not signed so");
    leaf.chain.clear();
    refused(&leaf.good_jws(&image()), trusting(&ca), "no certificate");
    let (ca, mut leaf) = setting();
    leaf.chain
        .extend(std::iter::repeat_n(ca.0.der().to_vec(), 20));
    refused(&leaf.good_jws(&image()), trusting(&ca), "more than 16");
}

#[test]
fn certificates_for_other_things_sign_nothing() {
    let ca = Ca::new("Acme root");
    for usage in [
        ExtendedKeyUsagePurpose::Any,
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::EmailProtection,
        ExtendedKeyUsagePurpose::TimeStamping,
    ] {
        let leaf = ca.leaf("P-256", |params| params.extended_key_usages.push(usage));
        refused(
            &leaf.good_jws(&image()),
            trusting(&ca),
            "for other things than code",
        );
    }
    let unsaid = ca.leaf("P-256", |params| params.key_usages.clear());
    refused(
        &unsaid.good_jws(&image()),
        trusting(&ca),
        "not one for signatures alone",
    );
    let both = ca.leaf("P-256", |params| {
        params.key_usages.push(KeyUsagePurpose::CrlSign)
    });
    refused(
        &both.good_jws(&image()),
        trusting(&ca),
        "not one for signatures alone",
    );
    let authority = ca.leaf("P-256", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)
    });
    refused(
        &authority.good_jws(&image()),
        trusting(&ca),
        "is an authority's",
    );
}

#[test]
fn a_leaf_cannot_issue_and_path_lengths_hold() {
    let ca = Ca::new("Acme root");
    let key = KeyPair::generate().unwrap();
    let no_ca = authority("not an authority", |params| params.is_ca = IsCa::NoCa);
    let middle = rcgen::CertifiedIssuer::signed_by(no_ca, key, &ca.0).unwrap();
    let leaf = issue(
        &middle,
        "P-256",
        vec![middle.der().to_vec(), ca.0.der().to_vec()],
        |_| {},
    );
    refused(
        &leaf.good_jws(&image()),
        trusting(&ca),
        "may not issue certificates",
    );

    let short = authority("short root", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))
    });
    let short =
        Ca(rcgen::CertifiedIssuer::self_signed(short, KeyPair::generate().unwrap()).unwrap());
    let middle = rcgen::CertifiedIssuer::signed_by(
        authority("middle", |_| {}),
        KeyPair::generate().unwrap(),
        &short.0,
    )
    .unwrap();
    let leaf = issue(
        &middle,
        "P-256",
        vec![middle.der().to_vec(), short.0.der().to_vec()],
        |_| {},
    );
    refused(
        &leaf.good_jws(&image()),
        trusting(&short),
        "more authorities below it",
    );
}

#[test]
fn an_expired_signature_is_refused_unless_the_level_is_permissive() {
    let (ca, leaf) = setting();
    let mut header = leaf.header();
    header[EXPIRY] = json!("2026-06-01T12:00:00Z");
    refused(
        &jws(&leaf.jws(&payload_of(&image()), &header, None)),
        trusting(&ca),
        "is not in crit",
    );
    header["crit"] = json!([SCHEME, EXPIRY]);
    let expired = jws(&leaf.jws(&payload_of(&image()), &header, None));
    refused(
        &expired,
        trusting(&ca),
        "the signature expired on 2026-06-01",
    );
    let permissive = Notation {
        level: NotationLevel::Permissive,
        ..trusting(&ca)
    };
    believed(&expired, permissive);
    let seconds = Cbor::Tag(1, Box::new(Cbor::from(1_780_000_000)));
    let material = leaf.cose(
        &payload_of(&image()),
        &[SCHEME, EXPIRY],
        &[(EXPIRY, seconds)],
    );
    refused(&material, trusting(&ca), "the signature expired on");
}

#[test]
fn an_expired_certificate_needs_a_timestamp() {
    let (ca, leaf) = setting();
    let stamps = Ca::new("stamps root");
    let trusted = || Notation {
        timestamp_roots: vec![stamps.certificate()],
        ..trusting(&ca)
    };
    let later = "2030-01-01T00:00:00Z";
    let plain = at(later, &leaf.good_jws(&image()), &image(), trusted());
    assert!(
        plain.refusals[0].contains("is good from"),
        "{:?}",
        plain.refusals
    );
    for kind in ["P-256", "RSA-2048"] {
        let stamper = stamps.leaf(kind, stamping);
        let stamp = |message: &[u8]| stamper.stamp(message, "20260601120000.25Z");
        let stamped = jws(&leaf.jws(&payload_of(&image()), &leaf.header(), Some(&stamp)));
        let examined = at(later, &stamped, &image(), trusted());
        let [signed] = examined.signed.as_slice() else {
            panic!("{kind}: {:?}", examined.refusals)
        };
        assert_eq!(signed.at, Some("2026-06-01T12:00:01.25Z".parse().unwrap()));
    }
}

#[test]
fn a_timestamp_that_is_wrong_in_any_way_is_refused() {
    let (ca, leaf) = setting();
    let stamps = Ca::new("stamps root");
    let trusted = || Notation {
        timestamp_roots: vec![stamps.certificate()],
        ..trusting(&ca)
    };
    let stamped = |stamp: &dyn Fn(&[u8]) -> Vec<u8>| {
        jws(&leaf.jws(&payload_of(&image()), &leaf.header(), Some(stamp)))
    };
    let good = stamps.leaf("P-256", stamping);
    believed(
        &stamped(&|message| good.stamp(message, "20260601120000Z")),
        trusted(),
    );

    refused(
        &stamped(&|_| good.stamp(b"other bytes", "20260601120000Z")),
        trusted(),
        "of something else",
    );
    refused(
        &stamped(&|message| good.stamp(message, "20250601120000Z")),
        trusted(),
        "is good from",
    );
    refused(
        &stamped(&|message| good.stamp(message, "20261001120000Z")),
        trusted(),
        "yet to come",
    );
    refused(
        &stamped(&|_| b"garbage".to_vec()),
        trusted(),
        "malformed timestamp",
    );
    let stranger = Ca::new("stamps root").leaf("P-256", stamping);
    refused(
        &stamped(&|message| stranger.stamp(message, "20260601120000Z")),
        trusted(),
        "no trusted root vouches",
    );
    let ordinary = stamps.leaf("P-256", |_| {});
    refused(
        &stamped(&|message| ordinary.stamp(message, "20260601120000Z")),
        trusted(),
        "no timestamp authority",
    );
    let short = stamps.leaf("P-256", |params| {
        stamping(params);
        params.not_before = date_time_ymd(2026, 6, 2);
    });
    refused(
        &stamped(&|message| short.stamp(message, "20260601120000Z")),
        trusted(),
        "is good from",
    );
    let mut borrowed = stamps.leaf("P-256", stamping);
    borrowed.chain = good.chain.clone();
    refused(
        &stamped(&|message| borrowed.stamp(message, "20260601120000Z")),
        trusted(),
        "does not hold",
    );
}

#[test]
fn a_timestamp_authority_that_was_revoked_tells_no_time() {
    let (ca, leaf) = setting();
    let stamps = Ca::new("stamps root");
    let stamper = stamps.leaf("P-256", stamping);
    let stamp = |message: &[u8]| stamper.stamp(message, "20260601120000Z");
    let material = jws(&leaf.jws(&payload_of(&image()), &leaf.header(), Some(&stamp)));
    let trusted = |lists| Notation {
        timestamp_roots: vec![stamps.certificate()],
        revocation: Some(by_lists(lists)),
        ..trusting(&ca)
    };
    believed(&material, trusted(vec![stamps.revocation_list(&[8])]));
    refused(
        &material,
        trusted(vec![stamps.revocation_list(&[7])]),
        "was revoked",
    );
}

#[test]
fn what_must_be_understood_in_a_certificate_and_is_not_refuses_it() {
    let ca = Ca::new("Acme root");
    for (critical, good) in [(false, true), (true, false)] {
        let leaf = ca.leaf("P-256", |params| {
            let mut unknown =
                rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99], vec![5, 0]);
            unknown.set_criticality(critical);
            params.custom_extensions.push(unknown);
        });
        match good {
            true => believed(&leaf.good_jws(&image()), trusting(&ca)),
            false => refused(
                &leaf.good_jws(&image()),
                trusting(&ca),
                "critical extension that is not understood",
            ),
        }
    }
}

#[test]
fn a_signer_cannot_choose_the_time_by_calling_itself_an_authority() {
    let (ca, leaf) = setting();
    let mut header = leaf.header();
    header[SCHEME] = json!("notary.x509.signingAuthority");
    header["crit"] = json!([SCHEME, AUTHENTIC]);
    header[AUTHENTIC] = json!("2026-03-01T00:00:00Z");
    let material = jws(&leaf.jws(&payload_of(&image()), &header, None));
    refused(&material, trusting(&ca), "is not trusted");
    let authorities = Notation {
        roots: Vec::new(),
        authority_roots: vec![ca.certificate()],
        ..trusting(&ca)
    };
    let examined = at(
        "2030-01-01T00:00:00Z",
        &material,
        &image(),
        authorities.clone(),
    );
    assert_eq!(examined.signed.len(), 1, "{:?}", examined.refusals);
    refused(
        &leaf.good_jws(&image()),
        authorities.clone(),
        "is not trusted",
    );
    header[AUTHENTIC] = json!("2026-07-01T00:00:00Z");
    refused(
        &jws(&leaf.jws(&payload_of(&image()), &header, None)),
        authorities,
        "yet to come",
    );
}

#[test]
fn revoked_certificates_are_refused_and_unknown_ones_by_level() {
    let ca = Ca::new("Acme root");
    let leaf = ca.leaf("P-256", |params| {
        params.crl_distribution_points = vec![CrlDistributionPoint {
            uris: vec!["http://crl.example/root".to_owned()],
        }];
    });
    let with = |lists| Notation {
        revocation: Some(by_lists(lists)),
        ..trusting(&ca)
    };
    let material = leaf.good_jws(&image());
    refused(
        &material,
        with(vec![ca.revocation_list(&[7])]),
        "was revoked",
    );
    believed(&material, with(vec![ca.revocation_list(&[8])]));
    refused(
        &material,
        with(Vec::new()),
        "no revocation list of CN=Acme root",
    );
    refused(
        &material,
        with(vec![Ca::new("Acme root").revocation_list(&[])]),
        "did not sign the revocation list",
    );
    believed(
        &material,
        Notation {
            revocation: None,
            ..trusting(&ca)
        },
    );
    believed(
        &material,
        Notation {
            level: NotationLevel::Permissive,
            ..with(Vec::new())
        },
    );
    let revoked = Notation {
        level: NotationLevel::Permissive,
        ..with(vec![ca.revocation_list(&[7])])
    };
    refused(&material, revoked, "was revoked");
    let stale = at(
        "2027-02-01T00:00:00Z",
        &material,
        &image(),
        with(vec![ca.revocation_list(&[8])]),
    );
    assert!(stale.signed.is_empty());
}

/// Every byte of what is signed, of the signature and of the leaf counts.
#[test]
fn whatever_is_changed_in_a_good_envelope_it_is_no_longer_believed() {
    let (ca, leaf) = setting();
    let Material::Notation { envelope, .. } = leaf.good_cose(&image()) else {
        unreachable!()
    };
    let chain = leaf.chain.iter().map(Vec::len).sum::<usize>();
    let (mut harmless, mut changed) = (0, 0);
    for at_byte in 0..envelope.len() {
        let mut bytes = envelope.to_vec();
        bytes[at_byte] ^= 0x01;
        changed += 1;
        harmless += at(NOW, &cose(bytes), &image(), trusting(&ca)).signed.len();
    }
    assert_eq!(
        harmless, 0,
        "of {changed} changes, {chain} of them in certificates"
    );

    let good = leaf.jws(&payload_of(&image()), &leaf.header(), None);
    for member in ["payload", "protected", "signature"] {
        let text = good[member].as_str().unwrap().to_owned();
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'Q' } else { b'A' };
            let mut bad = good.clone();
            bad[member] = json!(String::from_utf8(other).unwrap());
            let examined = at(NOW, &jws(&bad), &image(), trusting(&ca));
            assert!(examined.signed.is_empty(), "{member} at {place}");
        }
    }
    let der = STANDARD
        .decode(good["header"]["x5c"][0].as_str().unwrap())
        .unwrap();
    for place in 0..der.len() {
        let mut other = der.clone();
        other[place] ^= 0x01;
        let mut bad = good.clone();
        bad["header"]["x5c"][0] = json!(STANDARD.encode(other));
        let examined = at(NOW, &jws(&bad), &image(), trusting(&ca));
        assert!(examined.signed.is_empty(), "certificate at {place}");
    }
}

#[test]
fn no_flipped_byte_of_a_timestamp_moves_the_time() {
    let (ca, leaf) = setting();
    let stamps = Ca::new("stamps root");
    let stamper = stamps.leaf("P-256", stamping);
    let trusted = || Notation {
        timestamp_roots: vec![stamps.certificate()],
        ..trusting(&ca)
    };
    let good = leaf.jws(
        &payload_of(&image()),
        &leaf.header(),
        Some(&|message| stamper.stamp(message, "20260601120000Z")),
    );
    let member = "io.cncf.notary.timestampSignature";
    let token = STANDARD
        .decode(good["header"][member].as_str().unwrap())
        .unwrap();
    let time = at(NOW, &jws(&good), &image(), trusted()).signed[0].at;
    for place in 0..token.len() {
        let mut other = token.clone();
        other[place] ^= 0x01;
        let mut bad = good.clone();
        bad["header"][member] = json!(STANDARD.encode(other));
        for signed in at(NOW, &jws(&bad), &image(), trusted()).signed {
            // A certificate of the chain that nobody needs may be garbage.
            assert_eq!(signed.at, time, "at {place}");
        }
    }
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

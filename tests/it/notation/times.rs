//! When a signature was made, and who may say so.

use super::*;

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

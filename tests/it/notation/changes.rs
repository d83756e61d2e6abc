//! Revoked certificates, and envelopes in which something was changed.

use super::*;

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

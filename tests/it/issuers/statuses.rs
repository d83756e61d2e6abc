//! Statuses by OCSP (RFC 6960): who may tell them, and of when.

use super::*;

/// How a status is told; the good one is what is changed.
struct Reply<'a> {
    status: CertStatus,
    from: &'a str,
    until: Option<&'a str>,
    signer: &'a dyn Fn(&[u8]) -> Vec<u8>,
    certificate: Option<&'a Leaf>,
    about: &'a dyn Fn(&mut CertId),
}

fn keep(_: &mut CertId) {}

fn good<'a>(signer: &'a dyn Fn(&[u8]) -> Vec<u8>) -> Reply<'a> {
    Reply {
        status: CertStatus::Good(Null),
        from: "2026-06-01T00:00:00Z",
        until: Some("2026-06-03T00:00:00Z"),
        signer,
        certificate: None,
        about: &keep,
    }
}

fn time(text: &str) -> OcspGeneralizedTime {
    let at: DateTime = text.parse().unwrap();
    OcspGeneralizedTime(GeneralizedTime::from_date_time(at))
}

fn revoked() -> CertStatus {
    CertStatus::Revoked(RevokedInfo {
        revocation_time: time("2026-05-01T00:00:00Z"),
        revocation_reason: None,
    })
}

/// What a responder answers to the question in an address.
fn reply(address: &str, how: &Reply<'_>) -> Vec<u8> {
    use base64::Engine;
    let asked = address.rsplit('/').next().unwrap();
    let asked = percent_decode_str(asked).decode_utf8().unwrap();
    let asked = base64::engine::general_purpose::STANDARD.decode(asked.as_bytes());
    let asked = OcspRequest::from_der(&asked.unwrap()).unwrap();
    let mut of = asked.tbs_request.request_list[0].req_cert.clone();
    (how.about)(&mut of);
    let data = ResponseData {
        version: Default::default(),
        responder_id: ResponderId::ByKey(OctetString::new([0; 20]).unwrap()),
        produced_at: time(how.from),
        responses: vec![SingleResponse {
            cert_id: of,
            cert_status: how.status,
            this_update: time(how.from),
            next_update: how.until.map(time),
            single_extensions: None,
        }],
        response_extensions: None,
    };
    let signature = (how.signer)(&data.to_der().unwrap());
    let certificate = how.certificate.map(|leaf| &leaf.chain[0]);
    let basic = BasicOcspResponse {
        tbs_response_data: data,
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
            parameters: None,
        },
        signature: BitString::from_bytes(&signature).unwrap(),
        certs: certificate.map(|der| vec![Decode::from_der(der).unwrap()]),
    };
    let answer = OcspResponse {
        response_status: OcspResponseStatus::Successful,
        response_bytes: Some(ResponseBytes {
            response_type: BasicOcspResponse::OID,
            response: OctetString::new(basic.to_der().unwrap()).unwrap(),
        }),
    };
    answer.to_der().unwrap()
}

#[test]
fn a_status_counts_when_whoever_may_tell_it_does() {
    let ca = Ca::new("Acme root");
    let leaf = ca.leaf("P-256", |params| responder(params, RESPONDER));
    let appointed = ca.leaf("P-256", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    });
    let (material, trusted) = (leaf.good_jws(&image()), asking(&ca));
    let asked = question(&material, &[], &trusted);
    let by_root = |message: &[u8]| ca.sign(message);
    let by_appointed = |message: &[u8]| appointed.raw(message);
    let by_leaf = |message: &[u8]| leaf.raw(message);
    let stranger = Ca::new("Acme root");
    let by_stranger = |message: &[u8]| stranger.sign(message);
    let strangers = stranger.leaf("P-256", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    });
    let by_strangers = |message: &[u8]| strangers.raw(message);
    let another =
        |of: &mut CertId| of.serial_number = x509_cert::serial_number::SerialNumber::from(9u8);
    let delegated = Reply {
        certificate: Some(&appointed),
        ..good(&by_appointed)
    };
    let without_end = Reply {
        until: None,
        from: "2026-06-01T12:00:00Z",
        ..good(&by_root)
    };
    let cases: [(&str, Reply<'_>, &str); 11] = [
        ("by the issuer", good(&by_root), ""),
        ("by one whom it appointed", delegated, ""),
        ("without an end", without_end, ""),
        (
            "revoked",
            Reply {
                status: revoked(),
                ..good(&by_root)
            },
            "was revoked by its issuer",
        ),
        (
            "unknown",
            Reply {
                status: CertStatus::Unknown(Null),
                ..good(&by_root)
            },
            "does not know the certificate",
        ),
        (
            "by a stranger",
            good(&by_stranger),
            "appointed signed the answer",
        ),
        (
            "by a signer",
            Reply {
                certificate: Some(&leaf),
                ..good(&by_leaf)
            },
            "appointed signed the answer",
        ),
        (
            "appointed by a stranger",
            Reply {
                certificate: Some(&strangers),
                ..good(&by_strangers)
            },
            "is not signed so",
        ),
        (
            "about another",
            Reply {
                about: &another,
                ..good(&by_root)
            },
            "about other certificates",
        ),
        (
            "too old",
            Reply {
                until: Some("2026-06-01T12:00:00Z"),
                ..good(&by_root)
            },
            "is good from",
        ),
        (
            "old without an end",
            Reply {
                until: None,
                ..good(&by_root)
            },
            "",
        ),
    ];
    for (what, how, why) in cases {
        let bytes = reply(&asked.address, &how);
        let told = asked.answer(&bytes, NOW.parse().unwrap());
        let said = match told {
            Ok(answer) => {
                let examined = examined(&material, vec![answer], &trusted);
                assert_eq!(
                    examined.signed.is_empty(),
                    !why.is_empty(),
                    "{what}: {:?}",
                    examined.refusals
                );
                examined.refusals.join("; ")
            }
            Err(error) => error,
        };
        assert!(said.contains(why), "{what}: {said}");
        assert_eq!(said.is_empty(), why.is_empty(), "{what}: {said}");
    }
    let bytes = reply(&asked.address, &good(&by_root));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x01;
        if let Ok(answer) = asked.answer(&changed, NOW.parse().unwrap()) {
            // Only what nobody signs, such as the parameters of an algorithm's name, may differ.
            let believed = examined(&material, vec![answer], &trusted);
            assert_eq!(believed.signed.len(), 1, "byte {at}");
        }
    }
}

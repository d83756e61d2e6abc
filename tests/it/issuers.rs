//! What issuers of certificates tell when they are asked: lists (RFC 5280) and statuses (RFC 6960).

mod statuses;

use lazaret::trust::{
    Answer, Examined, Material, Notation, NotationLevel, Question, Revocation, Roots, Signer,
    SignerKind, examine,
};
use percent_encoding::percent_decode_str;
use rcgen::{CertificateParams, CrlDistributionPoint, CustomExtension, ExtendedKeyUsagePurpose};
use x509_cert::der::asn1::{BitString, GeneralizedTime, Null, OctetString};
use x509_cert::der::oid::{AssociatedOid, ObjectIdentifier};
use x509_cert::der::{DateTime, Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    OcspResponseStatus, ResponderId, ResponseBytes, ResponseData, RevokedInfo, SingleResponse,
};

use crate::notation::{APP, NOW, attach};
use crate::support::fake_registry::{FakeRegistry, Fault, ImageSpec, Times};
use crate::support::gate::{LENIENT, Setup};
use crate::support::notary::{Ca, Leaf, SCHEME, image, payload, trusting};
use lazaret::oci::media_type;

const LIST: &str = "http://crl.example/root.crl";
const RESPONDER: &str = "http://ocsp.example/ask/";

/// `authorityInfoAccess` with one responder.
fn responder(params: &mut CertificateParams, address: &str) {
    let bytes =
        |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let ocsp = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
    let entry = bytes(
        0x30,
        &[&ocsp, bytes(0x86, address.as_bytes()).as_slice()].concat(),
    );
    let id = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    let extension = CustomExtension::from_oid_content(&id, bytes(0x30, &entry));
    params.custom_extensions.push(extension);
}

fn list(params: &mut CertificateParams, address: &str) {
    params.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec![address.to_owned()],
    }];
}

fn asking(ca: &Ca) -> Notation {
    Notation {
        revocation: Some(Revocation {
            ask: true,
            ..Revocation::default()
        }),
        ..trusting(ca)
    }
}

fn examined(material: &Material, answers: Vec<Answer>, trusted: &Notation) -> Examined {
    let Material::Notation {
        envelope,
        media_type,
        ..
    } = material
    else {
        unreachable!()
    };
    let material = Material::Notation {
        envelope: envelope.clone(),
        media_type: media_type.clone(),
        answers,
    };
    let signer = Signer {
        name: "acme".to_owned(),
        kind: SignerKind::Notation(trusted.clone()),
    };
    let now = NOW.parse().unwrap();
    examine(&material, &image(), &[&signer], &Roots::embedded(), now)
}

/// The only question that the signature leaves after these answers.
fn question(material: &Material, answers: &[Answer], trusted: &Notation) -> Question {
    let left = examined(material, answers.to_vec(), trusted);
    assert!(left.signed.is_empty() || trusted.level == NotationLevel::Permissive);
    let [question] = left.questions.as_slice() else {
        panic!("{:?}", left.questions)
    };
    question.clone()
}

#[test]
fn lists_are_asked_for_first_then_the_status_and_nothing_twice() {
    let ca = Ca::new("Acme root");
    let leaf = ca.leaf("P-256", |params| {
        list(params, LIST);
        responder(params, RESPONDER);
    });
    let (material, trusted) = (leaf.good_jws(&image()), asking(&ca));
    let first = question(&material, &[], &trusted);
    assert_eq!(first.address, LIST);
    let none = first.unanswered("crl.example does not answer");
    let second = question(&material, std::slice::from_ref(&none), &trusted);
    assert!(
        second.address.starts_with("http://ocsp.example/ask/ME"),
        "{}",
        second.address
    );
    let neither = second.unanswered("ocsp.example does not answer");
    let left = examined(&material, vec![none, neither], &trusted);
    assert!(left.questions.is_empty() && left.signed.is_empty());
    let why = "acme: whether the certificate of O=Acme,C=US,CN=ci was revoked cannot be learnt: crl.example does not \
               answer; ocsp.example does not answer";
    assert_eq!(left.refusals, [why]);
    // Nobody is asked by a signature whose chain nobody trusts.
    let stranger = Ca::new("Acme root").leaf("P-256", |params| list(params, LIST));
    let asked = examined(&stranger.good_jws(&image()), Vec::new(), &trusted);
    assert!(asked.questions.is_empty(), "{:?}", asked.questions);
    // Nor where the policy does not want it.
    let silent = Notation {
        revocation: Some(Revocation::default()),
        ..trusting(&ca)
    };
    assert!(
        examined(&material, Vec::new(), &silent)
            .questions
            .is_empty()
    );
}

#[test]
fn a_list_that_was_fetched_counts_as_one_beside_the_policy() {
    let ca = Ca::new("Acme root");
    let leaf = ca.leaf("P-256", |params| list(params, LIST));
    let (material, trusted) = (leaf.good_jws(&image()), asking(&ca));
    let asked = question(&material, &[], &trusted);
    let now = NOW.parse().unwrap();
    let told = |bytes: &[u8]| vec![asked.answer(bytes, now).unwrap()];
    let after = |answers| examined(&material, answers, &trusted);
    assert_eq!(
        after(told(&ca.list_until(&[8], 2027, None))).signed.len(),
        1
    );
    assert_eq!(
        after(told(&ca.list_until(&[8], 2027, Some(LIST))))
            .signed
            .len(),
        1
    );
    let named = after(told(&ca.list_until(&[7], 2027, None)));
    assert!(named.refusals[0].contains("was revoked by its issuer"));
    let other = after(told(&ca.list_until(
        &[7],
        2027,
        Some("http://crl.example/2"),
    )));
    assert!(other.signed.is_empty() && !other.refusals[0].contains("was revoked"));
    let wrong = [
        (
            Ca::new("Acme root").list_until(&[], 2027, None),
            "did not sign",
        ),
        (b"<html>".to_vec(), "no certificate revocation list"),
        (vec![0; 5 << 20], "more than 4194304 bytes"),
    ];
    for (bytes, why) in wrong {
        let error = asked.answer(&bytes, now).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    // Of last year: the policy says for how long that is good enough.
    let old = ca.list_until(&[8], 2026, None);
    let mut lenient = trusted.clone();
    for (days, believed) in [(150, 0), (160, 1)] {
        let hours = std::time::Duration::from_secs(days * 86_400);
        lenient.revocation.as_mut().unwrap().grace = hours;
        assert_eq!(
            examined(&material, told(&old), &lenient).signed.len(),
            believed
        );
    }
}

#[tokio::test]
async fn a_pull_waits_for_the_issuers_word_which_is_kept() {
    let ca = Ca::new("Acme root");
    let registry = FakeRegistry::start().await;
    let address = format!("{}/root.crl", registry.url());
    let leaf = ca.leaf("P-256", |params| {
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
        list(params, &address);
    });
    let policy = format!(
        "{LENIENT}\n[signer.acme]\nkind = \"notation\"\nca = [\"\"\"\n{}\"\"\"]\nsubjects = [\"O=Acme\"]\n\
         revocation = \"fetched\"\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nsigned_by = [\"acme\"]\n",
        ca.certificate().to_pem()
    );
    let push = |tag: &str| {
        let layers = vec![tag.to_owned().into()];
        let pushed = registry.push_image(
            APP,
            tag,
            &ImageSpec {
                layers,
                ..ImageSpec::default()
            },
        );
        let size = usize::try_from(pushed.descriptor.size).unwrap();
        let signed = leaf.cose(
            &payload(&pushed.digest, media_type::OCI_MANIFEST, size),
            &[SCHEME],
            &[],
        );
        attach(&registry, &pushed, &signed, false);
    };
    for tag in ["silent", "one", "two", "three"] {
        push(tag);
    }
    let tell = |bytes: Vec<u8>| {
        registry.clear_faults();
        registry.fault(
            "/root.crl",
            Times::Always,
            Fault::Status(200, Vec::new(), bytes),
        );
    };
    let gate = Setup::new(&policy).start(&registry).await;
    let refused = async |tag: &str, why: &str| {
        let at = format!("/v2/ghcr.io/acme/app/manifests/{tag}");
        let answer = gate.at_gateway().get(&at).await;
        assert_eq!(answer.status, 403, "{tag}");
        assert!(answer.text().contains(why), "{}", answer.text());
    };
    refused("silent", "cannot be learnt").await;
    tell(ca.list_until(&[8], 2039, None));
    gate.at_gateway()
        .pull("ghcr.io/acme/app", "one")
        .await
        .pulled();
    let asked = || {
        registry
            .requests()
            .iter()
            .filter(|by| by.path == "/root.crl")
            .count()
    };
    let before = asked();
    gate.at_gateway()
        .pull("ghcr.io/acme/app", "two")
        .await
        .pulled();
    assert_eq!(asked(), before, "what is fresh is not asked for again");
    let folder = gate.folder.path().join("revocations");
    std::fs::remove_dir_all(folder).unwrap();
    tell(ca.list_until(&[7], 2039, None));
    refused("three", "was revoked by its issuer").await;
}

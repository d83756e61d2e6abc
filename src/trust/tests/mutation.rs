//! Whatever is changed in good material, it is no longer believed.

use std::fs;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::conformance::vectors;
use crate::oci::Digest;
use crate::trust::{
    Hash, Image, Keyless, Material, PUBLIC_GOOD, PublicKey, Roots, Signer, SignerKind, Subject,
    examine,
};

fn believed(material: &Material, image: &Image, signer: &Signer) -> bool {
    !examine(
        material,
        image,
        &[signer],
        &Roots::embedded(),
        jiff::Timestamp::UNIX_EPOCH,
    )
    .signed
    .is_empty()
}

struct Keyed {
    pair: EcdsaKeyPair,
    signer: Signer,
    image: Image,
}

fn keyed() -> Keyed {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let keys = vec![PublicKey::from_spki(spki.as_ref()).unwrap()];
    let kind = SignerKind::Key {
        keys,
        hash: Hash::Auto,
        log: None,
    };
    let manifest = Bytes::from_static(b"{\"schemaVersion\":2}");
    Keyed {
        pair,
        signer: Signer {
            name: "ci".to_owned(),
            kind,
        },
        image: Image {
            digest: Digest::of(&manifest),
            manifest: Some(manifest),
        },
    }
}

impl Keyed {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }
}

/// Every copy of `bytes` with one bit of one byte turned.
fn turned(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).map(|at| {
        let mut turned = bytes.to_vec();
        turned[at] ^= 1 << (at % 8);
        turned
    })
}

#[test]
fn a_classic_signature_with_any_byte_turned() {
    let keyed = keyed();
    let payload = json!({ "critical": {
        "identity": { "docker-reference": "ghcr.io/acme/app" },
        "image": { "docker-manifest-digest": keyed.image.digest },
        "type": "cosign container image signature" }, "optional": null });
    let payload = payload.to_string().into_bytes();
    let signature = keyed.sign(&payload);
    let material = |payload: &[u8], signature: &[u8]| Material::Simple {
        payload: payload.to_vec().into(),
        annotations: [(
            "dev.cosignproject.cosign/signature".to_owned(),
            STANDARD.encode(signature),
        )]
        .into(),
    };
    assert!(believed(
        &material(&payload, &signature),
        &keyed.image,
        &keyed.signer
    ));
    for payload in turned(&payload) {
        assert!(!believed(
            &material(&payload, &signature),
            &keyed.image,
            &keyed.signer
        ));
    }
    for signature in turned(&signature) {
        assert!(!believed(
            &material(&payload, &signature),
            &keyed.image,
            &keyed.signer
        ));
    }
}

#[test]
fn an_envelope_with_any_byte_turned() {
    let keyed = keyed();
    let payload = json!({ "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": keyed.image.digest.hex() } }],
        "predicateType": "https://sigstore.dev/cosign/sign/v1", "predicate": {} });
    let payload = payload.to_string().into_bytes();
    let kind = "application/vnd.in-toto+json";
    let mut pae = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    pae.extend_from_slice(&payload);
    let signature = keyed.sign(&pae);
    let material = |payload: &[u8], signature: &[u8], kind: &str| {
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": "" } },
            "dsseEnvelope": { "payload": STANDARD.encode(payload), "payloadType": kind,
                "signatures": [{ "sig": STANDARD.encode(signature) }] } });
        Material::Bundle(bundle.to_string().into())
    };
    let is_believed = |payload: &[u8], signature: &[u8], kind: &str| {
        believed(
            &material(payload, signature, kind),
            &keyed.image,
            &keyed.signer,
        )
    };
    assert!(is_believed(&payload, &signature, kind));
    assert!(!is_believed(&payload, &signature, "application/json"));
    for turned in turned(&payload) {
        assert!(!is_believed(&turned, &signature, kind));
    }
    for turned in turned(&signature) {
        assert!(!is_believed(&payload, &turned, kind));
    }
}

/// Every copy of a document with one of its values changed or left out, with the place of the change.
fn changed(document: &Value) -> Vec<(String, Value)> {
    fn places(value: &Value, at: String, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(key, value)| places(value, format!("{at}/{key}"), all)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, format!("{at}/{index}"), all)),
            _ => all.push(at),
        }
    }
    let mut all = Vec::new();
    places(document, String::new(), &mut all);
    let mut copies = Vec::new();
    for place in all {
        let Some(text) = document.pointer(&place).and_then(Value::as_str) else {
            continue;
        };
        // The name before a checkpoint's signature is a label; the log's key is found by the hint after it.
        let label = text.find("\u{2014} ").zip(text.rfind(' '));
        for at in [0, text.len() / 2, text.len().saturating_sub(4)] {
            if label.is_some_and(|(start, end)| (start..end).contains(&at)) {
                continue;
            }
            let mut letters = text.as_bytes().to_vec();
            let Some(letter) = letters.get_mut(at) else {
                continue;
            };
            *letter = match *letter {
                b'A' => b'B',
                b'1' => b'2',
                b'0'..=b'9' => b'1',
                _ => b'A',
            };
            let mut copy = document.clone();
            *copy.pointer_mut(&place).unwrap() = json!(String::from_utf8(letters).unwrap());
            copies.push((format!("{place} at {at}"), copy));
        }
    }
    copies
}

#[test]
fn a_keyless_bundle_with_any_value_changed() {
    let Some(folder) = vectors() else {
        println!("sigstore-conformance is not here: set LAZARET_VECTORS");
        return;
    };
    let case = folder.join("happy-path-v0.3");
    let bundle: Value =
        serde_json::from_slice(&fs::read(case.join("bundle.sigstore.json")).unwrap()).unwrap();
    let artifact = Bytes::from(fs::read(folder.join("a.txt")).unwrap());
    let image = Image {
        digest: Digest::of(&artifact),
        manifest: Some(artifact),
    };
    let signer = Signer {
        name: "beacon".to_owned(),
        kind: SignerKind::Keyless(Keyless {
            root: PUBLIC_GOOD.to_owned(),
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
            subject: Subject::parse(
                "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/**",
            )
            .unwrap(),
            claims: Default::default(),
        }),
    };
    let is_believed = |bundle: &Value| {
        let material = Material::Bundle(bundle.to_string().into());
        believed(&material, &image, &signer)
    };
    assert!(is_believed(&bundle));
    let copies = changed(&bundle);
    assert!(copies.len() > 30, "{}", copies.len());
    let passed: Vec<&str> = copies
        .iter()
        .filter(|(_, copy)| is_believed(copy))
        .map(|(place, _)| place.as_str())
        .collect();
    assert!(passed.is_empty(), "{passed:#?}");

    // Entries beside the one that proves something, and an older version that would need less proof.
    let entry = bundle["verificationMaterial"]["tlogEntries"][0].clone();
    let mut twice = bundle.clone();
    twice["verificationMaterial"]["tlogEntries"] = json!([entry, entry]);
    assert!(!is_believed(&twice));
    let mut none = bundle.clone();
    none["verificationMaterial"]["tlogEntries"] = json!([]);
    assert!(!is_believed(&none));
    let mut older = bundle.clone();
    older["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1");
    assert!(!is_believed(&older));
}

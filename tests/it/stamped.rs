//! Timestamps of Sigstore signatures that have fractions of seconds: verified by our own reader, and not passed over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::oci::Digest;
use lazaret::trust::{
    Examined, Image, Keyless, Material, Root, Roots, Signer, SignerKind, Subject, examine,
};
use serde_json::{Value, json};

use crate::support::instance::{Instance, Who, unlog};
use crate::support::notary::{Ca, Leaf, stamping};
use crate::support::signing::Layer;

const WHO: Who<'_> = Who {
    subject: "ci@acme.example",
    issuer: "https://accounts.example",
    claims: &[],
};
const MANIFEST: &[u8] = b"{\"schemaVersion\":2}";
/// When the certificate is good.
const TIME: &str = "20260510120000.5Z";

/// The instance's root with a timestamp authority.
fn root(instance: &Instance, stamper: &Leaf, until: Option<&str>) -> Roots {
    let mut root: Value = serde_json::from_str(&instance.root(None)).unwrap();
    let chain: Vec<Value> = stamper
        .chain
        .iter()
        .map(|der| json!({ "rawBytes": STANDARD.encode(der) }))
        .collect();
    let mut life = json!({ "start": "2026-01-01T00:00:00Z" });
    if let Some(end) = until {
        life["end"] = json!(end);
    }
    root["timestampAuthorities"] = json!([{ "subject": { "organization": "o", "commonName": "c" },
        "uri": "https://time.example", "certChain": { "certificates": chain }, "validFor": life }]);
    let mut roots = Roots::default();
    roots.add(Root::parse("corp", &root.to_string()).unwrap());
    roots
}

/// Puts a timestamp of these bytes beside the signature.
fn stamp(layer: &mut Layer, stamper: &Leaf, bytes: &[u8], time: &str) {
    let token = stamper.stamp(bytes, time);
    let status = [0x30, 0x03, 0x02, 0x01, 0x00];
    let length = u16::try_from(status.len() + token.len())
        .unwrap()
        .to_be_bytes();
    let response = [&[0x30, 0x82], length.as_slice(), &status, &token].concat();
    let annotation = json!({ "SignedRFC3161Timestamp": STANDARD.encode(response) });
    layer.annotations.insert(
        "dev.sigstore.cosign/rfc3161timestamp".to_owned(),
        annotation.to_string(),
    );
}

fn signature(layer: &Layer) -> Vec<u8> {
    STANDARD
        .decode(&layer.annotations["dev.cosignproject.cosign/signature"])
        .unwrap()
}

fn examined(layer: Layer, roots: &Roots) -> Examined {
    let image = Image {
        digest: Digest::of(MANIFEST),
        manifest: Some(MANIFEST.into()),
    };
    let keyless = Keyless {
        root: "corp".to_owned(),
        issuer: WHO.issuer.to_owned(),
        subject: Subject::parse(WHO.subject).unwrap(),
        claims: std::collections::BTreeMap::new(),
    };
    let signer = Signer {
        name: "ci".to_owned(),
        kind: SignerKind::Keyless(keyless),
    };
    let material = Material::Simple {
        payload: layer.content.into(),
        annotations: layer.annotations,
    };
    examine(
        &material,
        &image,
        &[&signer],
        roots,
        "2026-06-01T00:00:00Z".parse().unwrap(),
    )
}

#[test]
fn a_good_one_is_believed_and_every_other_refuses_the_signature() {
    let instance = Instance::new();
    let stampers = Ca::new("time");
    let stamper = stampers.leaf("P-256", stamping);
    let rsa = stampers.leaf("RSA-2048", stamping);
    let stranger = Ca::new("time").leaf("P-256", stamping);
    let signed = || {
        instance.signed(
            &instance.certify(&WHO),
            &Digest::of(MANIFEST),
            "ghcr.io/acme/app",
            0,
        )
    };
    let roots = root(&instance, &stamper, None);
    let refused = |layer: Layer, roots: &Roots, why: &str| {
        let examined = examined(layer, roots);
        assert!(examined.signed.is_empty(), "believed: {why}");
        let said = examined.refusals.join("; ");
        assert!(said.contains(why), "{said}");
    };
    for (by, roots) in [(&stamper, &roots), (&rsa, &root(&instance, &rsa, None))] {
        let mut layer = signed();
        let over = signature(&layer);
        stamp(&mut layer, by, &over, TIME);
        let examined = examined(layer, roots);
        assert_eq!(examined.signed.len(), 1, "{:?}", examined.refusals);
    }

    let stamped = |by: &Leaf, over: Option<&[u8]>, time: &str| {
        let mut layer = signed();
        let own = signature(&layer);
        stamp(&mut layer, by, over.unwrap_or(&own), time);
        layer
    };
    refused(
        stamped(&stamper, Some(b"other bytes"), TIME),
        &roots,
        "of something else",
    );
    refused(
        stamped(&stranger, None, TIME),
        &roots,
        "no trusted root vouches",
    );
    refused(stamped(&rsa, None, TIME), &roots, "no trusted root vouches");
    refused(
        stamped(&stamper, None, "20260601120000.5Z"),
        &roots,
        "is good from",
    );
    let ended = root(&instance, &stamper, Some("2026-03-01T00:00:00Z"));
    refused(
        stamped(&stamper, None, TIME),
        &ended,
        "its authority is not trusted",
    );
    let mut alone = stamped(&stamper, None, TIME);
    unlog(&mut alone);
    refused(alone, &roots, "it is in no transparency log");
}

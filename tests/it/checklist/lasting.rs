//! Floods, signatures that point elsewhere, and verdicts that would outlive their grounds.

use super::*;

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

//! Indexes whose images are attested, and not they themselves: what they open, and for how long.

use super::*;

#[tokio::test]
async fn a_signed_index_covers_an_attested_image_once_it_was_asked_for() {
    let (key, text) = (
        Key::new(),
        "signed_by = [\"ci\"]\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]",
    );
    let text = ruled(text, &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (good, bad) = pair(&registry);
    for (image, attested) in [(&good, true), (&bad, false)] {
        let layers = [key.bundle(&image.digest, SLSA, json!({}))];
        if attested {
            push(&registry, APP, &layers, Some(&plain(&image.descriptor)));
        }
    }
    let digest = index(
        &registry,
        "multi",
        &[good.descriptor.clone(), bad.descriptor.clone()],
    );
    // Nobody asked for the index: the image bears no signature of its own.
    denied(&gate, good.digest, "signature-missing").await;
    denied(&gate, "multi", "signature-missing").await;
    denied(&gate, good.digest, "signature-missing").await;
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    judge_anew(&gate, &text);
    denied(&gate, good.digest, "signature-missing").await;
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let said = manifest(&gate, bad.digest).await.unwrap_err();
    assert!(
        said.contains("attestation-missing") && !said.contains("signature-"),
        "{said}"
    );
    // In another repository nobody asked for it.
    let elsewhere = format!("/v2/ghcr.io/acme/other/manifests/{}", good.digest);
    assert_ne!(gate.at_gateway().get(&elsewhere).await.status, 200);
    // The index falls, and what leans on it falls with it.
    registry.tag(
        APP,
        &format!("{}.sig", digest.to_string().replace(':', "-")),
        &good.digest,
    );
    judge_anew(&gate, &format!("{text}\n# and again"));
    denied(&gate, good.digest, "signature-").await;
    let layer = good.children[0].layers[0];
    assert_ne!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
}

#[tokio::test]
async fn what_an_index_opened_before_it_deferred_is_closed() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled("unsigned = \"allow\"", &[])).await;
    let (one, two) = pair(&registry);
    index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let layer = one.children[0].layers[0];
    assert_eq!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
    gate.admission
        .replace_policy(policy(&ruled(ATTESTED, &[key.signer("ci")])));
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    denied(&gate, one.digest, "attestation-missing").await;
    for blob in [layer, one.children[0].config] {
        assert_ne!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    }
}

#[tokio::test]
async fn signatures_over_an_index_that_defers_can_be_fetched_by_who_checks_them_too() {
    let key = Key::new();
    let text = format!(
        "{}{}",
        "signed_by = [\"ci\"]\n",
        ATTESTED.replace("unsigned = \"allow\"\n", "")
    );
    let (registry, gate) = scene(&ruled(&text, &[key.signer("ci")])).await;
    let one = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    let layer = key.simple(&digest, NAME);
    let blob = Digest::of(&layer.content);
    push_classic(&registry, APP, &digest, &[layer]);
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
    assert_eq!(manifest(&gate, &tag).await, Ok(()));
    assert_eq!(get(&gate, &format!("blobs/{blob}")).await.0, 200);
    assert_ne!(
        get(&gate, &format!("blobs/{}", one.children[0].config))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn signers_of_the_index_and_of_its_image_are_counted_together() {
    let (one, two) = (Key::new(), Key::new());
    let text = format!(
        "signed_by = [\"one\", \"two\"]\nthreshold = 2\n{}",
        ATTESTED
            .replace("unsigned = \"allow\"\n", "")
            .replace("ci", "one")
    );
    let text = ruled(&text, &[one.signer("one"), two.signer("two")]);
    let (registry, gate) = scene(&text).await;
    let image = child(&registry, "linux/amd64", "1");
    let digest = index(&registry, "multi", std::slice::from_ref(&image.descriptor));
    let subject = Descriptor {
        digest,
        ..Descriptor::of(media_type::OCI_INDEX, b"")
    };
    push(
        &registry,
        APP,
        &[one.bundle(&image.digest, SLSA, json!({}))],
        Some(&plain(&image.descriptor)),
    );
    push_classic(&registry, APP, &digest, &[one.simple(&digest, NAME)]);
    push(
        &registry,
        APP,
        &[two.bundle(&image.digest, SIGN, json!({}))],
        Some(&plain(&image.descriptor)),
    );
    // The index itself has one of two.
    denied(&gate, "multi", "1 of 2").await;
    push(
        &registry,
        APP,
        &[two.bundle(&digest, SIGN, json!({}))],
        Some(&subject),
    );
    judge_anew(&gate, &text);
    gate.at_gateway().pull(NAME, "multi").await.pulled();
}

#[tokio::test]
async fn what_leans_on_an_index_stands_no_longer_than_that() {
    let key = Key::new();
    let text = format!(
        "signed_by = [\"ci\"]\n{}",
        ATTESTED.replace("unsigned = \"allow\"\n", "")
    );
    let (registry, gate) = scene(&ruled(&text, &[key.signer("ci")])).await;
    let image = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let digest = index(
        &registry,
        "multi",
        &[image.descriptor.clone(), two.descriptor],
    );
    let layer = key.bundle(&image.digest, SLSA, json!({}));
    push(&registry, APP, &[layer], Some(&plain(&image.descriptor)));
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    let later = async |minutes: u64| {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(60 * minutes)).await;
        tokio::time::resume();
    };
    let blob = format!("blobs/{}", image.children[0].layers[0]);
    assert_eq!(manifest(&gate, "multi").await, Ok(()));
    later(40).await;
    assert_eq!(manifest(&gate, image.digest).await, Ok(()));
    assert_eq!(get(&gate, &blob).await.0, 200);
    // The signature is gone; the verdict on the index is an hour old, that on the image is not.
    let tag = format!("{}.sig", digest.to_string().replace(':', "-"));
    registry.tag(APP, &tag, &image.digest);
    later(25).await;
    denied(&gate, image.digest, "signature-missing").await;
    assert_ne!(get(&gate, &blob).await.0, 200);
}

#[tokio::test]
async fn one_index_does_not_vouch_for_what_another_lists() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
    let image = child(&registry, "linux/amd64", "1");
    let two = child(&registry, "linux/arm64", "2");
    let chain = Chain {
        about: &image.digest,
        subject: None,
        layers: vec![statement(&image.digest, "https://builder.example")],
    };
    let entry = attestation(&registry, &chain);
    let (image, two) = (image.descriptor, two.descriptor);
    let signed = index(&registry, "signed", &[image.clone(), two.clone()]);
    push_classic(&registry, APP, &signed, &[key.simple(&signed, NAME)]);
    index(&registry, "unsigned", &[image.clone(), two, entry]);
    for tag in ["signed", "unsigned"] {
        assert_eq!(manifest(&gate, tag).await, Ok(()));
    }
    denied(&gate, image.digest, "nobody signed it").await;
}

#[tokio::test]
async fn deferred_images_outlive_the_process() {
    let key = Key::new();
    let text = "signed_by = [\"ci\"]\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]";
    let text = ruled(text, &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (one, two) = pair(&registry);
    let digest = index(
        &registry,
        "multi",
        &[one.descriptor.clone(), two.descriptor.clone()],
    );
    push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
    push(
        &registry,
        APP,
        &[key.bundle(&one.digest, SLSA, json!({}))],
        Some(&plain(&one.descriptor)),
    );
    gate.at_gateway().pull(NAME, "multi").await.pulled();
    let folder = gate.folder.clone();
    drop(gate);
    let gate = Setup::new(&text).start_in(folder, &registry).await;
    let layer = one.children[0].layers[0];
    assert_eq!(get(&gate, &format!("blobs/{layer}")).await.0, 200);
    assert_eq!(manifest(&gate, one.digest).await, Ok(()));
    denied(&gate, two.digest, "attestation-missing").await;
}

#[tokio::test]
async fn nested_indexes_cover_nothing() {
    let key = Key::new();
    let text = ruled("signed_by = [\"ci\"]", &[key.signer("ci")]);
    let (registry, gate) = scene(&text).await;
    let (one, two) = pair(&registry);
    let inner = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
        "manifests": [one.descriptor, two.descriptor] })
    .to_string()
    .into_bytes();
    let mut entry = Descriptor::of(media_type::OCI_INDEX, &inner);
    registry.push_manifest(APP, media_type::OCI_INDEX, inner);
    entry.platform = Some("linux/amd64".parse().unwrap());
    let outer = index(&registry, "outer", &[entry.clone()]);
    push_classic(&registry, APP, &outer, &[key.simple(&outer, NAME)]);
    denied(&gate, "outer", "manifest-unavailable").await;
    denied(&gate, entry.digest, "signature-missing").await;
    denied(&gate, one.digest, "signature-missing").await;
}

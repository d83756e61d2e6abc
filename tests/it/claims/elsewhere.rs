//! Signatures that lie in another repository or were made under another name, and who vouched by the record.

use super::*;

#[tokio::test]
async fn signatures_may_lie_in_another_repository_where_the_rule_says_so() {
    let key = Key::new();
    let elsewhere = "acme/signatures";
    let from = "signed_by = [\"ci\"]\nsignatures_from = [\"docker.io/acme/signatures\", \"same\"]";
    for rule in [from, "signed_by = [\"ci\"]"] {
        for classic in [true, false] {
            let (registry, gate) = scene(&ruled(rule, &[key.signer("ci")])).await;
            let image = registry.push_image(APP, "1", &ImageSpec::default());
            if classic {
                push_classic(
                    &registry,
                    elsewhere,
                    &image.digest,
                    &[key.simple(&image.digest, NAME)],
                );
            } else {
                let layer = key.bundle(&image.digest, SIGN, json!({}));
                push(&registry, elsewhere, &[layer], Some(&image.descriptor));
            }
            if rule == from {
                assert_eq!(manifest(&gate, "1").await, Ok(()));
            } else {
                denied(&gate, "1", "signature-missing").await;
            }
        }
    }
    // The name that was signed is the image's, wherever the signature lies.
    let (registry, gate) = scene(&ruled(from, &[key.signer("ci")])).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    let layer = key.simple(&image.digest, "ghcr.io/acme/signatures");
    push_classic(&registry, elsewhere, &image.digest, &[layer]);
    denied(
        &gate,
        "1",
        "in docker.io/acme/signatures: it signs the image under the name",
    )
    .await;
    // Where one place cannot be asked there may be more.
    let (registry, gate) = scene(&ruled(from, &[key.signer("ci")])).await;
    registry.push_image(APP, "1", &ImageSpec::default());
    registry.fault(
        elsewhere,
        Times::Always,
        Fault::Status(500, Vec::new(), Vec::new()),
    );
    denied(&gate, "1", "signature-unavailable").await;
}

#[tokio::test]
async fn a_mirror_serves_what_was_signed_under_the_original_name() {
    let key = Key::new();
    let rule = "signed_by = [\"ci\"]\nreference = { remap = { \"ghcr.io/acme\" = \"quay.io/upstream\", \"ghcr.io\" = \"quay.io\" } }";
    for (name, fits) in [
        ("quay.io/upstream/app", true),
        ("quay.io/acme/app", false),
        ("quay.io/upstream/other", false),
        (NAME, false),
    ] {
        let (registry, gate) = scene(&ruled(rule, &[key.signer("ci")])).await;
        let image = registry.push_image(APP, "1", &ImageSpec::default());
        push_classic(
            &registry,
            APP,
            &image.digest,
            &[key.simple(&image.digest, name)],
        );
        assert_eq!(manifest(&gate, "1").await.is_ok(), fits, "{name}");
    }
}

#[tokio::test]
async fn the_record_says_who_vouched() {
    let key = Key::new();
    let (registry, gate) = scene(&ruled("signed_by = [\"ci\"]", &[key.signer("ci")])).await;
    let image = registry.push_image(APP, "1", &ImageSpec::default());
    push_classic(
        &registry,
        APP,
        &image.digest,
        &[key.simple(&image.digest, NAME)],
    );
    assert_eq!(manifest(&gate, "1").await, Ok(()));
    let decisions = gate.ledger.decisions(None, 10).await.unwrap();
    let vouched = &decisions[0].verdict.vouched;
    assert_eq!(vouched.len(), 1, "{vouched:?}");
    assert_eq!(
        (vouched[0].what.as_str(), vouched[0].signer.as_str()),
        ("signature", "ci")
    );
    assert!(vouched[0].found.starts_with("tag sha256-"), "{vouched:?}");
}

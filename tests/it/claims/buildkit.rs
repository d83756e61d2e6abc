//! The attestation manifests that BuildKit puts into an index.

use super::*;

#[tokio::test]
async fn buildkit_statements_count_on_the_word_of_who_signed_the_index() {
    let (key, other) = (Key::new(), Key::new());
    let rule = format!("{ATTESTED}\nbuilder = [\"https://builder.example\"]");
    for (signer, name, words) in [
        (Some(&key), NAME, ""),
        (None, NAME, "nobody signed it"),
        (Some(&other), NAME, "nobody signed it"),
        (
            Some(&key),
            "ghcr.io/acme/other",
            "under the name ghcr.io/acme/other",
        ),
    ] {
        let (registry, gate) = scene(&ruled(&rule, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let chain = Chain {
            about: &image.digest,
            subject: None,
            layers: vec![statement(&image.digest, "https://builder.example")],
        };
        let entry = attestation(&registry, &chain);
        let digest = index(
            &registry,
            "multi",
            &[image.descriptor.clone(), entry.clone()],
        );
        if let Some(signer) = signer {
            push_classic(&registry, APP, &digest, &[signer.simple(&digest, name)]);
        }
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        if words.is_empty() {
            gate.at_gateway().pull(NAME, "multi").await.pulled();
            // Clients that keep provenance fetch it too.
            assert_eq!(manifest(&gate, entry.digest).await, Ok(()));
        } else {
            denied(&gate, image.digest, words).await;
            assert!(manifest(&gate, entry.digest).await.is_err());
        }
    }
}

/// For writing a policy: what is there is shown, and that nobody vouches for it.
#[tokio::test]
async fn buildkit_statements_are_shown_and_that_nobody_signed_them() {
    let (registry, gate) = scene(LENIENT).await;
    let image = child(&registry, "linux/amd64", "1");
    let chain = Chain {
        about: &image.digest,
        subject: None,
        layers: vec![statement(&image.digest, "https://builder.example")],
    };
    let entry = attestation(&registry, &chain);
    let digest = index(&registry, "multi", &[image.descriptor.clone(), entry]);
    let reference = format!("{NAME}:multi").parse().unwrap();
    let (content, policy) = (gate.admission.content(), gate.admission.policy());
    let shown = lazaret::evidence::signatures_of(content, &reference, digest, &policy);
    let (found, incomplete) = shown.await.unwrap();
    assert_eq!(incomplete, None);
    let [found] = found.as_slice() else {
        panic!("{found:?}");
    };
    let about = image.digest.to_string();
    assert!(found.place.contains(&about), "{}", found.place);
    assert!(found.signers.is_empty() && found.identity.is_none());
    assert!(found.refusals[0].contains("nobody signed it"));
    let says = format!("{:?}", found.says);
    assert!(says.contains(SLSA), "{says}");
}

#[tokio::test]
async fn buildkit_statements_about_others_and_entries_that_lie_do_not_count() {
    let key = Key::new();
    let rule = format!("{ATTESTED}\nbuilder = [\"https://builder.example\"]");
    let other = Digest::of(b"another image");
    type Lie = fn(&Digest, &Digest, &mut Descriptor) -> (Value, bool);
    let cases: [Lie; 5] = [
        |_, other, _| (statement(other, "https://builder.example"), true),
        |image, _, _| (statement(image, "https://evil.example"), true),
        |image, other, entry| {
            entry
                .annotations
                .insert("vnd.docker.reference.digest".to_owned(), other.to_string());
            (statement(image, "https://builder.example"), false)
        },
        |image, _, entry| {
            entry.size += 1;
            (statement(image, "https://builder.example"), false)
        },
        |_, _, _| (json!({ "predicateType": SLSA }), true),
    ];
    for (number, lie) in cases.into_iter().enumerate() {
        let (registry, gate) = scene(&ruled(&rule, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let mut unused = image.descriptor.clone();
        let (said, _) = lie(&image.digest, &other, &mut unused);
        let chain = Chain {
            about: &image.digest,
            subject: None,
            layers: vec![said],
        };
        let mut entry = attestation(&registry, &chain);
        lie(&image.digest, &other, &mut entry);
        let digest = index(&registry, "multi", &[image.descriptor.clone(), entry]);
        push_classic(&registry, APP, &digest, &[key.simple(&digest, NAME)]);
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        let said = manifest(&gate, image.digest).await.unwrap_err();
        assert!(said.contains("attestation-missing"), "{number}: {said}");
    }
}

#[tokio::test]
async fn a_signed_attestation_manifest_counts_where_it_names_the_image_in_full() {
    let (key, other) = (Key::new(), Key::new());
    type Change = fn(&mut Descriptor);
    let cases: [(&str, Change); 5] = [
        ("", |_| {}),
        ("attestation-missing", |subject| subject.size += 1),
        ("attestation-missing", |subject| {
            subject.media_type = media_type::DOCKER_MANIFEST.to_owned()
        }),
        ("signed with another key", |_| {}),
        ("nobody signed it", |_| {}),
    ];
    for (words, change) in cases {
        for classic in [true, false] {
            let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
            let image = registry.push_image(APP, "1", &ImageSpec::default());
            let mut subject = plain(&image.descriptor);
            change(&mut subject);
            let chain = Chain {
                about: &image.digest,
                subject: Some(&subject),
                layers: vec![statement(&image.digest, "https://builder.example")],
            };
            let entry = attestation(&registry, &chain);
            registry.refer(APP, &image.digest, entry.clone());
            let signer = if words.contains("another key") {
                &other
            } else {
                &key
            };
            match (words.contains("nobody"), classic) {
                (true, _) => {}
                (false, true) => {
                    push_classic(
                        &registry,
                        APP,
                        &entry.digest,
                        &[signer.simple(&entry.digest, NAME)],
                    );
                }
                (false, false) => {
                    let layer = signer.bundle(&entry.digest, SIGN, json!({}));
                    push(&registry, APP, &[layer], Some(&plain(&entry)));
                }
            }
            match words {
                "" => assert_eq!(manifest(&gate, "1").await, Ok(())),
                words => denied(&gate, "1", words).await,
            }
        }
    }
}

#[tokio::test]
async fn an_attestation_manifest_of_an_index_needs_its_subject_to_count_by_its_own_signature() {
    let key = Key::new();
    for with_subject in [true, false] {
        let (registry, gate) = scene(&ruled(ATTESTED, &[key.signer("ci")])).await;
        let image = child(&registry, "linux/amd64", "1");
        let subject = plain(&image.descriptor);
        let chain = Chain {
            about: &image.digest,
            subject: with_subject.then_some(&subject),
            layers: vec![statement(&image.digest, "https://builder.example")],
        };
        let entry = attestation(&registry, &chain);
        index(
            &registry,
            "multi",
            &[image.descriptor.clone(), entry.clone()],
        );
        push_classic(
            &registry,
            APP,
            &entry.digest,
            &[key.simple(&entry.digest, NAME)],
        );
        assert_eq!(manifest(&gate, "multi").await, Ok(()));
        assert_eq!(manifest(&gate, image.digest).await.is_ok(), with_subject);
    }
}

//! Envelopes and subjects, and the identities that sign them.

use super::*;

#[tokio::test]
async fn envelopes_that_cannot_be_read_do_not_count() {
    let key = Key::new();
    let wanted = "unsigned = \"allow\"\n[[rule.attestation]]\ntype = \"slsa-provenance\"\nsigned_by = [\"ci\"]";
    for said_of in [
        json!("not a statement"),
        json!({ "_type": "https://in-toto.io/Statement/v9", "predicateType": SLSA, "subject": [] }),
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": [SLSA], "subject": [] }),
        json!({ "_type": "https://in-toto.io/Statement/v1", "predicateType": SLSA }),
        json!(null),
    ] {
        let (registry, gate, image) = scene(&ruled(wanted, &[key.signer("ci")])).await;
        push(
            &registry,
            APP,
            &[key.statement(said_of)],
            Some(&image.descriptor),
        );
        denied(&gate, "1", "attestation-missing").await;
    }
}

#[tokio::test]
async fn subjects_that_are_not_the_image_do_not_count() {
    let key = Key::new();
    let text = ruled(BY_CI, &[key.signer("ci")]);
    let other = Digest::of(b"another image").hex();
    type Subjects = fn(&str, &str) -> serde_json::Value;
    let cases: [(bool, Subjects); 9] = [
        (true, |hex, _| json!([{ "digest": { "sha256": hex } }])),
        (
            true,
            |hex, other| json!([{ "digest": { "sha256": other } }, { "digest": { "sha256": hex } }]),
        ),
        (false, |hex, _| json!([{ "digest": { "sha1": hex } }])),
        (
            false,
            |hex, _| json!([{ "name": hex, "digest": { "gitCommit": hex } }]),
        ),
        (
            false,
            |hex, other| json!([{ "name": format!("sha256:{hex}"), "digest": { "sha256": other } }]),
        ),
        (false, |_, _| json!([])),
        (false, |_, _| json!(null)),
        (false, |_, _| json!([null])),
        (
            false,
            |hex, _| json!([{ "digest": { "sha256": hex.to_uppercase() } }]),
        ),
    ];
    for (fits, subjects) in cases {
        let (registry, gate, image) = scene(&text).await;
        let subject = subjects(&image.digest.hex(), &other);
        let layer = key.statement(
            json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject,
            "predicateType": SIGN, "predicate": {} }),
        );
        push(&registry, APP, &[layer], Some(&image.descriptor));
        assert_eq!(said(&gate, "1").await.is_ok(), fits, "{subject}");
    }
}

#[tokio::test]
async fn identities_must_be_right_in_all_their_words() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let claims = "claims = { runner_environment = [\"github-hosted\"], build_trigger = [\"push\"], source_repository_id = [\"42\"], source_repository = [\"https://git.example/acme/app\"] }";
    let text = keyless(&instance, folder.path(), claims);
    const GOOD: [(u64, &str); 4] = [
        (11, "github-hosted"),
        (12, "https://git.example/acme/app"),
        (15, "42"),
        (20, "push"),
    ];
    type Change = fn(&mut (String, String, Vec<(u64, &'static str)>));
    let cases: [(&str, Change); 11] = [
        ("", |_| {}),
        ("its issuer is", |who| {
            who.1 = "https://token.example.evil".to_owned()
        }),
        ("its issuer is", |who| {
            who.1 = "https://token.example/".to_owned()
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("acme/", "acme-evil/")
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("git.example", "gitXexample")
        }),
        ("it is signed by", |who| {
            who.0 = SUBJECT.replace("refs/tags/v1", "refs/pull/1/merge")
        }),
        ("it is signed by", |who| {
            who.0 = format!("https://evil.example/{SUBJECT}")
        }),
        ("its runner_environment is self-hosted", |who| {
            who.2[0].1 = "self-hosted"
        }),
        // A reusable workflow of ours, called from somebody else's repository.
        ("its source_repository is", |who| {
            who.2[1].1 = "https://git.example/evil/app"
        }),
        // The name was given up and taken by somebody else.
        ("its source_repository_id is 43", |who| who.2[2].1 = "43"),
        ("its build_trigger is not told", |who| who.2.truncate(3)),
    ];
    for (words, change) in cases {
        let mut who = (SUBJECT.to_owned(), ISSUER.to_owned(), GOOD.to_vec());
        change(&mut who);
        let certified = instance.certify(&Who {
            subject: &who.0,
            issuer: &who.1,
            claims: &who.2,
        });
        let said = classic(&text, |digest| {
            vec![instance.signed(&certified, digest, NAME, 0)]
        })
        .await;
        match said {
            Ok(()) => assert!(words.is_empty(), "{who:?} was believed"),
            Err(said) => assert!(!words.is_empty() && said.contains(words), "{words}: {said}"),
        }
    }
}

#[tokio::test]
async fn certificates_of_another_instance_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (own, foreign) = (Instance::new(), Instance::new());
    let text = keyless(&own, folder.path(), "");
    // Neither where nobody named the other instance, nor where it is trusted for others.
    let both = format!("{}{text}", "").replace(
        "[signer.ci]",
        &format!(
            "{}[signer.ci]",
            foreign.root_table("foreign", folder.path())
        ),
    );
    for text in [&text, &both] {
        let by_own = own.certify(&CI);
        let said = classic(text, |digest| vec![own.signed(&by_own, digest, NAME, 0)]).await;
        assert_eq!(said, Ok(()));
        let by_foreign = foreign.certify(&CI);
        let said = classic(text, |digest| {
            vec![foreign.signed(&by_foreign, digest, NAME, 0)]
        })
        .await;
        assert!(said.unwrap_err().contains("signature-untrusted"));
        // Certified by one and logged by the other.
        let said = classic(text, |digest| {
            vec![own.signed(&by_foreign, digest, NAME, 0)]
        })
        .await;
        assert!(said.unwrap_err().contains("signature-untrusted"));
    }
}

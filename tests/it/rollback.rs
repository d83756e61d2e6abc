//! A tag that goes back to an image signed earlier: told, or denied, whatever ruling that image has.

use lazaret::oci::Digest;

use crate::support::fake_registry::{FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, LENIENT, Setup};
use crate::support::instance::{Instance, Who};
use crate::support::signing::push_classic;

const APP: &str = "acme/app";
const NAME: &str = "ghcr.io/acme/app";
const ISSUER: &str = "https://accounts.google.com";
const SUBJECT: &str = "ci@acme.example";
const HOUR: i64 = 3600;

/// Two images, the second signed an hour later, and a gate that asks for the signature.
async fn scene(rule: &str) -> (FakeRegistry, Gate, Digest, Digest, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::new();
    let text = format!(
        "{LENIENT}\n{}\n[signer.ci]\nkind = \"keyless\"\nroot = \"own\"\nissuer = \"{ISSUER}\"\nsubject = \"{SUBJECT}\"\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nsigned_by = [\"ci\"]\n{rule}\n",
        instance.root_table("own", folder.path())
    );
    let registry = FakeRegistry::start().await;
    let mut setup = Setup::new(&text);
    setup.tag_freshness = std::time::Duration::ZERO;
    let gate = setup.start(&registry).await;
    let ci = instance.certify(&Who {
        subject: SUBJECT,
        issuer: ISSUER,
        claims: &[],
    });
    let mut pushed = Vec::new();
    for (user, after) in [("1", 0), ("2", HOUR)] {
        let spec = ImageSpec {
            user,
            ..ImageSpec::default()
        };
        let digest = registry.push_image(APP, "1", &spec).digest;
        let layer = instance.signed_after(&ci, &digest, NAME, after);
        push_classic(&registry, APP, &digest, &[layer]);
        pushed.push(digest);
    }
    (registry, gate, pushed[0], pushed[1], folder)
}

async fn get(gate: &Gate) -> (u16, String) {
    let path = format!("/v2/{NAME}/manifests/1");
    let answer = gate.at_gateway().get(&path).await;
    let told = answer.header("warning").unwrap_or_default().to_owned();
    (answer.status, told + &answer.text())
}

#[tokio::test]
async fn a_tag_that_goes_back_is_denied_where_the_policy_says_so_though_its_image_was_allowed() {
    let (registry, gate, older, newer, _folder) = scene("tag_rollback = \"deny\"").await;
    for (digest, status) in [
        (older, 200),
        (newer, 200),
        (older, 403),
        (newer, 200),
        (older, 403),
    ] {
        registry.tag(APP, "1", &digest);
        let (got, said) = get(&gate).await;
        assert_eq!(got, status, "{said}");
        assert_eq!(said.contains("tag-rollback"), status == 403, "{said}");
    }
    // Whoever asks for it by digest means it.
    gate.at_gateway()
        .pull(NAME, &older.to_string())
        .await
        .pulled();
}

#[tokio::test]
async fn it_is_told_where_the_policy_says_nothing_and_passed_over_where_it_says_so() {
    for (rule, told) in [("", true), ("tag_rollback = \"allow\"", false)] {
        let (registry, gate, older, newer, _folder) = scene(rule).await;
        for (digest, back) in [(older, false), (newer, false), (older, true)] {
            registry.tag(APP, "1", &digest);
            let (status, said) = get(&gate).await;
            assert_eq!(status, 200, "{said}");
            assert_eq!(
                said.contains("signed earlier"),
                told && back,
                "{rule} {said}"
            );
        }
    }
}

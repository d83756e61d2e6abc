//! OpenPGP signatures by GnuPG (`fixtures/openpgp/make.sh`): each kind, verified, and over whole pulls.

use lazaret::oci::{Digest, media_type};
use lazaret::trust::{Image, Material, Pgp, PgpKey, Roots, Signer, SignerKind, examine};

use crate::support::fake_registry::{FakeRegistry, Fault, Times};
use crate::support::fixtures::folder;
use crate::support::gate::{Gate, LENIENT, Setup};

const NAME: &str = "ghcr.io/acme/app";

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder("openpgp").join(name)).unwrap()
}

fn key(name: &str) -> String {
    String::from_utf8(file(&format!("{name}.asc"))).unwrap()
}

/// Verifies a message with a key; the name it was signed under, or why not.
fn verified(key_of: &str, message: &[u8], now: &str) -> Result<(), String> {
    let signer = Signer {
        name: "ci".to_owned(),
        kind: SignerKind::Pgp(Pgp::new(PgpKey::read(&key(key_of)).unwrap(), None)),
    };
    let manifest = file("manifest.json");
    let image = Image {
        digest: Digest::of(&manifest),
        manifest: Some(manifest.into()),
    };
    let material = Material::OpenPgp(message.to_vec().into());
    let now = now.parse().unwrap();
    let examined = examine(&material, &image, &[&signer], &Roots::default(), now);
    match (examined.signed.len(), examined.refusals.first()) {
        (1, None) => Ok(()),
        (0, Some(why)) => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

const SUMMER: &str = "2026-06-01T00:00:00Z";

#[test]
fn every_kind_is_told_apart() {
    for (key, message, now, wanted) in [
        ("good", "good", SUMMER, Ok(())),
        ("good", "uncompressed", SUMMER, Ok(())),
        ("rsa", "rsa", SUMMER, Ok(())),
        ("subkey", "subkey", SUMMER, Ok(())),
        ("expired", "expired", "2026-02-15T00:00:00Z", Ok(())),
        ("good", "signature-expired", "2026-02-05T00:00:00Z", Ok(())),
        ("expired", "expired", SUMMER, Err("has expired")),
        ("good", "signature-expired", SUMMER, Err("it has expired")),
        ("good", "good", "2026-01-15T00:00:00Z", Err("in the future")),
        ("revoked", "revoked", SUMMER, Err("is revoked")),
        ("weak", "weak", SUMMER, Err("is too weak")),
        ("other", "good", SUMMER, Err("with another key")),
        ("good", "other", SUMMER, Err("with another key")),
        ("good", "sha1", SUMMER, Err("only SHA-2 counts")),
        ("good", "text", SUMMER, Err("signs no document")),
        ("good", "critical", SUMMER, Err("not understood")),
        (
            "good",
            "twice",
            SUMMER,
            Err("one signature and nothing else"),
        ),
        (
            "good",
            "detached",
            SUMMER,
            Err("one signature and nothing else"),
        ),
        (
            "good",
            "literal",
            SUMMER,
            Err("one signature and nothing else"),
        ),
        ("good", "cleartext", SUMMER, Err("")),
        (
            "good",
            "cosign",
            SUMMER,
            Err("is a \"cosign container image signature\""),
        ),
        ("good", "elsewhere", SUMMER, Err("it is about sha256:")),
    ] {
        let said = verified(key, &file(&format!("{message}.sig")), now);
        match wanted {
            Ok(()) => assert_eq!(said, Ok(()), "{message}"),
            Err(words) => {
                let why = said.expect_err(message);
                assert!(why.contains(words), "{message}: {why}");
            }
        }
    }
}

#[test]
fn no_changed_payload_passes_and_no_garbage_is_more_than_refused() {
    for message in ["good.sig", "uncompressed.sig"] {
        let whole = file(message);
        let find = |what: &[u8]| whole.windows(what.len()).position(|part| part == what);
        let payload = find(b"{\"critical\"").zip(find(b"}}").map(|end| end + 2));
        let payload = payload.map_or(0..0, |(start, end)| start..end);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x11;
            // The literal's name and date are not signed.
            let said = verified("good", &changed, SUMMER);
            assert!(said.is_err() || !payload.contains(&at), "{message} {at}");
            assert!(
                verified("good", &whole[..at], SUMMER).is_err(),
                "{message} {at}"
            );
        }
    }
}

/// A registry with the signed image, and a gate that wants it signed.
async fn scene(lookaside: bool) -> (FakeRegistry, Gate) {
    let registry = FakeRegistry::start().await;
    let place = match lookaside {
        true => format!("lookaside = \"{}/sigs\"", registry.url()),
        false => String::new(),
    };
    let text = format!(
        "{LENIENT}\n[signer.ci]\nkind = \"pgp\"\npem = ['''{}''']\n{place}\n[[rule]]\nmatch = [\"ghcr.io/acme/*\"]\nsigned_by = [\"ci\"]\n",
        key("good")
    );
    let gate = Setup::new(&text).start(&registry).await;
    registry.push_blob("acme/app", file("config.json"));
    registry.push_blob("acme/app", file("layer"));
    let manifest = file("manifest.json");
    let digest = registry.push_manifest("acme/app", media_type::OCI_MANIFEST, manifest);
    registry.tag("acme/app", "1", &digest);
    (registry, gate)
}

fn serve(registry: &FakeRegistry, path: &str, body: Vec<u8>) {
    let fault = Fault::Status(200, Vec::new(), body);
    registry.fault(path, Times::Always, fault);
}

#[tokio::test]
async fn a_registry_s_own_signatures_open_the_image() {
    use base64::Engine as _;
    let (registry, gate) = scene(false).await;
    let encode = |name: &str| base64::engine::general_purpose::STANDARD.encode(file(name));
    let list = serde_json::json!({ "signatures": [
        { "schemaVersion": 2, "version": 2, "name": "x@1", "type": "atomic", "content": encode("other.sig") },
        { "schemaVersion": 2, "version": 2, "name": "x@2", "type": "atomic", "content": encode("good.sig") },
    ] });
    serve(&registry, "/extensions/v2/", list.to_string().into());
    gate.at_gateway().pull(NAME, "1").await.pulled();
}

#[tokio::test]
async fn a_lookaside_s_signatures_open_the_image_until_there_is_no_more() {
    let (registry, gate) = scene(true).await;
    serve(&registry, "/signature-1", file("other.sig"));
    serve(&registry, "/signature-2", file("good.sig"));
    gate.at_gateway().pull(NAME, "1").await.pulled();
    assert_eq!(registry.count("/signature-3"), 1);
    assert_eq!(registry.count("/extensions/"), 0);
}

#[tokio::test]
async fn unsigned_signed_by_another_and_unreachable_are_denied_each_with_its_reason() {
    for (path, answer, words) in [
        ("/none", (404, Vec::new()), "no signature"),
        ("/signature-1", (200, file("other.sig")), "with another key"),
        (
            "/signature-1",
            (200, b"garbage".to_vec()),
            "no signature by ci",
        ),
        ("/signature-1", (503, Vec::new()), "could not be verified"),
    ] {
        let (registry, gate) = scene(true).await;
        let (status, body) = answer;
        registry.fault(path, Times::Always, Fault::Status(status, Vec::new(), body));
        let said = gate
            .at_gateway()
            .get(&format!("/v2/{NAME}/manifests/1"))
            .await;
        assert_eq!(said.status, 403);
        assert!(said.text().contains(words), "{words}: {}", said.text());
    }
}

//! The vectors of sigstore-conformance (github.com/sigstore/sigstore-conformance), read where they lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::oci::Digest;
use crate::trust::{
    Hash, Image, Keyless, Material, PUBLIC_GOOD, PublicKey, Root, Roots, Signer, SignerKind,
    Subject, examine,
};

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

pub(super) fn vectors() -> Option<PathBuf> {
    let folder = std::env::var_os("LAZARET_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    let folder = folder.join("sigstore-conformance/bundle-verify");
    folder.is_dir().then_some(folder)
}

fn text(case: &Path, name: &str) -> Option<String> {
    Some(fs::read_to_string(case.join(name)).ok()?.trim().to_owned())
}

/// Whether our layer believes a case, with the artifact at hand or only its digest.
fn believed(case: &Path, at_hand: bool) -> bool {
    let artifact = fs::read(case.join("artifact"))
        .or_else(|_| fs::read(case.with_file_name("a.txt")))
        .unwrap();
    let image = Image {
        digest: Digest::of(&artifact),
        manifest: at_hand.then(|| artifact.into()),
    };
    let mut roots = Roots::embedded();
    if let Some(json) = text(case, "trusted_root.json") {
        match Root::parse(PUBLIC_GOOD, &json) {
            Ok(root) => roots.add(root),
            Err(_) => return false,
        }
    }
    let kind = match text(case, "key.pub") {
        Some(pem) => match PublicKey::from_pem(&pem) {
            Ok(keys) => SignerKind::Key {
                keys,
                hash: Hash::Auto,
                log: Some(PUBLIC_GOOD.to_owned()),
            },
            Err(_) => return false,
        },
        None => SignerKind::Keyless(Keyless {
            root: PUBLIC_GOOD.to_owned(),
            issuer: text(case, "issuer").unwrap_or_else(|| ISSUER.to_owned()),
            subject: Subject::parse(&text(case, "identity").unwrap_or_else(|| IDENTITY.to_owned()))
                .unwrap(),
            claims: Default::default(),
        }),
    };
    let signer = Signer {
        name: "vector".to_owned(),
        kind,
    };
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let material = Material::AnyBundle(bundle.into());
    !examine(
        &material,
        &image,
        &[&signer],
        &roots,
        jiff::Timestamp::UNIX_EPOCH,
    )
    .signed
    .is_empty()
}

#[test]
fn every_good_vector_is_believed_and_no_bad_one() {
    let Some(folder) = vectors() else {
        println!("sigstore-conformance is not here: set LAZARET_VECTORS");
        return;
    };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        for at_hand in [true, false] {
            // A key signs bytes: with nothing but a digest it cannot be checked, and so is not believed.
            let keyed = case.join("key.pub").exists();
            let good = !name.ends_with("_fail") && (at_hand || !keyed);
            if believed(&case, at_hand) != good {
                wrong.push(format!("{name}, artifact at hand: {at_hand}"));
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen >= 80, "only {seen} cases");
}

//! What verifying a signature costs: ours in this process, and `lazaret` and `cosign` as whole processes on one bundle.
//!
//! `cargo bench --bench signatures`; with `-- --write` the table in `docs/performance.md` is written anew. The bundle is one
//! of sigstore-conformance and lies beside the project; without it, and without cosign in the interop suite's cache, those
//! rows are left out.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench that panics is a bench that says where; it takes what it needs of the tests' support"
)]

#[path = "../tests/support/notary.rs"]
mod notary;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::oci::Digest;
use lazaret::trust::{
    Hash, Image, Keyless, Material, Notation, PUBLIC_GOOD, PublicKey, Roots, Signer, SignerKind,
    Subject, examine,
};

const NOW: &str = "2026-06-02T00:00:00Z";
/// Verifications that are timed; the median counts.
const ROUNDS: usize = 400;
/// Whole processes that are timed.
const PROCESSES: usize = 15;

struct Row {
    what: String,
    median: Duration,
}

fn main() {
    let mut rows = vec![keyed()];
    rows.extend(notation());
    rows.extend(keyless());
    rows.extend(processes());
    let mut table = "| verification of | median | a second, one core |\n|---|---|---|\n".to_owned();
    for Row { what, median } in &rows {
        table += &format!(
            "| {what} | {median:.2?} | {:.0} |\n",
            1.0 / median.as_secs_f64()
        );
    }
    println!("{table}");
    if std::env::args().any(|argument| argument == "--write") {
        write_docs(&table);
    }
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or_default()
}

fn verification(what: &str, material: &Material, image: &Image, kind: SignerKind) -> Row {
    let (signer, roots) = (
        Signer {
            name: "signer".to_owned(),
            kind,
        },
        Roots::embedded(),
    );
    let verify = || {
        examine(
            black_box(material),
            image,
            &[&signer],
            &roots,
            NOW.parse().unwrap(),
        )
    };
    let once = verify();
    assert_eq!(once.signed.len(), 1, "{what}: {:?}", once.refusals);
    let timed = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        black_box(verify());
        started.elapsed()
    });
    Row {
        what: what.to_owned(),
        median: median(timed.collect()),
    }
}

fn keyed() -> Row {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let image = notary::image();
    let payload = serde_json::json!({ "critical": {
        "identity": { "docker-reference": "ghcr.io/acme/app" }, "image": { "docker-manifest-digest": image.digest },
        "type": "cosign container image signature" }, "optional": null }).to_string().into_bytes();
    let signature = pair.sign(&SystemRandom::new(), &payload).unwrap();
    let annotations = [(
        "dev.cosignproject.cosign/signature".to_owned(),
        STANDARD.encode(signature.as_ref()),
    )];
    let material = Material::Simple {
        payload: payload.into(),
        annotations: annotations.into(),
    };
    let keys = vec![PublicKey::from_spki(spki.as_ref()).unwrap()];
    let kind = SignerKind::Key {
        keys,
        hash: Hash::Sha256,
        log: None,
    };
    verification(
        "a classic signature with a P-256 key",
        &material,
        &image,
        kind,
    )
}

fn notation() -> Vec<Row> {
    let (ca, stamps) = (notary::Ca::new("root"), notary::Ca::new("stamps"));
    let (leaf, image) = (ca.leaf("P-256", |_| {}), notary::image());
    let rsa = ca.leaf("RSA-2048", |_| {});
    let stamper = stamps.leaf("P-256", notary::stamping);
    let stamp = |message: &[u8]| stamper.stamp(message, "20260601120000Z");
    let stamped = notary::jws(&leaf.jws(&notary::payload_of(&image), &leaf.header(), Some(&stamp)));
    let trusted = || Notation {
        timestamp_roots: vec![stamps.certificate()],
        ..notary::trusting(&ca)
    };
    let row = |what, material: &Material| {
        verification(what, material, &image, SignerKind::Notation(trusted()))
    };
    vec![
        row("a notation JWS, P-256", &leaf.good_jws(&image)),
        row("a notation COSE, RSA-2048", &rsa.good_cose(&image)),
        row("a notation JWS, P-256, with a timestamp", &stamped),
    ]
}

fn case() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/vectors/sigstore-conformance/bundle-verify");
    Some(folder.join("happy-path-v0.3")).filter(|case| case.is_dir())
}

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn keyless() -> Option<Row> {
    let case = case()?;
    let artifact = fs::read(case.with_file_name("a.txt")).unwrap();
    let image = Image {
        digest: Digest::of(&artifact),
        manifest: Some(artifact.into()),
    };
    let material = Material::AnyBundle(fs::read(case.join("bundle.sigstore.json")).unwrap().into());
    let keyless = Keyless {
        root: PUBLIC_GOOD.to_owned(),
        issuer: ISSUER.to_owned(),
        subject: Subject::parse(IDENTITY).unwrap(),
        claims: Default::default(),
    };
    Some(verification(
        "a keyless bundle, with certificate, log and proof",
        &material,
        &image,
        SignerKind::Keyless(keyless),
    ))
}

/// The same bundle by whole processes, in turns.
fn processes() -> Vec<Row> {
    let Some(case) = case() else {
        return Vec::new();
    };
    let artifact = case.with_file_name("a.txt");
    let bundle = case.join("bundle.sigstore.json");
    let identity = [
        "--certificate-identity",
        IDENTITY,
        "--certificate-oidc-issuer",
        ISSUER,
    ];
    let root = std::env::temp_dir().join("lazaret-bench-trusted-root.json");
    fs::write(
        &root,
        sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT,
    )
    .unwrap();
    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazaret"));
        command
            .args(["trust", "verify-bundle", "--bundle"])
            .arg(&bundle)
            .args(identity)
            .arg(&artifact);
        command
    };
    let cosign = std::env::var_os("HOME")
        .map(PathBuf::from)
        .map(|home| home.join(".cache/lazaret-interop/cosign-v3.1.3/cosign"));
    let theirs = |program: &Path| {
        let mut command = Command::new(program);
        command
            .args(["verify-blob", "--bundle"])
            .arg(&bundle)
            .args(identity)
            .arg("--trusted-root")
            .arg(&root)
            .arg(&artifact);
        command
    };
    let mut commands = vec![(
        "the same bundle by `lazaret trust verify-bundle`, a whole process",
        ours(),
    )];
    if let Some(program) = cosign.filter(|program| program.exists()) {
        commands.push((
            "the same bundle by `cosign verify-blob` 3.1.3, a whole process",
            theirs(&program),
        ));
    }
    let mut times = vec![Vec::new(); commands.len()];
    for _ in 0..PROCESSES {
        for ((what, command), times) in commands.iter_mut().zip(&mut times) {
            let started = Instant::now();
            let done = command.stdin(Stdio::null()).output().unwrap();
            times.push(started.elapsed());
            assert!(
                done.status.success(),
                "{what}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
    }
    let rows = commands.iter().zip(times);
    rows.map(|((what, _), times)| Row {
        what: (*what).to_owned(),
        median: median(times),
    })
    .collect()
}

fn write_docs(table: &str) {
    let (begin, end) = ("<!-- signatures: begin -->\n", "<!-- signatures: end -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let old = fs::read_to_string(&path).unwrap();
    let (before, rest) = old.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
}

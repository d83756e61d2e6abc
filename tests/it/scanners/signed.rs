//! What somebody signed: reports, and what does no harm.

use super::*;

/// A policy that hears what `vendor` signed.
fn told(key: &Key) -> String {
    let profile = "unsupported = \"allow\"\nreports_by = [\"vendor\"]\nvex_by = [\"vendor\"]";
    let policy = POLICY.replace("unsupported = \"allow\"\nscanners = [\"house\"]", profile);
    policy + &key.signer("vendor")
}

const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const COSIGN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";

fn vex(status: &str, justification: &str) -> Value {
    json!({ "@context": VEX, "@id": "x", "author": "vendor", "timestamp": "2026-01-01T00:00:00Z", "version": 1,
        "statements": [{ "vulnerability": { "name": "CVE-2026-1" }, "status": status, "justification": justification,
            "products": [{ "@id": "pkg:deb/debian/libssl3" }] }] })
}

#[tokio::test]
async fn what_a_trusted_signer_says_does_no_harm_does_not_deny() {
    let (key, stranger) = (Key::new(), Key::new());
    let good = "vulnerable_code_not_present";
    for (signer, predicate, clears) in [
        (&key, vex("not_affected", good), true),
        (&key, vex("not_affected", ""), false),
        (&key, vex("affected", good), false),
        (&stranger, vex("not_affected", good), false),
    ] {
        let registry = FakeRegistry::start().await;
        let gate = Setup::new(&told(&key)).start(&registry).await;
        know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
        let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
        let child = &pushed.children[0];
        for digest in [&pushed.digest, &child.manifest] {
            let subject = pushed.descriptor.clone();
            let statement = signer.bundle(digest, VEX, predicate.clone());
            push(&registry, APP, &[statement], Some(&subject));
        }
        match clears {
            true => drop(at(&gate).pull(APP, "1").await.pulled()),
            false => drop(refused(&gate, "1").await),
        }
    }
}

#[tokio::test]
async fn a_signed_report_counts_like_a_scanner() {
    let key = Key::new();
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(&told(&key)).start(&registry).await;
    let pushed = registry.push_image(APP, "1", &image(vec![debian("3.0.11-1")]));
    at(&gate).pull(APP, "1").await.pulled();
    let second = registry.push_image(APP, "2", &image(vec![debian("3.0.12-1")]));
    assert_ne!(pushed.digest, second.digest);
    let trivy = json!({ "SchemaVersion": 2, "ArtifactType": "container_image", "Results": [{ "Target": "app/package.json",
        "Vulnerabilities": [{ "VulnerabilityID": "CVE-2026-5", "PkgName": "left-pad", "InstalledVersion": "1.0.0",
            "FixedVersion": "1.0.1", "Severity": "CRITICAL" }] }] });
    let predicate = json!({ "scanner": { "uri": "trivy", "result": trivy },
        "metadata": { "scanFinishedOn": "2026-11-20T00:00:00Z" } });
    let statement = key.bundle(&second.digest, COSIGN, predicate);
    push(&registry, APP, &[statement], Some(&second.descriptor));
    let said = refused(&gate, "2").await;
    assert!(
        said.contains(
            "CVE-2026-5, critical, in left-pad 1.0.0 of app/package.json, says report by vendor"
        ),
        "{said}"
    );
}

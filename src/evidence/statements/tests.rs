use serde_json::json;

use super::*;
use crate::policy::Exoneration;

fn digest() -> Digest {
    Digest::of(b"image")
}

fn statement(predicate_type: &str, predicate: Value) -> ValidStatement {
    ValidStatement {
        signers: vec!["vendor".to_owned()],
        predicate_type: predicate_type.to_owned(),
        predicate: predicate.into(),
        subject: json!([]).into(),
        at: None,
        reference: None,
        found: String::new(),
        authority: crate::trust::Authority::default(),
    }
}

#[test]
fn a_kind_is_its_name_and_its_versions() {
    for (written, kind, fits) in [
        ("https://openvex.dev/ns", VEX, true),
        ("https://openvex.dev/ns/v0.2.0", VEX, true),
        ("https://openvex.dev/nsx", VEX, false),
        ("https://in-toto.io/attestation/vulns/v0.2", IN_TOTO, true),
        ("https://in-toto.io/attestation/vulnsv", IN_TOTO, false),
    ] {
        assert_eq!(is(&statement(written, json!({})), kind), fits, "{written}");
    }
}

/// The list of in-toto names neither package nor fix: every item counts as fixable.
#[test]
fn severities_of_a_list_are_words_and_numbers() {
    let item = |score: Value| json!([{ "id": "CVE-2026-1", "severity": [{ "method": "x", "score": score }] }]);
    for (score, severity) in [
        (json!("9.8"), Severity::Critical),
        (json!(7.0), Severity::High),
        (json!("4.1"), Severity::Medium),
        (json!(0.1), Severity::Low),
        (json!(0), Severity::Negligible),
        (json!("Moderate"), Severity::Medium),
        (json!("whatever"), Severity::Unknown),
        (json!(null), Severity::Unknown),
    ] {
        let predicate = json!({ "scanner": { "result": item(score.clone()) } });
        let said = report(&statement(IN_TOTO, predicate), &digest()).unwrap();
        let found = &said.vulnerabilities[0];
        assert_eq!(found.severity, severity, "{score}");
        assert!(found.fixed.is_some());
    }
}

#[test]
fn a_report_that_cannot_be_read_is_no_clean_one() {
    for predicate in [
        json!({}),
        json!({ "scanner": {} }),
        json!({ "scanner": { "result": {} } }),
        json!({ "scanner": { "result": [{ "severity": [] }] } }),
        json!({ "scanner": { "result": "clean" } }),
    ] {
        let said = report(&statement(COSIGN, predicate.clone()), &digest());
        assert!(said.is_err(), "{predicate}");
    }
}

fn told(statements: Value) -> Vec<Exoneration> {
    let document = json!({ "timestamp": "2026-01-01T00:00:00Z", "statements": statements });
    let repository: Repository = "ghcr.io/acme/app".parse().unwrap();
    vex::harmless(vex::read(&document, "vendor", &repository, &digest()))
}

fn fixed(products: Value) -> Value {
    json!([{ "vulnerability": { "name": "CVE-2026-1" }, "status": "fixed", "products": products }])
}

#[test]
fn a_statement_is_about_the_image_a_part_of_it_or_something_else() {
    let this = format!("pkg:oci/app@{}?repository_url=ghcr.io/acme", digest());
    let coded = this.replace("sha256:", "sha256%3A");
    let part = json!([{ "@id": "pkg:npm/a" }]);
    for (products, purls) in [
        (json!([]), Some(vec![])),
        (json!(["pkg:oci/app"]), Some(vec![])),
        (json!([{ "@id": this }]), Some(vec![])),
        (
            json!([{ "@id": "x", "identifiers": { "purl": coded } }]),
            Some(vec![]),
        ),
        (
            json!([{ "@id": coded, "subcomponents": part }]),
            Some(vec!["pkg:npm/a"]),
        ),
        (json!(["pkg:npm/a"]), Some(vec!["pkg:npm/a"])),
        (json!([{ "@id": "pkg:oci/other" }]), None),
        (
            json!([{ "@id": "pkg:oci/other", "subcomponents": part }]),
            None,
        ),
        (json!([{ "@id": "pkg:oci/app@sha256:00" }]), None),
        (json!([{ "@id": "https://acme.example/app" }]), None),
        (
            json!([{ "@id": "pkg:npm/all", "subcomponents": part }]),
            None,
        ),
    ] {
        let about = told(fixed(products.clone()));
        let purls = purls.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            about.first().map(|one| one.purls.clone()),
            purls,
            "{products}"
        );
    }
}

#[test]
fn doubts_win_unless_they_are_older() {
    let good = |at: &str| json!({ "vulnerability": "CVE-2026-1", "status": "not_affected", "justification": "j", "timestamp": at });
    let bad = |status: &str, at: &str| json!({ "vulnerability": { "name": "CVE-2026-1" }, "status": status, "timestamp": at });
    for (doubt, stands) in [
        (bad("affected", "2026-03-01T00:00:00Z"), false),
        (bad("affected", "2026-02-01T00:00:00Z"), false),
        (bad("under_investigation", "2026-01-01T00:00:00Z"), true),
        // Without a reason it clears nothing, and raises a doubt.
        (bad("not_affected", "2026-03-01T00:00:00Z"), false),
        (bad("unheard of", "2026-03-01T00:00:00Z"), false),
    ] {
        let all = told(json!([good("2026-02-01T00:00:00Z"), doubt]));
        assert_eq!(!all.is_empty(), stands, "{doubt}");
    }
}

#[test]
fn a_document_that_cannot_be_read_clears_nothing() {
    let repository: Repository = "ghcr.io/acme/app".parse().unwrap();
    for document in [json!({}), json!([]), json!({ "statements": [{}] })] {
        assert!(vex::read(&document, "vendor", &repository, &digest()).is_empty());
    }
}

use serde_json::json;

use super::*;

fn read_as(value: &Value, config: Option<&Digest>) -> Result<Report, String> {
    let manifest = Digest::of(b"manifest");
    let named = Named {
        manifest: &manifest,
        config,
        distribution: config.is_some(),
    };
    read(value.to_string().as_bytes(), &named)
}

fn config() -> Digest {
    Digest::of(b"config")
}

/// In the shape of what trivy 0.74 prints.
fn trivy() -> Value {
    json!({
        "SchemaVersion": 2, "Trivy": { "Version": "0.74.0" }, "ArtifactType": "container_image",
        "Metadata": { "ImageID": config(), "OS": { "Family": "debian", "Name": "12.5" } },
        "Results": [
            { "Target": "image (debian 12.5)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [
                { "VulnerabilityID": "CVE-2026-1", "VendorIDs": ["DSA-1-1"], "PkgName": "libssl3", "InstalledVersion": "3.0.11-1",
                  "PkgIdentifier": { "PURL": "pkg:deb/debian/libssl3@3.0.11-1" }, "FixedVersion": "3.0.13-1", "Severity": "CRITICAL",
                  "Title": "t", "PublishedDate": "2026-01-01T00:00:00Z" },
                { "VulnerabilityID": "CVE-2026-2", "PkgName": "zlib1g", "InstalledVersion": "1", "Severity": "UNKNOWN" }] },
            { "Target": "Node.js", "Class": "lang-pkgs", "Vulnerabilities": [
                { "VulnerabilityID": "CVE-2026-3", "PkgName": "left-pad", "PkgPath": "app/package.json", "InstalledVersion": "1",
                  "Severity": "LOW" }] },
            { "Target": "usr/local/bin/gosu", "Class": "lang-pkgs" }],
    })
}

#[test]
fn trivy_is_understood() {
    let report = read_as(&trivy(), Some(&config())).unwrap();
    assert_eq!(report.scanner.version, "0.74.0");
    let said = report.said(None);
    let all = said.vulnerabilities;
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].ids, ["CVE-2026-1", "DSA-1-1"]);
    assert_eq!(all[0].fixed.as_deref(), Some("3.0.13-1"));
    assert_eq!(
        (all[0].path.as_str(), all[2].path.as_str()),
        ("", "app/package.json")
    );
    assert_eq!(
        (all[1].fixed.as_ref(), all[1].severity),
        (None, crate::policy::Severity::Unknown)
    );
    assert_eq!(said.version, "trivy 0.74.0");
}

#[test]
fn grype_is_understood_and_so_is_one_about_a_bill() {
    let grype = |source: Value| {
        json!({
            "matches": [{
                "vulnerability": { "id": "GHSA-1", "severity": "High", "description": "d", "fix": { "versions": ["2", "3"], "state": "fixed" },
                    "knownExploited": [{ "cve": "CVE-2026-4" }] },
                "relatedVulnerabilities": [{ "id": "CVE-2026-4" }],
                "artifact": { "name": "a", "version": "1", "purl": "pkg:npm/a@1", "locations": [{ "path": "/app/package.json" }] },
            }],
            "source": source,
            "distro": { "name": "debian", "version": "12" },
            "descriptor": { "name": "grype", "version": "0.100.0", "db": { "status": { "built": "2026-11-01T00:00:00Z" } } },
        })
    };
    let image = json!({ "type": "image", "target": { "imageID": config(), "manifestDigest": "sha256:other" } });
    let bill = json!({ "type": "sbom-file", "target": "bill.cdx.json" });
    for source in [image, bill] {
        let said = read_as(&grype(source), Some(&config())).unwrap().said(None);
        let one = &said.vulnerabilities[0];
        assert_eq!(one.ids, ["GHSA-1", "CVE-2026-4"]);
        assert_eq!(
            (one.path.as_str(), one.fixed.as_deref(), one.exploited),
            ("app/package.json", Some("2"), true)
        );
        assert_eq!(said.data, Some("2026-11-01T00:00:00Z".parse().unwrap()));
    }
    let other = json!({ "type": "image", "target": { "imageID": "sha256:other" } });
    assert!(read_as(&grype(other), Some(&config())).is_err());
    assert!(
        read_as(
            &grype(json!({ "type": "directory", "target": "/" })),
            Some(&config())
        )
        .is_err()
    );
}

#[test]
fn what_is_not_understood_is_no_report() {
    for (change, value) in [
        ("/SchemaVersion", json!(1)),
        ("/Metadata/OS/Family", json!("none")),
        ("/Metadata/ImageID", json!("sha256:00")),
        ("/Results/0/Vulnerabilities/0/PkgName", json!(7)),
    ] {
        let mut report = trivy();
        *report.pointer_mut(change).unwrap() = value;
        assert!(read_as(&report, Some(&config())).is_err(), "{change}");
    }
    for text in [
        json!({}),
        json!([]),
        json!("clean"),
        json!({ "matches": [] }),
        json!({ "scanner": {}, "vulnerabilities": [] }),
    ] {
        assert!(read_as(&text, Some(&config())).is_err(), "{text}");
    }
    // What somebody signed over the image need not name it.
    assert!(read_as(&trivy(), None).is_ok());
}

#[test]
fn what_go_writes_of_a_list_that_nobody_made_is_none() {
    let grype = |matches: Value| {
        json!({
            "matches": matches, "distro": { "name": "debian" }, "descriptor": { "name": "grype", "version": "0.121.2", "db": null },
            "source": { "type": "image", "target": { "imageID": Digest::of(b"manifest"), "repoDigests": null } },
        })
    };
    let found = json!([{
        "vulnerability": { "id": "CVE-2026-1", "severity": "Critical", "fix": { "versions": null }, "knownExploited": null },
        "relatedVulnerabilities": null,
        "artifact": { "name": "libssl3", "version": "3.0.11-1", "purl": null, "locations": null },
    }]);
    let said = read_as(&grype(found), Some(&config())).unwrap().said(None);
    assert_eq!(said.vulnerabilities[0].ids, ["CVE-2026-1"]);
    assert_eq!(said.vulnerabilities[0].fixed, None);
    // Nothing said of the whole is no answer.
    assert!(read_as(&grype(Value::Null), Some(&config())).is_err());
}

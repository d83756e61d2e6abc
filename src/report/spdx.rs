//! A bill of materials in SPDX 2.3 (ISO/IEC 5962): the same bytes for the same image.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Survey, TOOL, VERSION};
use crate::scan::Package;

const ROOT: &str = "SPDXRef-Image";

/// The packages of an image, contained in it.
pub fn spdx(survey: &Survey) -> Value {
    let identity = survey.identity();
    let created = survey.created.unwrap_or(Timestamp::UNIX_EPOCH);
    let mut packages = vec![json!({
        "SPDXID": ROOT,
        "name": survey.target,
        "versionInfo": survey.manifest.map(|digest| digest.to_string()).unwrap_or_default(),
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "checksums": [{ "algorithm": "SHA256", "checksumValue": identity.hex() }],
    })];
    let mut relationships = vec![related("SPDXRef-DOCUMENT", "DESCRIBES", ROOT)];
    if let Some(system) = &survey.inventory.system {
        packages.push(json!({
            "SPDXID": "SPDXRef-System",
            "name": system.id,
            "versionInfo": system.version_id,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
        }));
        relationships.push(related(ROOT, "CONTAINS", "SPDXRef-System"));
    }
    for (number, found) in survey.inventory.all().enumerate() {
        let id = format!("SPDXRef-Package-{number}");
        relationships.push(related(ROOT, "CONTAINS", &id));
        packages.push(package(&id, found));
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": survey.target,
        "documentNamespace": format!("https://spdx.org/spdxdocs/{TOOL}-{}", identity.hex()),
        "creationInfo": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "creators": [format!("Tool: {TOOL}-{VERSION}")],
        },
        "packages": packages,
        "relationships": relationships,
    })
}

fn package(id: &str, found: &Package) -> Value {
    json!({
        "SPDXID": id,
        "name": found.name,
        "versionInfo": found.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "sourceInfo": format!("found in {} of layer {}", found.found.path, found.found.layer),
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": found.purl(),
        }],
    })
}

fn related(from: &str, how: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to })
}

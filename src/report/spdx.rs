//! A bill of materials in SPDX 2.3 (ISO/IEC 5962): the same bytes for the same image.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Survey, TOOL, VERSION};
use crate::scan::Package;

const ROOT: &str = "SPDXRef-Image";
/// trivy knows it by the beginning of this.
const SYSTEM: &str = "SPDXRef-OperatingSystem";

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
            "SPDXID": SYSTEM,
            "name": system.id,
            "versionInfo": system.version_id,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
        }));
        relationships.push(related(ROOT, "CONTAINS", SYSTEM));
    }
    for (number, found) in survey.inventory.all().enumerate() {
        let id = format!("SPDXRef-Package-{number}");
        // A distribution's packages are the distribution's: trivy looks for them there.
        let shipped = survey.inventory.system.is_some()
            && survey.inventory.databases.contains_key(&found.found);
        let holder = if shipped { SYSTEM } else { ROOT };
        relationships.push(related(holder, "CONTAINS", &id));
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
    let mut package = json!({
        "SPDXID": id,
        "name": found.name,
        "versionInfo": found.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "comment": format!("found in {} of layer {}", found.found.path, found.found.layer),
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": found.purl(),
        }],
    });
    if let (Some((name, version)), Some(package)) = (&found.source, package.as_object_mut()) {
        // The words that trivy reads, to match a distribution's advisories.
        let source = format!("built package from: {name} {version}");
        package.insert("sourceInfo".to_owned(), source.into());
    }
    package
}

fn related(from: &str, how: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": how, "relatedSpdxElement": to })
}

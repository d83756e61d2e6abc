//! A bill of materials in CycloneDX 1.6 (ECMA-424): the same bytes for the same image and advisories.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ADVISORIES, Survey, TOOL, VERSION, word};
use crate::policy::{Severity, Vulnerability};
use crate::scan::Package;

/// The packages of an image, where each was found, and what is known to be wrong with them.
pub fn cyclonedx(survey: &Survey) -> Value {
    let mut components = Vec::new();
    if let Some(system) = &survey.inventory.system {
        components.push(json!({
            "type": "operating-system",
            "bom-ref": format!("os:{}", system.id),
            "name": system.id,
            "version": system.version_id,
            "description": system.pretty_name,
        }));
    }
    let mut refs: BTreeMap<(&str, &str, &str), Vec<String>> = BTreeMap::new();
    for (number, package) in survey.inventory.all().enumerate() {
        let component = component(number, package);
        let key = (
            package.name.as_str(),
            package.version.as_str(),
            package.found.path.as_str(),
        );
        let id = component
            .get("bom-ref")
            .and_then(Value::as_str)
            .unwrap_or_default();
        refs.entry(key).or_default().push(id.to_owned());
        components.push(component);
    }
    let found = survey.contents.vulnerabilities.iter();
    let vulnerabilities: Vec<Value> = found.map(|one| vulnerability(one, &refs)).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(survey)),
        "version": 1,
        "metadata": metadata(survey),
        "components": components,
        "vulnerabilities": vulnerabilities,
    })
}

fn metadata(survey: &Survey) -> Value {
    let mut image = Map::new();
    image.insert("type".to_owned(), "container".into());
    image.insert("bom-ref".to_owned(), survey.identity().to_string().into());
    image.insert("name".to_owned(), survey.target.clone().into());
    if let Some(manifest) = survey.manifest {
        image.insert("version".to_owned(), manifest.to_string().into());
    }
    image.insert(
        "properties".to_owned(),
        json!([
            { "name": "lazaret:platform", "value": survey.platform.to_string() },
            { "name": "lazaret:config", "value": survey.config.to_string() },
        ]),
    );
    let mut metadata = json!({
        "tools": { "components": [{ "type": "application", "name": TOOL, "version": VERSION }] },
        "component": image,
    });
    if let (Some(created), Some(metadata)) = (survey.created, metadata.as_object_mut()) {
        metadata.insert("timestamp".to_owned(), created.to_string().into());
    }
    metadata
}

fn component(number: usize, package: &Package) -> Value {
    let purl = package.purl();
    let mut properties = vec![
        json!({ "name": "lazaret:layer", "value": package.found.layer.to_string() }),
        json!({ "name": "lazaret:path", "value": package.found.path }),
    ];
    if let Some((name, version)) = &package.source {
        // By these trivy knows it, and matches the distribution's advisories.
        properties.push(json!({ "name": "aquasecurity:trivy:SrcName", "value": name }));
        properties.push(json!({ "name": "aquasecurity:trivy:SrcVersion", "value": version }));
    }
    json!({
        "type": "library",
        // The same package may lie in several places.
        "bom-ref": format!("{number}:{purl}"),
        "name": package.name,
        "version": package.version,
        "purl": purl,
        "properties": properties,
        "evidence": { "occurrences": [{ "location": package.found.path }] },
    })
}

fn vulnerability(one: &Vulnerability, refs: &BTreeMap<(&str, &str, &str), Vec<String>>) -> Value {
    let id = one.ids.first().map_or("", String::as_str);
    let affected = one.packages.iter().filter_map(|(name, version)| {
        refs.get(&(name.as_str(), version.as_str(), one.path.as_str()))
    });
    let affects: Vec<Value> = affected.flatten().map(|id| json!({ "ref": id })).collect();
    let url = format!("{ADVISORIES}{id}");
    let references = one.ids.iter().skip(1).map(|alias| {
        json!({ "id": alias, "source": { "name": "OSV", "url": format!("{ADVISORIES}{alias}") } })
    });
    let severity = match one.severity {
        Severity::Negligible => "info",
        severity => word(severity),
    };
    let advice = match &one.fixed {
        Some(fixed) => format!("Update to {fixed} or later."),
        None => "No fix is known.".to_owned(),
    };
    json!({
        "bom-ref": format!("vulnerability:{id}:{}", one.path),
        "id": id,
        "source": { "name": "OSV", "url": url },
        "references": references.collect::<Vec<_>>(),
        "ratings": [{ "severity": severity }],
        "description": one.summary,
        "recommendation": advice,
        "affects": affects,
    })
}

/// The image's digest in the form of a UUID of version 8 (RFC 9562, 5.8).
fn uuid(survey: &Survey) -> String {
    let hex = survey.identity().hex().to_owned();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

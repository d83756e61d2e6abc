//! Reports as trivy and grype write them, and in our own words: told apart by their shape.

use serde::Deserialize;
use serde_json::Value;

use super::report::{Listed, Looker, Report};
use crate::oci::Digest;

/// An image's digests, by which a report names it.
pub(in crate::evidence) struct Named<'a> {
    pub(in crate::evidence) manifest: &'a Digest,
    /// None where somebody signed that the report is about the manifest.
    pub(in crate::evidence) config: Option<&'a Digest>,
    /// Whether packages of a distribution are in it: who does not know the distribution did not look at them.
    pub(in crate::evidence) distribution: bool,
}

/// Reads a report about an image.
///
/// # Errors
/// A sentence: it is none that is known, it is broken, or it is about another image.
pub(in crate::evidence) fn read(json: &[u8], image: &Named<'_>) -> Result<Report, String> {
    let value: Value =
        serde_json::from_slice(json).map_err(|error| format!("its report is no JSON: {error}"))?;
    read_value(value, image)
}

/// The same of a value.
///
/// # Errors
/// As for [`read`].
pub(in crate::evidence) fn read_value(value: Value, image: &Named<'_>) -> Result<Report, String> {
    let has = |key: &str| value.get(key).is_some();
    let report = if has("SchemaVersion") && has("ArtifactType") {
        trivy(parsed(value)?, image)?
    } else if has("matches") && has("descriptor") {
        grype(parsed(value)?, image)?
    } else if has("scanner") && has("vulnerabilities") {
        parsed(value)?
    } else {
        return Err("its report is neither trivy's nor grype's nor ours".to_owned());
    };
    report.checked(image.manifest)
}

fn parsed<T: for<'de> Deserialize<'de>>(mut value: Value) -> Result<T, String> {
    drop_nulls(&mut value);
    serde_json::from_value(value).map_err(|error| format!("its report is malformed: {error}"))
}

/// Go writes a list that nobody made as `null`: what is so is not there.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Whether a report names the image, where it names any; both scanners name the configuration, and grype the manifest.
fn about(image: &Named<'_>, names: &[&str]) -> Result<(), String> {
    let Some(config) = image.config else {
        return Ok(());
    };
    let ours = [image.manifest.to_string(), config.to_string()];
    let named: Vec<&&str> = names.iter().filter(|name| !name.is_empty()).collect();
    match named
        .iter()
        .any(|name| ours.iter().any(|own| own == **name))
    {
        true => Ok(()),
        false if named.is_empty() => {
            Err("its report does not say which image it is about".to_owned())
        }
        false => Err("its report is about another image".to_owned()),
    }
}

/// Whether all packages were looked at. What a scanner does not know it leaves out, and says nothing of it in its list.
fn looked(image: &Named<'_>, knows: bool) -> Result<(), String> {
    match image.distribution && !knows {
        true => {
            Err("it does not know the distribution, so it looked at no package of it".to_owned())
        }
        false => Ok(()),
    }
}

/// `trivy image --format json`, version 2 of its schema (aquasecurity/trivy, `pkg/types/report.go`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trivy {
    schema_version: u32,
    #[serde(default)]
    trivy: TrivyProgram,
    #[serde(default)]
    metadata: TrivyImage,
    #[serde(default)]
    results: Vec<TrivyResult>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyProgram {
    #[serde(default)]
    version: String,
}

#[derive(Default, Deserialize)]
struct TrivyImage {
    #[serde(default, rename = "ImageID")]
    id: String,
    #[serde(default, rename = "OS")]
    os: TrivySystem,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivySystem {
    #[serde(default)]
    family: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyResult {
    #[serde(default)]
    target: String,
    #[serde(default)]
    class: String,
    #[serde(default)]
    vulnerabilities: Vec<TrivyFound>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyFound {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(default, rename = "VendorIDs")]
    vendor: Vec<String>,
    pkg_name: String,
    #[serde(default)]
    pkg_path: String,
    #[serde(default)]
    pkg_identifier: TrivyPackage,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    published_date: Option<jiff::Timestamp>,
}

#[derive(Default, Deserialize)]
struct TrivyPackage {
    #[serde(default, rename = "PURL")]
    purl: Option<String>,
}

fn trivy(report: Trivy, image: &Named<'_>) -> Result<Report, String> {
    if report.schema_version != 2 {
        return Err(format!(
            "its report has version {} of trivy's schema",
            report.schema_version
        ));
    }
    about(image, &[&report.metadata.id])?;
    let family = &report.metadata.os.family;
    looked(image, !family.is_empty() && family != "none")?;
    let mut listed = Vec::new();
    for result in report.results {
        // The target of a distribution's packages is the image; of others, the file.
        let file = if result.class == "os-pkgs" {
            String::new()
        } else {
            result.target
        };
        listed.extend(result.vulnerabilities.into_iter().map(|one| Listed {
            id: one.id,
            aliases: one.vendor,
            package: one.pkg_name,
            version: one.installed_version,
            purl: one.pkg_identifier.purl,
            fixed_in: Some(one.fixed_version),
            severity: one.severity,
            path: if one.pkg_path.is_empty() {
                file.clone()
            } else {
                one.pkg_path
            },
            summary: one.title,
            published: one.published_date,
            exploited: false,
        }));
    }
    let scanner = Looker {
        name: "trivy".to_owned(),
        version: report.trivy.version,
        data_from: None,
    };
    Ok(Report::of(scanner, image.manifest.to_string(), listed))
}

/// `grype -o json` (anchore/grype, `grype/presenter/models`).
#[derive(Deserialize)]
struct Grype {
    matches: Vec<GrypeMatch>,
    #[serde(default)]
    distro: GrypeSystem,
    #[serde(default)]
    source: GrypeSource,
    descriptor: GrypeProgram,
}

#[derive(Default, Deserialize)]
struct GrypeSource {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    target: Value,
}

#[derive(Default, Deserialize)]
struct GrypeSystem {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct GrypeProgram {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    db: Value,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    #[serde(default, rename = "relatedVulnerabilities")]
    related: Vec<GrypeName>,
    artifact: GrypePackage,
}

#[derive(Deserialize)]
struct GrypeName {
    id: String,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    fix: GrypeFix,
    #[serde(default, rename = "knownExploited")]
    exploited: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct GrypeFix {
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct GrypePackage {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    locations: Vec<GrypePlace>,
}

#[derive(Deserialize)]
struct GrypePlace {
    #[serde(default)]
    path: String,
}

fn grype(report: Grype, image: &Named<'_>) -> Result<Report, String> {
    let target = |key: &str| report.source.target.get(key).and_then(Value::as_str);
    let names = [target("manifestDigest"), target("imageID")].map(Option::unwrap_or_default);
    // A bill of material is the one that we gave it, and it does not say of what.
    if !report.source.kind.starts_with("sbom") {
        about(image, &names)?;
    }
    looked(image, !report.distro.name.is_empty())?;
    let built = |of: Option<&Value>| of?.get("built")?.as_str()?.parse().ok();
    let db = &report.descriptor.db;
    let scanner = Looker {
        name: report.descriptor.name,
        version: report.descriptor.version,
        data_from: built(db.get("status")).or_else(|| built(Some(db))),
    };
    let listed = report.matches.into_iter().map(|one| Listed {
        id: one.vulnerability.id,
        aliases: one.related.into_iter().map(|name| name.id).collect(),
        package: one.artifact.name,
        version: one.artifact.version,
        purl: one.artifact.purl,
        fixed_in: one.vulnerability.fix.versions.into_iter().next(),
        severity: one.vulnerability.severity,
        path: one
            .artifact
            .locations
            .into_iter()
            .next()
            .map(|place| place.path.trim_start_matches('/').to_owned())
            .unwrap_or_default(),
        summary: one.vulnerability.description,
        exploited: !one.vulnerability.exploited.is_empty(),
        published: None,
    });
    Ok(Report::of(
        scanner,
        image.manifest.to_string(),
        listed.collect(),
    ))
}

#[cfg(test)]
mod tests;

//! Adapters of Harbor's Pluggable Scanner API, 1.0 to 1.2 (goharbor/pluggable-scanner-spec): they are told of an image and
//! fetch it from us, and are asked until the report is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::Login;
use super::report::{Listed, Looker, Report};
use super::shown::{Pass, Shown};
use super::{Asked, MAX_REPORT_BYTES};
use crate::oci::Digest;
use crate::upstream::{Answer, Call, Upstream};

/// What adapters are asked in: matched letter by letter by some.
const METADATA: &str = "application/vnd.scanner.adapter.metadata+json; version=1.0";
const REQUEST: &str = "application/vnd.scanner.adapter.scan.request+json; version=1.0";
/// The reports that are understood, best first.
const REPORTS: [&str; 2] = [
    "application/vnd.security.vulnerability.report; version=1.1",
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
];
/// When the data was updated, among the properties of an adapter.
const UPDATED: &str = "harbor.scanner-adapter/vulnerability-database-updated-at";
/// How long one question may take: Harbor itself gives 5 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// Before the report is asked for the first time: a small image is looked into in less than Harbor's 2 s.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// Between two looks, where the adapter does not say.
const LOOK: Duration = Duration::from_secs(5);
/// Longest time between two looks that is believed: a pull waits.
const LONGEST_LOOK: Duration = Duration::from_secs(15);
/// How often a scan is begun that the adapter forgets.
const MAX_SCANS: usize = 3;
/// Longest name of a scan.
const MAX_ID: usize = 200;

/// A scanner behind an adapter.
pub struct Adapter {
    /// The adapter.
    pub server: Arc<Upstream>,
    /// The path to its API, without a slash at the end.
    pub path: String,
    /// Who we are there.
    pub login: Login,
    /// From where it fetches images; none where no server runs.
    pub shown: Option<Arc<Shown>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    capabilities: Vec<Capability>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Capability {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    produces_mime_types: Vec<String>,
}

#[derive(Deserialize)]
struct Begun {
    id: String,
}

/// What lists of vulnerabilities have in common in both versions.
#[derive(Deserialize)]
struct Listing {
    /// Not believed for a time, but a report without it is none: a clean one omits nearly everything else.
    #[serde(rename = "generated_at")]
    _generated_at: String,
    artifact: Artifact,
    scanner: Named,
    #[serde(default)]
    vulnerabilities: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Artifact {
    digest: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    package: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    fix_version: Option<String>,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    description: String,
}

/// What an adapter can do that is of use here.
struct Able {
    /// The type of its reports.
    report: &'static str,
    /// Whether it tells kinds of scans apart.
    kinds: bool,
    data_from: Option<Timestamp>,
}

impl Adapter {
    pub(super) fn identity(&self) -> String {
        format!("{} {}", self.server.host(), self.path)
    }

    pub(super) async fn ask(&self, asked: &Asked) -> Result<Report, String> {
        let shown = self.shown.as_ref();
        let shown = shown.ok_or("it fetches images from a server with [inspection]")?;
        let able = self.able().await?;
        let pass = shown.open(asked)?;
        for _ in 0..MAX_SCANS {
            let id = self.begin(&able, asked, &pass).await?;
            if let Some(listing) = self.result(&able, &id).await? {
                return report(listing, able.data_from).checked(&asked.manifest);
            }
        }
        Err(format!("it forgot {MAX_SCANS} scans in a row"))
    }

    async fn able(&self) -> Result<Able, String> {
        let answer = self
            .call(Method::GET, "metadata", ACCEPT, METADATA, Bytes::new())
            .await?;
        let metadata: Metadata = parsed(&good(answer, StatusCode::OK)?)?;
        able(&metadata)
    }

    async fn begin(&self, able: &Able, asked: &Asked, pass: &Pass) -> Result<String, String> {
        let mut question = json!({
            "registry": { "url": pass.url(), "authorization": pass.authorization() },
            "artifact": {
                "repository": asked.repository.as_str(),
                "digest": asked.manifest,
                "mime_type": asked.image.media_type,
            },
        });
        if able.kinds
            && let Some(question) = question.as_object_mut()
        {
            let wanted = json!([{ "type": "vulnerability", "produces_mime_types": [able.report] }]);
            question.insert("enabled_capabilities".to_owned(), wanted);
        }
        let body = Bytes::from(question.to_string());
        let answer = self
            .call(Method::POST, "scan", CONTENT_TYPE, REQUEST, body)
            .await?;
        let begun: Begun = parsed(&good(answer, StatusCode::ACCEPTED)?)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        match !begun.id.is_empty() && begun.id.len() <= MAX_ID && begun.id.bytes().all(plain) {
            true => Ok(begun.id),
            false => Err("it gave the scan an unusable name".to_owned()),
        }
    }

    /// The report once it is there; none where the adapter does not know the scan any more.
    async fn result(&self, able: &Able, id: &str) -> Result<Option<Listing>, String> {
        let mut pause = FIRST_LOOK;
        loop {
            tokio::time::sleep(pause).await;
            let path = format!("scan/{id}/report");
            let answer = self
                .call(Method::GET, &path, ACCEPT, able.report, Bytes::new())
                .await?;
            match answer.status {
                // Not ready: no redirect, though it looks like one. Some give an address, which is their own.
                StatusCode::FOUND => pause = next_look(&answer.headers),
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return parsed(&good(answer, StatusCode::OK)?).map(Some),
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        header: hyper::header::HeaderName,
        kind: &'static str,
        body: Bytes,
    ) -> Result<Answer, String> {
        let mut headers = self.login.headers()?;
        headers.insert(header, HeaderValue::from_static(kind));
        let call = Call {
            method,
            path: format!("{}/api/v1/{path}", self.path),
            headers,
            body,
            most: MAX_REPORT_BYTES,
            patience: PATIENCE,
        };
        self.server
            .call(call)
            .await
            .map_err(|error| error.to_string())
    }
}

fn next_look(headers: &HeaderMap) -> Duration {
    let told = headers
        .get("refresh-after")
        .and_then(|value| value.to_str().ok());
    let told = told
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    told.unwrap_or(LOOK)
        .clamp(Duration::from_secs(1), LONGEST_LOOK)
}

/// The body of an answer with the wanted status, else what the adapter complains of.
fn good(answer: Answer, wanted: StatusCode) -> Result<Bytes, String> {
    if answer.status == wanted {
        return Ok(answer.body);
    }
    let told: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let told = told
        .as_ref()
        .and_then(|body| body.pointer("/error/message")?.as_str());
    let told = told.map(|text| format!(": {}", super::report::plain(text)));
    let status = answer.status.as_u16();
    Err(format!(
        "it answered HTTP {status}{}",
        told.unwrap_or_default()
    ))
}

fn parsed<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("its answer is malformed: {error}"))
}

fn able(metadata: &Metadata) -> Result<Able, String> {
    let fits = |one: &&Capability| {
        one.kind
            .as_deref()
            .is_none_or(|kind| kind == "vulnerability")
    };
    let usable: Vec<&Capability> = metadata.capabilities.iter().filter(fits).collect();
    let produced = |kind: &&str| {
        usable
            .iter()
            .any(|one| one.produces_mime_types.iter().any(|p| p == kind))
    };
    let report = REPORTS.into_iter().find(|kind| produced(kind));
    let report = report.ok_or("it writes no report that is understood")?;
    for (name, value) in &metadata.properties {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if name.ends_with("_IGNORE_UNFIXED") && text == "true" {
            return Err(format!(
                "it leaves out what has no fix: set {name} to false"
            ));
        }
        let lacks = |level: &&str| !text.split(',').any(|one| one.trim() == *level);
        if name.ends_with("_SEVERITY")
            && let Some(lacking) = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"]
                .iter()
                .find(|level| lacks(level))
        {
            return Err(format!(
                "it leaves out what is {lacking}: add that to {name}"
            ));
        }
    }
    let updated = metadata.properties.get(UPDATED).and_then(Value::as_str);
    Ok(Able {
        report,
        kinds: usable.iter().any(|one| one.kind.is_some()),
        data_from: updated.and_then(|text| text.parse().ok()),
    })
}

/// Reads a report about an image.
///
/// # Errors
/// A sentence: it is malformed, or about another image.
pub(in crate::evidence) fn read(json: &[u8], manifest: &Digest) -> Result<Report, String> {
    report(parsed(json)?, None).checked(manifest)
}

fn report(listing: Listing, data_from: Option<Timestamp>) -> Report {
    let listed = listing
        .vulnerabilities
        .unwrap_or_default()
        .into_iter()
        .map(|one| Listed {
            id: one.id,
            package: one.package,
            version: one.version,
            fixed_in: one.fix_version,
            severity: one.severity,
            summary: one.description,
            ..Listed::default()
        });
    let scanner = Looker {
        name: listing.scanner.name,
        version: listing.scanner.version,
        data_from,
    };
    Report::of(scanner, listing.artifact.digest, listed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(text: &str) -> Result<Able, String> {
        able(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn an_adapter_that_leaves_out_findings_is_not_asked() {
        let with = |properties: &str| {
            let kind = REPORTS[0];
            format!(
                r#"{{"capabilities":[{{"produces_mime_types":["{kind}"]}}],"properties":{properties}}}"#
            )
        };
        assert!(metadata(&with("{}")).is_ok());
        let all = r#"{"env.SCANNER_TRIVY_SEVERITY":"UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL","env.SCANNER_TRIVY_IGNORE_UNFIXED":"false"}"#;
        assert!(metadata(&with(all)).is_ok());
        let few = metadata(&with(r#"{"env.SCANNER_TRIVY_SEVERITY":"HIGH,CRITICAL"}"#));
        assert_eq!(
            few.err().unwrap(),
            "it leaves out what is MEDIUM: add that to env.SCANNER_TRIVY_SEVERITY"
        );
        let fixable = metadata(&with(r#"{"env.SCANNER_TRIVY_IGNORE_UNFIXED":"true"}"#));
        assert_eq!(
            fixable.err().unwrap(),
            "it leaves out what has no fix: set env.SCANNER_TRIVY_IGNORE_UNFIXED to false"
        );
    }

    #[test]
    fn the_best_report_is_chosen_that_both_understand() {
        let of = |kinds: &str| metadata(&format!(r#"{{"capabilities":{kinds}}}"#));
        let both = format!(
            r#"[{{"produces_mime_types":["{}","{}"]}}]"#,
            REPORTS[1], REPORTS[0]
        );
        assert_eq!(of(&both).ok().unwrap().report, REPORTS[0]);
        let old = format!(r#"[{{"produces_mime_types":["{}"]}}]"#, REPORTS[1]);
        assert_eq!(of(&old).ok().unwrap().report, REPORTS[1]);
        let bill = format!(
            r#"[{{"type":"sbom","produces_mime_types":["{}"]}}]"#,
            REPORTS[0]
        );
        assert!(of(&bill).is_err());
        assert!(of("[]").is_err());
        let typed = format!(
            r#"[{{"type":"vulnerability","produces_mime_types":["{}"]}}]"#,
            REPORTS[0]
        );
        assert!(of(&typed).ok().unwrap().kinds);
    }
}

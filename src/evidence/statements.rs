//! What signed statements say of vulnerabilities: reports of scans, and that something does no harm.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::oci::{Digest, Repository};
use crate::policy::{
    AttestationEvidence, Gathered, Opinion, Policy, Said, ScanEvidence, Severity, ValidStatement,
    Vulnerability,
};

use super::scanners::{Named, read_value};

mod vex;

/// Reports of scans (sigstore/cosign, `specs/COSIGN_VULN_ATTESTATION_SPEC.md`).
const COSIGN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
/// Reports of scans (in-toto attestations, `spec/predicates/vulns_02.md`), by any version.
const IN_TOTO: &str = "https://in-toto.io/attestation/vulns";
/// OpenVEX, by any version.
const VEX: &str = "https://openvex.dev/ns";
/// What stands for the fix where a report cannot say which it is.
const SOME_FIX: &str = "a version that the report does not name";

/// Joins what was attested to what was found: as far as the profile of the rule regards it.
pub(super) fn regard(
    scan: Gathered<ScanEvidence>,
    attestation: &Gathered<AttestationEvidence>,
    policy: &Policy,
    repository: &Repository,
    subject: &Digest,
) -> Gathered<ScanEvidence> {
    let (Gathered::Found(mut scan), Some(profile)) =
        (scan.clone(), &policy.rule_for(repository).scan)
    else {
        return scan;
    };
    let (statements, incomplete) = match attestation {
        Gathered::Found(found) => (found.statements.as_slice(), found.incomplete.as_ref()),
        Gathered::Absent => (Default::default(), None),
        Gathered::Unavailable { why } => (Default::default(), Some(why)),
    };
    let mut opinions: Vec<Opinion> = Vec::new();
    for signer in &profile.reports_by {
        let of = by(statements, signer).filter(|one| is(one, COSIGN) || is(one, IN_TOTO));
        let newest = of.max_by_key(|one| finished(one).or(one.at));
        let said = match (newest, incomplete) {
            (Some(newest), _) => report(newest, subject),
            (None, Some(why)) => Err(format!("its reports could not be looked for: {why}")),
            (None, None) => continue,
        };
        opinions.push(Opinion {
            scanner: format!("report by {signer}"),
            said,
        });
    }
    for image in &mut scan.images {
        image.opinions.extend(opinions.iter().cloned());
    }
    let told = profile.vex_by.iter().flat_map(|signer| {
        let of = by(statements, signer).filter(|one| is(one, VEX));
        of.flat_map(|one| vex::read(&one.predicate, signer, repository, subject))
    });
    scan.exonerations = vex::harmless(told.collect());
    Gathered::Found(scan)
}

/// What somebody signed himself: what he vouches for together with an image is believed where a rule asks for it.
fn by<'a>(
    statements: &'a [ValidStatement],
    signer: &'a String,
) -> impl Iterator<Item = &'a ValidStatement> {
    statements
        .iter()
        .filter(move |one| one.reference.is_none() && one.signers.contains(signer))
}

fn is(statement: &ValidStatement, kind: &str) -> bool {
    let rest = statement.predicate_type.strip_prefix(kind);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// When the scan ended.
fn finished(statement: &ValidStatement) -> Option<Timestamp> {
    let at = statement.predicate.pointer("/metadata/scanFinishedOn")?;
    at.as_str()?.parse().ok()
}

/// Of how many vulnerabilities a statement speaks.
///
/// # Errors
/// It is of another kind, or cannot be read.
pub(super) fn speaks_of(
    statement: &ValidStatement,
    repository: &Repository,
    subject: &Digest,
) -> Result<usize, String> {
    if is(statement, VEX) {
        let told = vex::read(&statement.predicate, "", repository, subject);
        return Ok(vex::harmless(told).len());
    }
    match is(statement, COSIGN) || is(statement, IN_TOTO) {
        true => Ok(report(statement, subject)?.vulnerabilities.len()),
        false => Err("it says nothing of vulnerabilities".to_owned()),
    }
}

fn report(statement: &ValidStatement, subject: &Digest) -> Result<Said, String> {
    let result = statement.predicate.pointer("/scanner/result");
    let result = result.ok_or("the report has no result")?;
    let mut said = match result {
        Value::Array(listed) => listing(listed)?,
        _ => {
            let named = Named {
                manifest: subject,
                config: None,
                distribution: false,
            };
            read_value(result.clone(), &named)?.said(None)
        }
    };
    said.data = finished(statement).or(statement.at);
    Ok(said)
}

/// An item of in-toto's list. It names no package and no fix.
#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    severity: Vec<Score>,
}

#[derive(Deserialize)]
struct Score {
    score: Value,
}

fn listing(listed: &[Value]) -> Result<Said, String> {
    let read = listed.iter().map(|item| {
        let item =
            Item::deserialize(item).map_err(|error| format!("the report is malformed: {error}"))?;
        let scores = item.severity.iter().map(|one| severity(&one.score));
        Ok::<_, String>(Vulnerability {
            severity: scores.max().unwrap_or_default(),
            packages: vec![(
                "a package that the report does not name".to_owned(),
                String::new(),
            )],
            fixed: Some(SOME_FIX.to_owned()),
            malicious: item.id.starts_with("MAL-"),
            ids: vec![item.id],
            ..Vulnerability::default()
        })
    });
    Ok(Said {
        vulnerabilities: read.collect::<Result<_, _>>()?,
        ..Said::default()
    })
}

/// A number is one of CVSS, in its words (CVSS 3.1 section 5).
fn severity(score: &Value) -> Severity {
    let number = score.as_f64().or_else(|| score.as_str()?.parse().ok());
    match (number, score.as_str()) {
        (Some(number), _) if number >= 9.0 => Severity::Critical,
        (Some(number), _) if number >= 7.0 => Severity::High,
        (Some(number), _) if number >= 4.0 => Severity::Medium,
        (Some(number), _) if number > 0.0 => Severity::Low,
        (Some(_), _) => Severity::Negligible,
        (None, Some(word)) => super::scanners::severity(word),
        (None, None) => Severity::Unknown,
    }
}

#[cfg(test)]
mod tests;

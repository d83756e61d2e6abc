//! The readers of what scanners and signers wrote, by themselves: for those who try to break them.

use std::sync::Arc;

use serde_json::Value;

use super::scanners::{Named, adapter_report, read};
use super::statements;
use crate::oci::{Digest, Repository};
use crate::policy::ValidStatement;
use crate::trust::Authority;

/// Of how many vulnerabilities a scanner's report about this image speaks; trivy's, grype's or in our own words.
///
/// # Errors
/// Why it counts as silence.
pub fn report_speaks_of(json: &[u8], manifest: &Digest, config: &Digest) -> Result<usize, String> {
    let named = Named {
        manifest,
        config: Some(config),
        distribution: true,
    };
    let said = read(json, &named)?.said(None);
    Ok(said.vulnerabilities.len())
}

/// The same of a report of Harbor's scanner API.
///
/// # Errors
/// As for [`report_speaks_of`].
pub fn adapter_report_speaks_of(json: &[u8], manifest: &Digest) -> Result<usize, String> {
    let said = adapter_report(json, manifest)?.said(None);
    Ok(said.vulnerabilities.len())
}

/// Of how many vulnerabilities a signed statement speaks: a report of a scan, or an OpenVEX document that clears some.
///
/// # Errors
/// It is no JSON, no such statement, or malformed.
pub fn statement_speaks_of(
    predicate_type: &str,
    predicate: &[u8],
    repository: &Repository,
    subject: &Digest,
) -> Result<usize, String> {
    let predicate: Value = serde_json::from_slice(predicate).map_err(|error| error.to_string())?;
    let statement = ValidStatement {
        signers: Vec::new(),
        predicate_type: predicate_type.to_owned(),
        predicate: Arc::new(predicate),
        subject: Arc::new(Value::Null),
        at: None,
        reference: None,
        found: String::new(),
        authority: Authority::default(),
    };
    statements::speaks_of(&statement, repository, subject)
}

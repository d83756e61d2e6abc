//! Signed summaries, in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::DecisionId;
use super::row::{parsed, time};
use crate::oci::{Digest, Repository};

/// A signed summary of a decision, as it is served beside an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSummary {
    /// When it was signed.
    pub at: Timestamp,
    /// Of which decision.
    pub decision: DecisionId,
    /// Where the image is.
    pub repository: Repository,
    /// The image.
    pub subject: Digest,
    /// The manifest that refers to it.
    pub manifest: Vec<u8>,
    /// The bundle, which is the manifest's only layer.
    pub bundle: Vec<u8>,
}

/// Keeps one. Of two for the same the first stays.
pub(super) fn keep(to: &Transaction<'_>, summary: &KeptSummary) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT OR IGNORE INTO summary (at, decision, repository, subject, manifest_digest, manifest, bundle_digest, bundle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        summary.at.as_millisecond(),
        summary.decision.to_string(),
        summary.repository.as_str(),
        summary.subject.to_string(),
        Digest::of(&summary.manifest).to_string(),
        summary.manifest,
        Digest::of(&summary.bundle).to_string(),
        summary.bundle,
    ])
    .map(drop)
}

const SELECT: &str = "SELECT at, decision, repository, subject, manifest, bundle FROM summary";

fn summary(row: &Row<'_>) -> rusqlite::Result<KeptSummary> {
    Ok(KeptSummary {
        at: time(row, 0)?,
        decision: parsed(row, 1)?,
        repository: parsed(row, 2)?,
        subject: parsed(row, 3)?,
        manifest: row.get(4)?,
        bundle: row.get(5)?,
    })
}

/// That of a decision about an image.
pub(super) fn of(
    from: &Connection,
    decision: DecisionId,
    subject: &Digest,
) -> rusqlite::Result<Option<KeptSummary>> {
    from.prepare_cached(&format!("{SELECT} WHERE decision = ?1 AND subject = ?2"))?
        .query_row(params![decision.to_string(), subject.to_string()], summary)
        .optional()
}

/// That whose manifest or bundle this is.
pub(super) fn with(from: &Connection, digest: &Digest) -> rusqlite::Result<Option<KeptSummary>> {
    from.prepare_cached(&format!(
        "{SELECT} WHERE manifest_digest = ?1 OR bundle_digest = ?1"
    ))?
    .query_row([digest.to_string()], summary)
    .optional()
}

/// Manifests and bundles of the newest, for whoever must know quickly whether a digest is one.
pub(super) fn digests(from: &Connection, most: u32) -> rusqlite::Result<Vec<Digest>> {
    let mut digests = Vec::new();
    let mut rows = from.prepare_cached(
        "SELECT manifest_digest, bundle_digest FROM summary ORDER BY id DESC LIMIT ?1",
    )?;
    let mut rows = rows.query([most])?;
    while let Some(row) = rows.next()? {
        digests.push(parsed(row, 0)?);
        digests.push(parsed(row, 1)?);
    }
    Ok(digests)
}

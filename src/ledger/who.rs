//! "Who pulled it?", in SQLite.

use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::Identity;
use super::decision::who;
use super::row::{maybe_parsed, parsed, time};
use crate::oci::{Digest, Reference, Repository};

/// What somebody may have pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An image, a layer, any content.
    Digest(Digest),
    /// Anything of a repository.
    Repository(Repository),
    /// A tag or digest as it was asked for.
    Reference(Reference),
    /// Whatever has this in its findings: an advisory, a package, a file, a signer.
    Finding(String),
}

/// Somebody who pulled something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Puller {
    /// From where.
    pub address: IpAddr,
    /// As whom the client is known, if it is.
    pub identity: Option<Identity>,
    /// What the client said of itself, at last.
    pub user_agent: String,
    /// What was asked for.
    pub reference: String,
    /// What it was.
    pub digest: Option<Digest>,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// How many requests that was.
    pub requests: u64,
}

impl Puller {
    /// On one line, for messages: `pulled by 10.1.2.3, last 2026-11-20 08:00 UTC, as ghcr.io/acme/app:1`.
    pub fn words(&self) -> String {
        let last = self.last.strftime("%Y-%m-%d %H:%M UTC");
        let client = who(&self.address, self.identity.as_ref());
        format!("pulled by {client}, last {last}, as {}", self.reference)
    }
}

/// Those who were served, whoever pulled last first.
pub(super) fn pullers(
    from: &Connection,
    about: &About,
    since: Timestamp,
    most: u32,
) -> rusqlite::Result<Vec<Puller>> {
    let (place, text) = match about {
        About::Digest(digest) => (
            "(pull.digest = ?1 OR pull.decision IN (SELECT id FROM decision WHERE digest = ?1))",
            digest.to_string(),
        ),
        About::Repository(repository) => (
            "pull.decision IN (SELECT id FROM decision WHERE repository = ?1)",
            repository.as_str().to_owned(),
        ),
        About::Reference(reference) => (
            "pull.decision IN (SELECT id FROM decision WHERE reference = ?1)",
            reference.to_string(),
        ),
        About::Finding(word) => (
            "pull.decision IN (SELECT id FROM decision WHERE instr(verdict, ?1) > 0)",
            word.clone(),
        ),
    };
    let sql = format!(
        "SELECT pull.address, pull.user_agent, decision.reference, decision.digest,
         MIN(pull.at), MAX(pull.at), SUM(pull.count), pull.identity
         FROM pull JOIN decision ON decision.id = pull.decision
         WHERE {place} AND pull.outcome = 'served' AND pull.at >= ?2
         GROUP BY pull.address, pull.identity, pull.user_agent, decision.reference, decision.digest
         ORDER BY MAX(pull.at) DESC LIMIT ?3"
    );
    let since = since.as_millisecond();
    from.prepare_cached(&sql)?
        .query_map(params![text, since, most], puller)?
        .collect()
}

fn puller(row: &Row<'_>) -> rusqlite::Result<Puller> {
    Ok(Puller {
        address: parsed(row, 0)?,
        identity: maybe_parsed(row, 7)?,
        user_agent: row.get(1)?,
        reference: row.get(2)?,
        digest: maybe_parsed(row, 3)?,
        first: time(row, 4)?,
        last: time(row, 5)?,
        requests: u64::try_from(row.get::<_, i64>(6)?).unwrap_or_default(),
    })
}

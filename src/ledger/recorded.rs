//! What was asked for and by whom, in SQLite: for trying another policy on it.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{maybe_parsed, parsed, time};
use crate::oci::{Digest, Reference};

/// What one client asked for under one name that led to one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// As it was asked for.
    pub reference: Reference,
    /// What it was; none where the name alone was refused.
    pub digest: Option<Digest>,
    /// Who asked: as whom the client is known, else its address.
    pub client: String,
    /// All that the client is called, by which teams know theirs: `certificate:ci`, `ci`, and the address that it last had.
    pub called: Vec<String>,
    /// How often: requests for manifests, two or three of which are one pull.
    pub requests: u64,
    /// When last.
    pub last: Timestamp,
    /// Whether it was served then.
    pub served: bool,
}

/// What people try by hand and what runs in the background is left out.
pub(super) fn recorded(
    from: &Connection,
    since: Timestamp,
    most: u32,
) -> rusqlite::Result<Vec<Recorded>> {
    // A bare column beside MAX is that of the row where the maximum is (SQLite, lang_select, 2.5).
    from.prepare_cached(
        "SELECT decision.reference, decision.digest, COALESCE(pull.identity, pull.address) AS client, SUM(pull.count), MAX(pull.at), pull.outcome, pull.address
         FROM pull JOIN decision ON decision.id = pull.decision
         WHERE pull.at >= ?1 AND pull.kind = 'manifest' AND pull.listener NOT IN ('cli', 'background')
         GROUP BY decision.reference, decision.digest, client
         ORDER BY decision.reference, decision.digest, client LIMIT ?2",
    )?
    .query_map(params![since.as_millisecond(), most], |row| {
        let (client, address): (String, String) = (row.get(2)?, row.get(6)?);
        let name = client.split_once(':').map(|(_, name)| name.to_owned());
        let name = name.filter(|_| client != address);
        Ok(Recorded {
            reference: parsed(row, 0)?,
            digest: maybe_parsed(row, 1)?,
            called: name.into_iter().chain([client.clone(), address]).collect(),
            client,
            requests: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
            last: time(row, 4)?,
            served: row.get::<_, String>(5)? == "served",
        })
    })?
    .collect()
}

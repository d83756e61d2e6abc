//! "Who pulled it?", in SQLite: by what a decision is about, or by what the image holds.

use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::Identity;
use super::decision::who;
use super::holdings::HeldKind;
use super::row::{maybe_parsed, parsed, time};
use super::search::is_client;
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
    /// Images that hold this, as a package, an advisory, a signer, a finding or a file.
    Word(String),
    /// Images that hold this as one of these; of a package perhaps a version.
    Held(HeldKind, String, Option<String>),
}

impl About {
    /// What a person means: a digest, an image, and else a word.
    pub fn meant(text: &str) -> About {
        if let Ok(digest) = text.parse::<Digest>() {
            return About::Digest(digest);
        }
        // A word without a slash is rather an advisory or a package than one of Docker Hub's own images.
        let image = text.contains(['/', ':', '@']);
        match text.parse::<Reference>() {
            Ok(reference) if image => match (reference.digest(), text.rsplit('/').next()) {
                (Some(digest), _) => About::Digest(*digest),
                (None, Some(last)) if last.contains(':') => About::Reference(reference),
                _ => About::Repository(Repository::clone(reference.repository())),
            },
            _ => About::Word(text.to_owned()),
        }
    }

    /// A package, after an `@` in one version; npm's names may begin with one.
    pub fn package(text: &str) -> About {
        let (name, version) = match text.rfind('@').filter(|at| *at > 0) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let version = version.strip_prefix('@').map(str::to_owned);
        About::Held(HeldKind::Package, name.to_owned(), version)
    }
}

/// Which pullers are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Of what; none: of anything.
    pub about: Option<About>,
    /// Only this client: an address, or as whom it is known.
    pub client: Option<String>,
    /// Who pulled from then on.
    pub since: Timestamp,
    /// Who pulled before then.
    pub until: Timestamp,
    /// Most rows: whoever pulled last.
    pub most: u32,
}

impl Who {
    /// Everybody who ever pulled it.
    pub fn of(about: About, most: u32) -> Who {
        Who {
            about: Some(about),
            client: None,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
            most,
        }
    }
}

/// Somebody who pulled something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Puller {
    /// From where.
    pub address: IpAddr,
    /// As whom it is known, if it is.
    pub identity: Option<Identity>,
    /// What the client said of itself.
    pub user_agent: String,
    /// What was asked for.
    pub reference: String,
    /// What it was.
    pub digest: Option<Digest>,
    /// The version of the package that was asked about; several, where the image has several.
    pub version: Option<String>,
    /// Whether the very content that was asked about was sent, and not only an image that has it: a client has the other
    /// layers of an image from elsewhere, or needs only those of its platform.
    pub sent: Option<bool>,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
    /// How many requests that was.
    pub requests: u64,
    /// How many bytes of blobs were sent.
    pub bytes: u64,
}

/// Images by a word: the decisions about them, and the versions.
const BY_WORD: &str = "SELECT decision.id, nullif(held.version, '') FROM word
 JOIN held ON held.word = word.number JOIN image ON image.number = held.image
 JOIN decision ON decision.digest = image.digest WHERE word.text = ? AND word.kind";
/// Which content was sent to whom, for a digest.
const SENT: &str = ", sent(decision, address) AS MATERIALIZED
 (SELECT DISTINCT decision, address FROM pull WHERE digest = ? AND outcome = 'served')";

/// The statement, and what stands for its question marks.
pub(super) fn statement(who: &Who) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let (mut with, mut from) = (String::new(), "puller".to_owned());
    let (mut version, mut sent) = ("NULL", "NULL");
    if let Some(about) = &who.about {
        let wanted = wanted(about, &mut values);
        with = format!(
            "WITH wanted(decision, version) AS MATERIALIZED
             (SELECT id, group_concat(DISTINCT version) FROM ({wanted}) GROUP BY id)"
        );
        from = "wanted CROSS JOIN puller ON puller.decision = wanted.decision".to_owned();
        version = "MAX(wanted.version)";
        if let About::Digest(digest) = about {
            with.push_str(SENT);
            values.push(Value::from(digest.to_string()));
            from.push_str(
                " LEFT JOIN sent ON sent.decision = puller.decision AND sent.address = puller.address",
            );
            sent = "MAX(sent.decision IS NOT NULL)";
        }
    }
    let mut conditions = "puller.last >= ? AND puller.first < ?".to_owned();
    values.push(Value::from(who.since.as_millisecond()));
    values.push(Value::from(who.until.as_millisecond()));
    if let Some(client) = &who.client {
        conditions.push_str(" AND ");
        conditions.push_str(&is_client("puller"));
        values.extend([(); 3].map(|()| Value::from(client.clone())));
    }
    values.push(Value::from(i64::from(who.most)));
    let sql = format!(
        "{with} SELECT puller.address, puller.user_agent, decision.reference, decision.digest, MIN(puller.first),
         MAX(puller.last), SUM(puller.requests), nullif(puller.identity, ''), {version}, {sent}, SUM(puller.bytes)
         FROM {from} CROSS JOIN decision ON decision.id = puller.decision WHERE {conditions}
         GROUP BY puller.address, puller.identity, puller.user_agent, decision.reference, decision.digest
         ORDER BY MAX(puller.last) DESC, puller.address LIMIT ?"
    );
    (sql, values)
}

/// The decisions that are meant, and the versions of what was asked about.
fn wanted(about: &About, values: &mut Vec<Value>) -> String {
    match about {
        About::Digest(digest) => {
            values.extend([(); 2].map(|()| Value::from(digest.to_string())));
            format!(
                "SELECT id, NULL AS version FROM decision WHERE digest = ? UNION ALL {BY_WORD} = 'content'"
            )
        }
        About::Repository(repository) => {
            values.push(Value::from(repository.as_str().to_owned()));
            "SELECT id, NULL AS version FROM decision WHERE repository = ?".to_owned()
        }
        About::Reference(reference) => {
            values.push(Value::from(reference.repository().as_str().to_owned()));
            values.push(Value::from(reference.to_string()));
            "SELECT id, NULL AS version FROM decision WHERE repository = ? AND reference = ?"
                .to_owned()
        }
        About::Word(text) => {
            let folded = HeldKind::Package.fold(text);
            values.extend([Value::from(text.clone()), Value::from(folded)]);
            format!(
                "{} <> 'content' UNION ALL {BY_WORD} IN ('package', 'advisory')",
                BY_WORD.replace(
                    "nullif(held.version, '')",
                    "nullif(held.version, '') AS version"
                )
            )
        }
        About::Held(kind, text, version) => {
            values.push(Value::from(kind.fold(text)));
            values.push(Value::from(kind.as_str().to_owned()));
            let mut sql = format!("{BY_WORD} = ?").replace(
                "nullif(held.version, '')",
                "nullif(held.version, '') AS version",
            );
            if let Some(version) = version {
                sql.push_str(" AND held.version = ?");
                values.push(Value::from(version.clone()));
            }
            sql
        }
    }
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
pub(super) fn pullers(from: &Connection, who: &Who) -> rusqlite::Result<Vec<Puller>> {
    let (sql, values) = statement(who);
    from.prepare_cached(&sql)?
        .query_map(params_from_iter(values), puller)?
        .collect()
}

fn puller(row: &Row<'_>) -> rusqlite::Result<Puller> {
    let number = |at| {
        row.get::<_, i64>(at)
            .map(|n| u64::try_from(n).unwrap_or_default())
    };
    Ok(Puller {
        address: parsed(row, 0)?,
        identity: maybe_parsed(row, 7)?,
        user_agent: row.get(1)?,
        reference: row.get(2)?,
        digest: maybe_parsed(row, 3)?,
        version: row.get(8)?,
        sent: row.get(9)?,
        first: time(row, 4)?,
        last: time(row, 5)?,
        requests: number(6)?,
        bytes: number(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::SqliteLedger;

    /// Whatever is asked, no table is read from one end to the other.
    #[test]
    fn every_question_is_answered_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        drop(SqliteLedger::open(&file).unwrap());
        let connection = Connection::open(&file).unwrap();
        let word = || "openssl".to_owned();
        let abouts = [
            Some(About::Digest(Digest::of(b"layer"))),
            Some(About::Repository(
                "docker.io/library/nginx".parse().unwrap(),
            )),
            Some(About::Reference(
                "docker.io/library/nginx:1".parse().unwrap(),
            )),
            Some(About::Word(word())),
            Some(About::Held(HeldKind::Package, word(), Some("3".to_owned()))),
            Some(About::Held(HeldKind::Signer, word(), None)),
            None,
        ];
        for about in abouts {
            for client in [None, Some("10.0.0.7".to_owned())] {
                let who = Who {
                    about: about.clone(),
                    client: client.clone(),
                    since: Timestamp::UNIX_EPOCH,
                    until: Timestamp::MAX,
                    most: 9,
                };
                let (sql, values) = statement(&who);
                let mut plan = connection
                    .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                    .unwrap();
                let steps: Vec<String> = plan
                    .query_map(params_from_iter(values), |row| row.get(3))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                // What the statement itself has made may be read as a whole.
                let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
                let mut scans = scans.filter(|step| {
                    ["wanted", "sent", "(subquery"]
                        .iter()
                        .all(|own| !step.contains(own))
                });
                if let Some(scan) = scans.next() {
                    panic!("{about:?} of {client:?}: {scan}\n{steps:#?}");
                }
            }
        }
    }
}

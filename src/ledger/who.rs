//! "Who pulled it?", in SQLite: by what a decision is about, or by what the image holds.

use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::Identity;
use super::decision::who;
use super::holdings::HeldKind;
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
    /// Most rows: whoever pulled last; none: all.
    pub most: Option<u32>,
    /// How many of the first are left out, for the next page.
    pub skip: u32,
}

impl Who {
    /// Everybody who ever pulled it.
    pub fn of(about: About, most: u32) -> Who {
        Who {
            about: Some(about),
            client: None,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
            most: Some(most),
            skip: 0,
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

/// An answer, with what it leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Whoever pulled last first, no more than were asked for.
    pub pullers: Vec<Puller>,
    /// How many there are in all.
    pub all: u64,
    /// How many addresses that is.
    pub addresses: u64,
}

/// Images by a word: what was asked for of them, and the versions.
const BY_WORD: &str = "SELECT subject.number, nullif(held.version, '') AS version FROM word
 CROSS JOIN held ON held.word = word.number CROSS JOIN image ON image.number = held.image
 CROSS JOIN subject ON subject.digest = image.digest WHERE word.text = ? AND word.kind";
/// A client by its address, as whom it is known, or that name alone.
const MINE: &str = "SELECT number FROM client WHERE address = ?
 UNION SELECT number FROM client WHERE identity = ? AND identity <> ''
 UNION SELECT number FROM client WHERE substr(identity, instr(identity, ':') + 1) = ? AND identity <> ''";
/// Whether the content that was asked about was sent, for one row of the answer.
const SENT: &str = "EXISTS (SELECT 1 FROM pull WHERE pull.digest = ? AND pull.address = client.address AND pull.decision IN
 (SELECT decision FROM served WHERE served.subject = page.subject AND served.client = page.client) AND outcome = 'served')";

/// The statement, and what stands for its question marks. What is wanted becomes numbers first; those are counted and
/// sorted, and only the rows of the answer get their texts.
pub(super) fn statement(who: &Who, counted: bool) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut with = Vec::new();
    let mut conditions = "served.last >= ? AND served.first < ?".to_owned();
    let (mut from, mut version) = ("served", "NULL");
    if let Some(about) = &who.about {
        with.push(format!(
            "wanted(subject, version) AS MATERIALIZED
             (SELECT number, group_concat(DISTINCT version) FROM ({}) GROUP BY number)",
            wanted(about, &mut values)
        ));
        from = "wanted CROSS JOIN served ON served.subject = wanted.subject";
        version = "MAX(wanted.version)";
    }
    if let Some(client) = &who.client {
        with.push(format!("mine(client) AS MATERIALIZED ({MINE})"));
        values.extend([(); 3].map(|()| Value::from(client.clone())));
        from = match who.about {
            None => "mine CROSS JOIN served ON served.client = mine.client",
            Some(_) => {
                "mine CROSS JOIN served ON served.client = mine.client CROSS JOIN wanted ON wanted.subject = served.subject"
            }
        };
        if who.about.is_some() {
            conditions.push_str(" AND served.subject IN (SELECT subject FROM wanted)");
        }
    }
    with.push(format!(
        "found(subject, client, version, first, last, requests, bytes) AS MATERIALIZED
         (SELECT served.subject, served.client, {version}, MIN(served.first), MAX(served.last), SUM(served.requests), SUM(served.bytes)
         FROM {from} WHERE {conditions} GROUP BY served.subject, served.client)"
    ));
    values.push(Value::from(who.since.as_millisecond()));
    values.push(Value::from(who.until.as_millisecond()));
    with.push(
        "page AS MATERIALIZED (SELECT * FROM found ORDER BY last DESC, subject, client LIMIT ? OFFSET ?)"
            .to_owned(),
    );
    values.push(
        who.most
            .map_or(Value::from(-1), |most| Value::from(i64::from(most))),
    );
    values.push(Value::from(i64::from(who.skip)));
    let sent = match who.about {
        Some(About::Digest(digest)) => {
            values.push(Value::from(digest.to_string()));
            SENT
        }
        _ => "NULL",
    };
    let counts = match counted {
        true => COUNTS,
        false => "0 AS rows_in_all, 0 AS addresses",
    };
    let with = with.join(", ");
    let sql = format!(
        "WITH {with} SELECT client.address, client.user_agent, subject.reference, nullif(subject.digest, ''), page.first,
         page.last, page.requests, nullif(client.identity, ''), page.version, {sent}, page.bytes, total.rows_in_all, total.addresses
         FROM (SELECT {counts}) AS total LEFT JOIN page LEFT JOIN subject ON subject.number = page.subject
         LEFT JOIN client ON client.number = page.client ORDER BY page.last DESC, page.subject, page.client"
    );
    (sql, values)
}

/// How much was found.
const COUNTS: &str = "(SELECT COUNT(*) FROM found) AS rows_in_all,
 (SELECT COUNT(DISTINCT address) FROM client WHERE number IN (SELECT client FROM found)) AS addresses";

/// The subjects that are meant, and the versions of what was asked about.
fn wanted(about: &About, values: &mut Vec<Value>) -> String {
    const PLAIN: &str = "SELECT number, NULL AS version FROM subject WHERE";
    match about {
        About::Digest(digest) => {
            values.extend([(); 2].map(|()| Value::from(digest.to_string())));
            format!("{PLAIN} digest = ? UNION ALL {BY_WORD} = 'content'")
        }
        About::Repository(repository) => {
            values.push(Value::from(repository.as_str().to_owned()));
            format!("{PLAIN} repository = ?")
        }
        About::Reference(reference) => {
            values.push(Value::from(reference.to_string()));
            format!("{PLAIN} reference = ?")
        }
        About::Word(text) => {
            let folded = HeldKind::Package.fold(text);
            values.extend([Value::from(text.clone()), Value::from(folded)]);
            format!("{BY_WORD} <> 'content' UNION ALL {BY_WORD} IN ('package', 'advisory')")
        }
        About::Held(kind, text, version) => {
            values.push(Value::from(kind.fold(text)));
            values.push(Value::from(kind.as_str().to_owned()));
            let mut sql = format!("{BY_WORD} = ?");
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
    let mut found = Vec::new();
    each(from, who, false, &mut |one| {
        found.push(one);
        true
    })?;
    Ok(found)
}

/// The same, and how many there are in all.
pub(super) fn pulled(from: &Connection, who: &Who) -> rusqlite::Result<Pulled> {
    let mut pullers = Vec::new();
    let (all, addresses) = each(from, who, true, &mut |one| {
        pullers.push(one);
        true
    })?;
    Ok(Pulled {
        pullers,
        all,
        addresses,
    })
}

/// Gives one after the other, until `each` says that it is enough; how many rows and addresses there are in all, where
/// that is `counted`.
pub(super) fn each(
    from: &Connection,
    who: &Who,
    counted: bool,
    each: &mut dyn FnMut(Puller) -> bool,
) -> rusqlite::Result<(u64, u64)> {
    let (sql, values) = statement(who, counted);
    let mut statement = from.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut counts = (0, 0);
    while let Some(row) = rows.next()? {
        counts = (count(row, 11)?, count(row, 12)?);
        // The counts come though nobody was found.
        let nobody = matches!(row.get_ref(0)?, ValueRef::Null);
        if nobody || !each(puller(row)?) {
            break;
        }
    }
    Ok(counts)
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    Ok(u64::try_from(number).unwrap_or_default())
}

fn puller(row: &Row<'_>) -> rusqlite::Result<Puller> {
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
        requests: count(row, 6)?,
        bytes: count(row, 10)?,
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
                    most: Some(9),
                    skip: 0,
                };
                let (sql, values) = statement(&who, true);
                let mut plan = connection
                    .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                    .unwrap();
                let steps: Vec<String> = plan
                    .query_map(params_from_iter(values), |row| row.get(3))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                // What the statement itself has made may be read as a whole, and who everybody is needs everybody.
                let everybody = about.is_none() && client.is_none();
                let scans = steps.iter().filter(|step| step.starts_with("SCAN"));
                let mut scans = scans.filter(|step| {
                    let own = ["wanted", "mine", "found", "page", "total", "(subquery"];
                    own.iter().all(|own| !step.contains(own)) && !step.contains("CONSTANT ROW")
                });
                if let Some(scan) = scans.next().filter(|_| !everybody) {
                    panic!("{about:?} of {client:?}: {scan}\n{steps:#?}");
                }
            }
        }
    }
}

//! Decisions and pulls by what they have, in SQLite.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::row::{SELECT_DECISION, decision_of, parsed, pull_of};
use super::{Decision, DecisionId, PullRow};
use crate::oci::{Digest, Reference, Repository};
use crate::policy::Code;

/// What is looked for; what is none is no matter.
#[derive(Clone, Debug)]
pub struct Search {
    /// Of these images.
    pub repository: Option<Repository>,
    /// Asked for by this name.
    pub reference: Option<Reference>,
    /// Of what has this digest.
    pub digest: Option<Digest>,
    /// Let in, or refused.
    pub allowed: Option<bool>,
    /// With such a finding, waived or not.
    pub code: Option<Code>,
    /// An address, or as whom a client is known.
    pub client: Option<String>,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Only what was written after the row with this sequence, oldest first.
    pub after: Option<i64>,
    /// Most rows: the newest, or with `after` the oldest.
    pub most: u32,
}

impl Default for Search {
    fn default() -> Search {
        Search {
            repository: None,
            reference: None,
            digest: None,
            allowed: None,
            code: None,
            client: None,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
            after: None,
            most: u32::MAX,
        }
    }
}

/// A row with its number, by which one asks for what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<T> {
    /// It grows with each row that is written.
    pub sequence: i64,
    /// The row.
    pub row: T,
}

/// A pull with what it was asked for as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedPull {
    /// As what the image was first asked for.
    pub reference: String,
    /// The decision behind it.
    pub decision: DecisionId,
    /// The row.
    #[serde(flatten)]
    pub pull: PullRow,
}

/// The conditions of a search and what stands for their question marks.
#[derive(Default)]
struct Where {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    fn add(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.to_owned());
        self.values.extend(values);
    }

    fn of_decision(search: &Search) -> Where {
        let mut all = Where::default();
        if let Some(repository) = &search.repository {
            let name = repository.as_str().to_owned();
            all.add("decision.repository = ?", [Value::from(name)]);
        }
        if let Some(reference) = &search.reference {
            let repository = reference.repository().as_str().to_owned();
            let values = [Value::from(repository), Value::from(reference.to_string())];
            all.add("decision.repository = ? AND decision.reference = ?", values);
        }
        if let Some(code) = search.code {
            let word = format!("\"code\":\"{code}\"");
            all.add("instr(decision.verdict, ?) > 0", [Value::from(word)]);
        }
        all
    }

    fn client(&mut self, table: &str, search: &Search) {
        if let Some(client) = &search.client {
            self.add(
                &is_client(table),
                [(); 3].map(|()| Value::from(client.clone())),
            );
        }
    }

    fn time(&mut self, table: &str, search: &Search) {
        let (since, until) = (search.since, search.until);
        if since > Timestamp::UNIX_EPOCH {
            let from = Value::from(since.as_millisecond());
            self.add(&format!("{table}.at >= ?"), [from]);
        }
        if until < Timestamp::MAX {
            let to = Value::from(until.as_millisecond());
            self.add(&format!("{table}.at < ?"), [to]);
        }
    }

    /// The rest of the statement: what to look for, in which order, how many.
    fn finish(mut self, table: &str, search: &Search) -> (String, Vec<Value>) {
        let order = match search.after {
            Some(after) => {
                self.add(&format!("{table}.rowid > ?"), [Value::from(after)]);
                "ASC"
            }
            None => "DESC",
        };
        let conditions = match self.conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", self.conditions.join(" AND ")),
        };
        self.values.push(Value::from(i64::from(search.most)));
        let rest = format!("{conditions} ORDER BY {table}.rowid {order} LIMIT ?");
        (rest, self.values)
    }
}

/// Decisions, newest first; with `after`, oldest first.
pub(super) fn decisions(
    from: &Connection,
    search: &Search,
) -> rusqlite::Result<Vec<Numbered<Decision>>> {
    let mut all = Where::of_decision(search);
    if let Some(digest) = search.digest {
        all.add("decision.digest = ?", [Value::from(digest.to_string())]);
    }
    if let Some(allowed) = search.allowed {
        all.add("decision.allowed = ?", [Value::from(allowed)]);
    }
    all.client("decision", search);
    all.time("decision", search);
    let (rest, values) = all.finish("decision", search);
    let sql = SELECT_DECISION.replace(" FROM decision", ", decision.rowid FROM decision");
    let mut query = from.prepare_cached(&format!("{sql}{rest}"))?;
    let sequence = query.column_count() - 1;
    query
        .query_map(params_from_iter(values), |row| {
            Ok(Numbered {
                sequence: row.get(sequence)?,
                row: decision_of(row)?,
            })
        })?
        .collect()
}

/// Pulls, newest first; with `after`, oldest first.
pub(super) fn pulls(
    from: &Connection,
    search: &Search,
) -> rusqlite::Result<Vec<Numbered<LoggedPull>>> {
    let mut all = Where::of_decision(search);
    if let Some(digest) = search.digest {
        let digest = Value::from(digest.to_string());
        all.add(
            "(pull.digest = ? OR decision.digest = ?)",
            [digest.clone(), digest],
        );
    }
    if let Some(allowed) = search.allowed {
        let outcome = if allowed { "served" } else { "denied" };
        all.add("pull.outcome = ?", [Value::from(outcome.to_owned())]);
    }
    all.client("pull", search);
    all.time("pull", search);
    let (rest, values) = all.finish("pull", search);
    let sql = format!(
        "SELECT {PULL}, decision.reference, pull.decision, pull.rowid FROM pull
         JOIN decision ON decision.id = pull.decision{rest}"
    );
    let mut query = from.prepare_cached(&sql)?;
    let [reference, decision, sequence] = [3, 2, 1].map(|back| query.column_count() - back);
    query
        .query_map(params_from_iter(values), |row: &Row<'_>| {
            let pull = LoggedPull {
                reference: row.get(reference)?,
                decision: parsed(row, decision)?,
                pull: pull_of(row)?,
            };
            Ok(Numbered {
                sequence: row.get(sequence)?,
                row: pull,
            })
        })?
        .collect()
}

/// That a row of a table is of a client: its address, as whom it is known, or that name alone; three values.
fn is_client(table: &str) -> String {
    format!(
        "({table}.address = ? OR {table}.identity = ? OR substr({table}.identity, instr({table}.identity, ':') + 1) = ?)"
    )
}

/// The columns of a pull, for [`pull_of`].
pub(super) const PULL: &str = "pull.at, pull.digest, pull.address, pull.user_agent, pull.listener, pull.kind, pull.outcome, pull.count, pull.bytes, pull.identity";

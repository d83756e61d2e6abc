//! Rows of the ledger's tables, written and read.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use crate::oci::Reference;
use crate::policy::Mode;

use super::canonical::EntryKind;
use super::{Client, Decision, Event, Pull, PullRow, chain, events, names, policies, waivers};

pub(super) fn insert_decision(
    to: &Transaction<'_>,
    decision: &Decision,
    verdict: &str,
) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO decision (id, at, repository, reference, digest, address, user_agent, listener, allowed, mode,
         verdict, policy_epoch, policy_file, gathered_ms, identity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        decision.id.to_string(),
        decision.at.as_millisecond(),
        decision.reference.repository().as_str(),
        decision.reference.to_string(),
        decision.digest.map(|digest| digest.to_string()),
        decision.client.address.to_string(),
        decision.client.user_agent.as_ref(),
        decision.client.listener,
        decision.allowed,
        mode_word(decision.mode),
        verdict,
        format!("{:016x}", decision.policy_epoch),
        decision.policy_file,
        decision.gathered_ms,
        decision.client.identity.as_ref().map(ToString::to_string),
    ])?;
    waivers::note(to, decision)?;
    policies::note(to, decision)?;
    let at = decision.at.as_millisecond();
    chain::append(to, EntryKind::Decision, &decision.id.to_string(), at)?;
    if decision.allowed {
        names::met(to, decision.reference.repository(), decision.at)?;
    }
    for event in Event::all_of(decision) {
        events::note(to, &event)?;
    }
    Ok(())
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Audit => "audit",
        Mode::Lockdown => "lockdown",
    }
}

pub(super) fn insert_pull(to: &Transaction<'_>, pull: &Pull, count: u64) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO pull (at, decision, digest, address, user_agent, listener, kind, outcome, count, bytes, identity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        pull.at.as_millisecond(),
        pull.decision.to_string(),
        pull.digest.map(|digest| digest.to_string()),
        pull.client.address.to_string(),
        pull.client.user_agent.as_ref(),
        pull.client.listener,
        pull.kind.as_str(),
        pull.outcome.as_str(),
        i64::try_from(count).unwrap_or(i64::MAX),
        i64::try_from(pull.bytes).unwrap_or(i64::MAX),
        pull.client.identity.as_ref().map(ToString::to_string),
    ])
    .map(drop)
}

pub(super) const SELECT_DECISION: &str =
    "SELECT id, at, reference, digest, address, user_agent, listener, allowed, mode, verdict,
 policy_epoch, policy_file, gathered_ms, identity FROM decision";

pub(super) fn decision_of(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let listener = match row.get::<_, String>(6)?.as_str() {
        "mirror" => "mirror",
        "gateway" => "gateway",
        "cli" => "cli",
        "proxy" => "proxy",
        "background" => "background",
        _ => "unknown",
    };
    Ok(Decision {
        id: parsed_by(row, 0, |text| text.parse().ok())?,
        at: time(row, 1)?,
        reference: parsed::<Reference>(row, 2)?,
        digest: match row.get::<_, Option<String>>(3)? {
            Some(_) => Some(parsed(row, 3)?),
            None => None,
        },
        client: Client {
            address: parsed(row, 4)?,
            user_agent: row.get::<_, String>(5)?.into(),
            listener,
            identity: maybe_parsed(row, 13)?,
        },
        allowed: row.get(7)?,
        mode: match row.get::<_, String>(8)?.as_str() {
            "audit" => Mode::Audit,
            "lockdown" => Mode::Lockdown,
            _ => Mode::Enforce,
        },
        verdict: parsed_by(row, 9, |text| serde_json::from_str(text).ok())?,
        policy_epoch: parsed_by(row, 10, |text| u64::from_str_radix(text, 16).ok())?,
        policy_file: row.get(11)?,
        gathered_ms: row.get(12)?,
    })
}

pub(super) fn pull_of(row: &Row<'_>) -> rusqlite::Result<PullRow> {
    let number = |at| {
        row.get::<_, i64>(at)
            .map(|number| u64::try_from(number).unwrap_or_default())
    };
    Ok(PullRow {
        at: time(row, 0)?,
        digest: row.get(1)?,
        address: row.get(2)?,
        user_agent: row.get(3)?,
        listener: row.get(4)?,
        kind: row.get(5)?,
        outcome: row.get(6)?,
        count: number(7)?,
        bytes: number(8)?,
        identity: row.get(9)?,
    })
}

pub(super) fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    let wrong = |_| rusqlite::Error::IntegralValueOutOfRange(at, 0);
    Timestamp::from_millisecond(row.get(at)?).map_err(wrong)
}

pub(super) fn maybe_time(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => time(row, at).map(Some),
    }
}

pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    parsed_by(row, at, |text| text.parse().ok())
}

/// None where there is nothing.
pub(super) fn maybe_parsed<T: std::str::FromStr>(
    row: &Row<'_>,
    at: usize,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(at)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => parsed(row, at).map(Some),
    }
}

/// A text that is not what we wrote means that somebody else wrote it: an error, never a guess.
pub(super) fn parsed_by<T>(
    row: &Row<'_>,
    at: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    parse(&text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            at,
            rusqlite::types::Type::Text,
            "not what was written".into(),
        )
    })
}

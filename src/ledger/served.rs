//! Who was served what, in numbers, in SQLite.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::{Client, DecisionId, Outcome, Pull};

/// What one client was served under one decision.
struct Share {
    first: i64,
    last: i64,
    requests: u64,
    bytes: u64,
}

/// Notes what was served; the dozen requests of one pull are one look and one row.
pub(super) fn note(to: &Connection, pulls: &[(Pull, u64)]) -> rusqlite::Result<()> {
    let mut shares: HashMap<(DecisionId, &Client), Share> = HashMap::new();
    for (pull, count) in pulls {
        if pull.outcome != Outcome::Served {
            continue;
        }
        let at = pull.at.as_millisecond();
        let share = shares.entry((pull.decision, &pull.client));
        let share = share.or_insert(Share {
            first: at,
            last: at,
            requests: 0,
            bytes: 0,
        });
        share.first = share.first.min(at);
        share.last = share.last.max(at);
        share.requests += count;
        share.bytes = share.bytes.saturating_add(pull.bytes);
    }
    for ((decision, client), share) in shares {
        add(to, decision, client, &share)?;
    }
    Ok(())
}

fn add(
    to: &Connection,
    decision: DecisionId,
    client: &Client,
    share: &Share,
) -> rusqlite::Result<()> {
    let decision = decision.to_string();
    // A decision that the ledger has not was never answered.
    let Some(subject) = subject_of(to, &decision)? else {
        return Ok(());
    };
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    to.prepare_cached(
        "INSERT INTO served (subject, client, decision, first, last, requests, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (subject, client, decision) DO UPDATE SET
         first = MIN(first, excluded.first), last = MAX(last, excluded.last),
         requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
    )?
    .execute(params![
        subject,
        client_number(to, client)?,
        decision,
        share.first,
        share.last,
        number(share.requests),
        number(share.bytes),
    ])
    .map(drop)
}

fn subject_of(to: &Connection, decision: &str) -> rusqlite::Result<Option<i64>> {
    let known = to
        .prepare_cached(
            "SELECT subject.number FROM decision CROSS JOIN subject ON subject.reference = decision.reference
             AND subject.digest = COALESCE(decision.digest, '') WHERE decision.id = ?1",
        )?
        .query_row([decision], |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    to.prepare_cached(
        "INSERT INTO subject (repository, reference, digest)
         SELECT repository, reference, COALESCE(digest, '') FROM decision WHERE id = ?1 RETURNING number",
    )?
    .query_row([decision], |row| row.get(0))
    .optional()
}

fn client_number(to: &Connection, client: &Client) -> rusqlite::Result<i64> {
    let identity = client.identity.as_ref().map(ToString::to_string);
    let (address, identity) = (client.address.to_string(), identity.unwrap_or_default());
    let known = to
        .prepare_cached(
            "SELECT number FROM client WHERE address = ?1 AND identity = ?2 AND user_agent = ?3",
        )?
        .query_row(
            params![address, identity, client.user_agent.as_ref()],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    to.prepare_cached(
        "INSERT INTO client (address, identity, user_agent) VALUES (?1, ?2, ?3) RETURNING number",
    )?
    .query_row(
        params![address, identity, client.user_agent.as_ref()],
        |row| row.get(0),
    )
}

/// Subjects and clients without a row, not too many at once, and nobody's question finds them: how many went.
pub(super) fn sweep(to: &Connection, most: u32) -> rusqlite::Result<usize> {
    let mut gone = 0;
    for table in ["subject", "client"] {
        let sql = format!(
            "DELETE FROM {table} WHERE number IN (SELECT number FROM {table}
             WHERE NOT EXISTS (SELECT 1 FROM served WHERE served.{table} = {table}.number) LIMIT {most})"
        );
        gone += to.prepare_cached(&sql)?.execute([])?;
    }
    Ok(gone)
}

/// Takes over the rows of the wider table that was before, those between two numbers.
pub(super) fn adopt(to: &Connection, (after, up_to): (i64, i64)) -> rusqlite::Result<()> {
    for sql in [
        "INSERT OR IGNORE INTO client (address, identity, user_agent)
         SELECT address, identity, user_agent FROM puller WHERE number > ?1 AND number <= ?2",
        "INSERT OR IGNORE INTO subject (repository, reference, digest)
         SELECT decision.repository, decision.reference, COALESCE(decision.digest, '')
         FROM puller CROSS JOIN decision ON decision.id = puller.decision WHERE puller.number > ?1 AND puller.number <= ?2",
        "INSERT INTO served (subject, client, decision, first, last, requests, bytes)
         SELECT subject.number, client.number, puller.decision, puller.first, puller.last, puller.requests, puller.bytes
         FROM puller CROSS JOIN decision ON decision.id = puller.decision
         CROSS JOIN subject ON subject.reference = decision.reference AND subject.digest = COALESCE(decision.digest, '')
         CROSS JOIN client ON client.address = puller.address AND client.identity = puller.identity
         AND client.user_agent = puller.user_agent
         WHERE puller.number > ?1 AND puller.number <= ?2",
    ] {
        to.prepare_cached(sql)?.execute([after, up_to])?;
    }
    Ok(())
}

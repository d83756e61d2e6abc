//! The index of what images hold, in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use super::holdings::{HeldKind, Holdings};
use crate::oci::Digest;
use crate::policy::Verdict;

/// Writes what an image holds, in place of what was known of the same kinds.
pub(super) fn hold(to: &Connection, digest: &Digest, holdings: &Holdings) -> rusqlite::Result<()> {
    let (digest, hash) = (digest.to_string(), holdings.hash());
    let known: Option<(i64, [u8; 32])> = to
        .prepare_cached("SELECT number, holds FROM image WHERE digest = ?1")?
        .query_row([&digest], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let image = match known {
        Some((_, holds)) if holds == hash => return Ok(()),
        Some((image, _)) => {
            to.prepare_cached("UPDATE image SET holds = ?2 WHERE number = ?1")?
                .execute(params![image, hash])?;
            image
        }
        None => {
            to.prepare_cached("INSERT INTO image (digest, holds) VALUES (?1, ?2)")?
                .execute(params![digest, hash])?;
            to.last_insert_rowid()
        }
    };
    let mut forget = to.prepare_cached(
        "DELETE FROM held WHERE image = ?1 AND word IN (SELECT number FROM word WHERE number IN
         (SELECT word FROM held WHERE image = ?1) AND kind = ?2)",
    )?;
    for kind in holdings.said() {
        forget.execute(params![image, kind.as_str()])?;
    }
    for word in holdings.words() {
        let number = word_number(to, word.kind, &word.text)?;
        to.prepare_cached("INSERT OR IGNORE INTO held (word, image, version) VALUES (?1, ?2, ?3)")?
            .execute(params![number, image, word.version])?;
    }
    Ok(())
}

fn word_number(to: &Connection, kind: HeldKind, text: &str) -> rusqlite::Result<i64> {
    let known = to
        .prepare_cached("SELECT number FROM word WHERE text = ?1 AND kind = ?2")?
        .query_row(params![text, kind.as_str()], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    to.prepare_cached("INSERT INTO word (text, kind) VALUES (?1, ?2)")?
        .execute(params![text, kind.as_str()])?;
    Ok(to.last_insert_rowid())
}

/// Fills the index with what verdicts told before there was one: those of decisions between two ids.
pub(super) fn adopt_verdicts(
    to: &Connection,
    (after, up_to): (&str, &str),
) -> rusqlite::Result<()> {
    let mut rows = to.prepare_cached(
        "SELECT digest, verdict FROM decision WHERE id > ?1 AND id <= ?2 AND digest IS NOT NULL ORDER BY id",
    )?;
    let mut rows = rows.query([after, up_to])?;
    while let Some(row) = rows.next()? {
        let (digest, verdict): (String, String) = (row.get(0)?, row.get(1)?);
        let verdict = serde_json::from_str::<Verdict>(&verdict);
        if let (Ok(digest), Ok(verdict)) = (digest.parse(), verdict) {
            let mut holdings = Holdings::default();
            holdings.add_verdict(&verdict);
            for package in verdict
                .findings
                .iter()
                .filter_map(|one| one.affected.as_ref())
            {
                for name in &package.packages {
                    holdings.add(HeldKind::Package, name, "");
                }
            }
            hold(to, &digest, &holdings)?;
        }
    }
    Ok(())
}

/// The same with what permits opened: the digests between two.
pub(super) fn adopt_approvals(
    to: &Connection,
    (after, up_to): (&str, &str),
) -> rusqlite::Result<()> {
    for sql in [
        "INSERT OR IGNORE INTO word (text, kind) SELECT digest, 'content' FROM approval WHERE digest > ?1 AND digest <= ?2",
        "INSERT OR IGNORE INTO held (word, image, version)
         SELECT word.number, image.number, '' FROM approval JOIN image ON image.digest = approval.root
         JOIN word ON word.text = approval.digest AND word.kind = 'content'
         WHERE approval.digest > ?1 AND approval.digest <= ?2",
    ] {
        to.prepare_cached(sql)?.execute([after, up_to])?;
    }
    Ok(())
}

/// The same with who pulled: the rows between two numbers.
pub(super) fn adopt_pulls(to: &Connection, (after, up_to): (i64, i64)) -> rusqlite::Result<()> {
    to.prepare_cached(
        "INSERT INTO puller (decision, address, identity, user_agent, first, last, requests, bytes)
         SELECT decision, address, COALESCE(identity, '') AS known, user_agent, MIN(at), MAX(at), SUM(count), SUM(bytes)
         FROM pull WHERE id > ?1 AND id <= ?2 AND outcome = 'served' GROUP BY decision, address, known, user_agent
         ON CONFLICT (decision, address, identity, user_agent) DO UPDATE SET
         first = MIN(first, excluded.first), last = MAX(last, excluded.last),
         requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
    )?
    .execute([after, up_to])
    .map(drop)
}

/// Forgets images that no decision is about any more, not too many; how many.
pub(super) fn sweep(to: &Connection) -> rusqlite::Result<usize> {
    let gone: Vec<i64> = to
        .prepare_cached(
            "SELECT number FROM image WHERE NOT EXISTS (SELECT 1 FROM decision WHERE decision.digest = image.digest)
             LIMIT ?1",
        )?
        .query_map([MOST_IMAGES], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for image in &gone {
        to.prepare_cached("DELETE FROM held WHERE image = ?1")?
            .execute([image])?;
        to.prepare_cached("DELETE FROM image WHERE number = ?1")?
            .execute([image])?;
    }
    Ok(gone.len())
}

/// Images forgotten in one transaction: each has some thousand words.
pub(super) const MOST_IMAGES: u32 = 20;

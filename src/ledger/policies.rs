//! Under which policies something was decided, in SQLite: a row for each change, with an entry of the chain before that
//! of the decision.
//!
//! A policy under which nothing is decided lets nothing in: no ruling outlives a change of the policy.

use rusqlite::{OptionalExtension, Transaction, params};

use super::Decision;
use super::canonical::EntryKind;
use super::chain;
use super::row::mode_word;

/// Notes the policy of a decision, in its transaction, where the last decision was made under another.
pub(super) fn note(to: &Transaction<'_>, decision: &Decision) -> rusqlite::Result<()> {
    let epoch = format!("{:016x}", decision.policy_epoch);
    let (file, mode) = (decision.policy_file.as_str(), mode_word(decision.mode));
    let same: Option<bool> = to
        .prepare_cached(
            "SELECT file = ?1 AND epoch = ?2 AND mode = ?3 FROM policy ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![file, epoch, mode], |row| row.get(0))
        .optional()?;
    if same == Some(true) {
        return Ok(());
    }
    let at = decision.at.as_millisecond();
    to.prepare_cached("INSERT INTO policy (at, file, epoch, mode) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![at, file, epoch, mode])?;
    let number = to.last_insert_rowid().to_string();
    chain::append(to, EntryKind::Policy, &number, at)
}

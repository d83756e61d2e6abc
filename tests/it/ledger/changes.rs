//! What was changed behind Lazaret's back is found where it was changed.

use super::*;

#[tokio::test]
async fn every_change_is_found_where_it_was_made() {
    for (sql, said) in [
        (
            "UPDATE decision SET allowed = 0 WHERE reference LIKE '%two%'",
            "entry 4: decision {4} was changed after it was written",
        ),
        (
            "UPDATE decision SET verdict = replace(verdict, 'policy.toml', 'other.toml')",
            "entry 2: decision {2} was changed after it was written",
        ),
        (
            "UPDATE decision SET digest = NULL WHERE reference LIKE '%three%'",
            "entry 6: decision {6} was changed after it was written",
        ),
        (
            "DELETE FROM decision WHERE reference LIKE '%two%'",
            "entry 4: decision {4} was removed after it was written",
        ),
        (
            "UPDATE revocation SET reason = 'nothing'",
            "entry 8: revocation R1 was changed after it was written",
        ),
        (
            "UPDATE revocation SET ended_by = 'somebody else'",
            "entry 9: revocation-ended R1 was changed after it was written",
        ),
        (
            "UPDATE revocation SET ended_at = NULL, ended_by = NULL",
            "entry 9: revocation-ended R1 was removed after it was written",
        ),
        (
            "INSERT INTO revocation (id, at, kind, what, reason, revoked_by) VALUES ('R2', 1, 'digest', 'x', 'y', 'z')",
            "revocation R2 has no entry: it was not written by Lazaret",
        ),
        (
            "DELETE FROM chain WHERE number = 3",
            "entry 4: decision {4} does not follow: entries before it were removed",
        ),
        (
            "UPDATE chain SET subject = 'R9' WHERE number = 8",
            "entry 8: revocation R9 does not follow from the entry before it",
        ),
        (
            "UPDATE chain SET hash = zeroblob(32) WHERE number = 9",
            "entry 9: revocation-ended R1 does not follow from the entry before it",
        ),
        (
            "DELETE FROM chain WHERE number = 11; DELETE FROM name WHERE number = 5",
            "entry 11: checkpoint of 11 entries was signed, and the chain ends after 10: its end was cut off",
        ),
        (
            "UPDATE name SET repository = 'docker.io/acme/evil' WHERE number = 2",
            "entry 5: name 2 was changed after it was written",
        ),
        (
            "UPDATE name SET who = 'nobody' WHERE act = 'approved'",
            "entry 10: name 4 was changed after it was written",
        ),
        (
            "DELETE FROM name WHERE act = 'forgotten'",
            "entry 11: name 5 was removed after it was written",
        ),
        (
            "INSERT INTO name (at, repository, act, who) VALUES (1, 'docker.io/stranger/tool', 'approved', 'ops')",
            "name 6 has no entry: it was not written by Lazaret",
        ),
        (
            "UPDATE policy SET epoch = '0000000000000008'",
            "entry 1: policy 1 was changed after it was written",
        ),
        (
            "DELETE FROM policy",
            "entry 1: policy 1 was removed after it was written",
        ),
        (
            "INSERT INTO policy (at, file, epoch, mode) VALUES (1, 'other.toml', '8', 'audit')",
            "policy 2 has no entry: it was not written by Lazaret",
        ),
        (
            "INSERT INTO approval (digest, kind, repository, root, decision, at)
             VALUES ('a', 'blob', 'docker.io/acme/one', 'sha256:b', 'no decision', 1)",
            "approval sha256:b rests on no decision that allowed it: it was not written by Lazaret",
        ),
        (
            "INSERT INTO approval (digest, kind, repository, root, decision, at)
             SELECT 'a', 'blob', repository, 'sha256:b', id, 1 FROM decision",
            "approval sha256:b rests on no decision that allowed it: it was not written by Lazaret",
        ),
        (
            "DELETE FROM checkpoint",
            "entry 0: checkpoint of 0 entries is the last that is signed, and the chain has 11",
        ),
        (
            "UPDATE checkpoint SET swept = 1",
            "entry 11: checkpoint of 11 entries was signed for something else",
        ),
        (
            "UPDATE checkpoint SET size = 10",
            "entry 10: checkpoint of 10 entries was signed for another size",
        ),
    ] {
        let folder = written().await;
        let ledger = open(&folder);
        let mut said = said.to_owned();
        let mut number = 0;
        let window = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        let mut name = |one: lazaret::ledger::Exported| {
            number += 1;
            said = said.replace(&format!("{{{number}}}"), &one.subject);
            true
        };
        ledger.export(window, &mut name).unwrap();
        behind_its_back(folder.path(), sql);
        let broken = audit(&ledger).broken.unwrap_or_else(|| panic!("{sql}"));
        assert_eq!(broken.to_string(), said, "{sql}");
    }
}

/// Tables whose every column the chain or its signatures mind. Of an approval all that matters is minded, as above.
const MINDED: [&str; 6] = [
    "decision",
    "revocation",
    "name",
    "policy",
    "chain",
    "checkpoint",
];

#[tokio::test]
async fn a_change_of_any_column_is_found() {
    for table in MINDED {
        let folder = written().await;
        let ledger = open(&folder);
        let rows = Connection::open(folder.path().join("ledger.db")).unwrap();
        let mut columns = rows
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))
            .unwrap();
        let columns: Vec<String> = columns
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(columns.len() > 3, "{table}: {columns:?}");
        for column in columns {
            let folder = copied(&folder);
            let changed = Connection::open(folder.path().join("ledger.db")).unwrap();
            let sql = format!(
                "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1
                 WHEN 'blob' THEN zeroblob(32) WHEN 'null' THEN 'x' ELSE {column} || 'x' END
                 WHERE rowid = (SELECT MAX(rowid) FROM {table})"
            );
            assert_eq!(changed.execute(&sql, []).unwrap(), 1, "{table}.{column}");
            let found = SqliteLedger::open(&folder.path().join("ledger.db"))
                .and_then(|ledger| ledger.audit(None, None, &mut |_, _| {}));
            assert!(
                found.as_ref().is_err() || found.as_ref().is_ok_and(|found| found.broken.is_some()),
                "{table}.{column}: {found:?}"
            );
        }
        drop(ledger);
    }
}

/// The same ledger once more, with its key.
fn copied(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let rows = Connection::open(folder.path().join("ledger.db")).unwrap();
    let file = copy.path().join("ledger.db").display().to_string();
    rows.execute("VACUUM INTO ?1", [file]).unwrap();
    std::fs::copy(
        folder.path().join("ledger.key"),
        copy.path().join("ledger.key"),
    )
    .unwrap();
    copy
}

#[tokio::test]
async fn a_history_that_was_written_anew_is_not_the_one_that_was_kept() {
    let folder = written().await;
    let kept = open(&folder).checkpoint().unwrap().unwrap();
    let key = open(&folder).key().unwrap();
    // All that an intruder with the key could do: begin again, with the same number of entries.
    let other = tempfile::tempdir().unwrap();
    let stolen = |folder: &TempDir| folder.path().join("ledger.key");
    std::fs::copy(stolen(&folder), stolen(&other)).unwrap();
    let ledger = open(&other);
    for name in ["a", "b", "c", "d", "e"] {
        ledger.record_decision(decision(name, 0)).await.unwrap();
    }
    assert_eq!(audit(&ledger).broken, None);
    let found = ledger
        .audit(Some(&key), Some(&kept), &mut |_, _| {})
        .unwrap();
    let broken = found.broken.unwrap().to_string();
    assert!(
        broken.starts_with("entry 11: name ")
            && broken.ends_with(" is not what was signed: the chain was written anew"),
        "{broken}"
    );
}

//! dpkg, apk and rpm.

use std::fs;

use super::*;
use crate::scan::catalogue::{bdb, sqlite};
use crate::scan::layer::vector;

#[test]
fn dpkg_counts_what_is_unpacked() {
    let status = "\
Package: libssl3
Status: install ok installed
Version: 3.0.11-1~deb12u2
Source: openssl
Description: Secure Sockets Layer
 more: of it
 .

Package: bash
Status: install ok half-configured
Source: bash-src (5.2-1)
Version: 5.2-1+b1

Package: gone
Status: deinstall ok config-files
Version: 1

Package: never
Status: unknown ok not-installed
";
    let items = read_database(Database::Dpkg, status.as_bytes(), &mut |_| {}).unwrap();
    let expected = [
        "libssl3 3.0.11-1~deb12u2 from openssl 3.0.11-1~deb12u2",
        "bash 5.2-1+b1 from bash-src 5.2-1",
    ];
    assert_eq!(spelled(&items), expected);
    assert_eq!(
        read_database(Database::Dpkg, b"", &mut |_| {}),
        Ok(Vec::new())
    );
    for wrong in [
        "Package: a\n\n",
        "Version: 1\n",
        " a\n",
        "Package: a\nPackage: b\n",
        "a\n",
    ] {
        assert!(
            read_database(Database::Dpkg, wrong.as_bytes(), &mut |_| {}).is_err(),
            "{wrong:?}"
        );
    }
}

#[test]
fn apk_names_the_origin() {
    let installed =
        "C:Q1abc=\nP:libcrypto3\nV:3.3.2-r0\nA:x86_64\no:openssl\nF:lib\nR:a\nR:b\n\nP:a\nV:1\n";
    let items = read_database(Database::Apk, installed.as_bytes(), &mut |_| {}).unwrap();
    assert_eq!(
        spelled(&items),
        ["libcrypto3 3.3.2-r0 from openssl 3.3.2-r0", "a 1"]
    );
}

fn rpm(name: &str, read: impl Fn(&[u8]) -> Result<Vec<Item>, Malformed>) -> Option<Vec<String>> {
    let content = fs::read(vector(&format!("rpmdb/{name}"))?).unwrap();
    for cut in [content.len() / 2, content.len() - 4096, 100] {
        assert!(read(&content[..cut]).is_err(), "{name} cut at {cut}");
    }
    let items = read(&content).unwrap();
    assert!(items.iter().all(|item| item.version.contains('-')));
    Some(spelled(&items))
}

#[test]
fn rpm_sqlite() {
    let read = |content: &[u8]| read_sqlite(content.to_vec(), None, &mut |_| {});
    let Some(items) = rpm("mariner/rpmdb.sqlite", read) else {
        return;
    };
    assert_eq!(items.len(), 129);
    let bash = items.iter().find(|item| item.starts_with("bash ")).unwrap();
    assert!(bash.contains(" from bash 5."), "{bash}");
}

#[test]
fn rpm_ndb() {
    let read = |content: &[u8]| read_database(Database::RpmNdb, content, &mut |_| {});
    let Some(items) = rpm("sle15/Packages.db", read) else {
        return;
    };
    assert_eq!(items.len(), 35);
}

#[test]
fn rpm_bdb() {
    let read = |content: &[u8]| read_database(Database::RpmBdb, content, &mut |_| {});
    let Some(items) = rpm("libuuid/Packages", read) else {
        return;
    };
    assert_eq!(items.len(), 1);
    assert!(items[0].starts_with("libuuid 2."), "{items:?}");
}

#[test]
fn rpm_epochs() {
    let Some(path) = vector("rpmdb/epoch/Packages") else {
        return;
    };
    let content = fs::read(path).unwrap();
    let items = read_database(Database::RpmBdb, &content, &mut |_| {}).unwrap();
    assert!(
        items.iter().any(|item| item.version.contains(':')),
        "{items:?}"
    );
}

/// A database that SQLite itself wrote, with its log where it still holds all.
fn logged(folder: &std::path::Path, commit: bool) -> (Vec<u8>, Vec<u8>) {
    let path = folder.join("rpmdb.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    connection
        .pragma_update(None, "wal_autocheckpoint", 0)
        .unwrap();
    connection
        .execute_batch(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL); BEGIN",
        )
        .unwrap();
    for size in [10, 5_000, 100_000] {
        let blob = vec![7_u8; size];
        connection
            .execute("INSERT INTO Packages (blob) VALUES (?)", [blob])
            .unwrap();
    }
    connection
        .execute_batch(if commit { "COMMIT" } else { "ROLLBACK" })
        .unwrap();
    let log = fs::read(folder.join("rpmdb.sqlite-wal")).unwrap();
    (fs::read(&path).unwrap(), log)
}

fn sizes(database: &[u8]) -> Result<Vec<usize>, Malformed> {
    let mut sizes = Vec::new();
    sqlite::blobs(database, |blob| {
        assert!(blob.iter().all(|byte| *byte == 7));
        sizes.push(blob.len());
        Ok(())
    })?;
    Ok(sizes)
}

#[test]
fn what_only_the_log_says_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (database, log) = logged(folder.path(), true);
    assert!(sizes(&database).is_err(), "the file alone has no table yet");
    let mut applied = database.clone();
    wal::apply(&mut applied, &log).unwrap();
    assert_eq!(sizes(&applied), Ok(vec![10, 5_000, 100_000]));
    // Damage ends the log, as it does for SQLite: the last transaction is lost.
    let mut damaged = log.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut applied = database.clone();
    wal::apply(&mut applied, &damaged).unwrap();
    assert_eq!(sizes(&applied), Ok(Vec::new()));
    assert!(wal::apply(&mut database.clone(), b"no log").is_err());
}

#[test]
fn what_was_rolled_back_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, log) = logged(folder.path(), false);
    wal::apply(&mut database, &log).unwrap();
    assert_eq!(sizes(&database), Ok(Vec::new()));
}

#[test]
fn changed_databases_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (mut database, log) = logged(folder.path(), true);
    wal::apply(&mut database, &log).unwrap();
    for at in (0..database.len()).step_by(31) {
        let mut changed = database.clone();
        changed[at] ^= 0xff;
        let _ = sqlite::blobs(&changed, |_| Ok(()));
    }
    let Some(path) = vector("rpmdb/epoch/Packages") else {
        return;
    };
    let content = fs::read(path).unwrap();
    for at in (0..content.len()).step_by(3) {
        let mut changed = content.clone();
        changed[at] ^= 0xff;
        let _ = bdb::blobs(&changed, |_| Ok(()));
        let _ = read_database(Database::RpmBdb, &changed, &mut |_| {});
    }
}

//! Every reader by small files, and the package databases of real systems.

mod databases;
pub(super) mod manifests;
mod programs;

use proptest::prelude::*;

use super::*;

fn spelled(items: &[Item]) -> Vec<String> {
    let spell = |item: &Item| {
        let source = item.source.as_ref();
        let source = source.map(|(name, version)| format!(" from {name} {version}"));
        format!(
            "{} {}{}",
            item.name,
            item.version,
            source.unwrap_or_default()
        )
    };
    items.iter().map(spell).collect()
}

#[test]
fn wanted_files() {
    let cases = [
        ("var/lib/dpkg/status", "Database(Dpkg)"),
        ("var/lib/dpkg/status.d/base-files", "Database(Dpkg)"),
        ("var/lib/dpkg/status.d/base-files.md5sums", ""),
        ("var/lib/dpkg/status-old", ""),
        ("lib/apk/db/installed", "Database(Apk)"),
        ("usr/lib/apk/db/installed", "Database(Apk)"),
        ("var/lib/rpm/rpmdb.sqlite", "Sqlite"),
        ("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "SqliteLog"),
        ("usr/share/rpm/Packages", "Database(RpmBdb)"),
        ("opt/Packages", ""),
        (
            "var/lib/rpmmanifest/container-manifest-2",
            "Database(RpmList)",
        ),
        ("etc/os-release", "OsRelease"),
        ("usr/lib/os.release.d/os-release-fedora", "OsRelease"),
        (
            "usr/lib/python3/dist-packages/a-1.dist-info/METADATA",
            "Manifest(Python)",
        ),
        (
            "usr/lib/python3/dist-packages/a-1.egg-info",
            "Manifest(Python)",
        ),
        (
            "usr/lib/python3/dist-packages/a.egg/EGG-INFO/PKG-INFO",
            "Manifest(Python)",
        ),
        ("METADATA", ""),
        ("app/node_modules/a/package.json", "Manifest(Node)"),
        ("app/node_modules/@s/a/package.json", "Manifest(Node)"),
        ("app/node_modules/a/test/package.json", ""),
        ("app/package.json", ""),
        (
            "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.gemspec",
            "Manifest(Ruby)",
        ),
        ("app/vendor/composer/installed.json", "Manifest(Php)"),
        ("app/App.deps.json", "Manifest(DotNet)"),
        ("opt/bitnami/redis/.spdx-redis.spdx", "Manifest(Bitnami)"),
        ("app/app.jar", "Java"),
        ("app/app.JAR.txt", ""),
    ];
    for (path, kind) in cases {
        let found = wanted(path).map_or(String::new(), |wanted| format!("{wanted:?}"));
        assert_eq!(found, kind, "{path}");
    }
    for path in [
        "var",
        "var/lib/rpm",
        "lib",
        "etc/os-release",
        "var/lib/dpkg/status",
    ] {
        assert!(towards_database(path), "{path}");
    }
    for path in ["", "va", "bin", "var/lib/rpmx", "usr/bin"] {
        assert!(!towards_database(path), "{path}");
    }
}

#[test]
fn runtimes_from_the_environment() {
    let cases = [
        ("NODE_VERSION=20.11.0", "node 20.11.0"),
        ("PYTHON_VERSION=3.13.0rc1", "python 3.13.0rc1"),
        ("PG_VERSION=15.2-1.pgdg110+1", "postgresql 15.2"),
        ("MARIADB_VERSION=1:10.11.2+maria~ubu2204", "mariadb 10.11.2"),
        ("JAVA_VERSION=jdk-17.0.6+10", "java 17.0.6"),
        ("JAVA_VERSION=8u362", "java 8u362"),
        ("NODE_VERSION=latest", ""),
        ("NODE_VERSION", ""),
        ("APP_VERSION=1", ""),
    ];
    for (line, runtime) in cases {
        let items: Vec<Item> = runtimes(&[line.to_owned()])
            .into_iter()
            .map(|(_, item)| item)
            .collect();
        assert_eq!(spelled(&items).join(";"), runtime, "{line}");
    }
    let twice = [
        "REDIS_VERSION=6.0.0".to_owned(),
        "REDIS_VERSION=7.0.5".to_owned(),
    ];
    assert_eq!(runtimes(&twice).len(), 1);
}

proptest! {
    #[test]
    fn no_reader_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        for database in [Database::Dpkg, Database::Apk, Database::RpmNdb, Database::RpmBdb] {
            let _ = read_database(database, &bytes, &mut |_| {});
        }
        for kind in [Kind::Python, Kind::Node, Kind::Ruby, Kind::Php, Kind::DotNet, Kind::Bitnami] {
            let _ = read_manifest(kind, "specifications/a-1.gemspec", &bytes);
        }
        let _ = read_java("a.jar", &bytes);
        let _ = read_auditable(&[b"\x7fELF\x02\x01", bytes.as_slice()].concat());
        let _ = System::parse(&bytes);
        let _ = read_sqlite([b"SQLite format 3\0", bytes.as_slice()].concat(), Some(&bytes), &mut |_| {});
        let mut go = BuildInfo::default();
        go.feed(b"\xff Go buildinf:\x08\x02");
        go.feed(&bytes);
        let _ = go.finish();
    }
}

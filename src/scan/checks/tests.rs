//! What a layer and an image show, from tars.

use super::*;
use crate::scan::catalogue::System;
use crate::scan::layer::{Archive, LayerFacts, read};
use crate::scan::{Inventory, Source, merge};

/// Made for this test, and for nothing else.
const KEY: &str = include_str!("secret/test_key.txt");

fn layer(files: &[(&str, u64, &str)]) -> LayerFacts {
    let mut archive = Archive::default();
    for (path, mode, content) in files {
        let folder = path.ends_with('/');
        let kind = if folder { b'5' } else { b'0' };
        let at = archive.bytes.len();
        archive.entry(path, kind, "", content.as_bytes());
        let mut block: [u8; 512] = archive.bytes[at..at + 512].try_into().unwrap();
        block[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
        let rest = archive.bytes.split_off(at + 512);
        archive.bytes.truncate(at);
        archive.block(block);
        archive.bytes.extend(rest);
    }
    read(&archive.end()).unwrap()
}

fn merged(layers: Vec<LayerFacts>) -> Inventory {
    let diff_ids: Vec<String> = layers.iter().map(|one| one.diff_id.to_string()).collect();
    let digest = crate::oci::Digest::of;
    let layers: Vec<_> = layers
        .into_iter()
        .enumerate()
        .map(|(at, one)| (digest(&[at as u8]), one))
        .collect();
    let (config, environment) = (digest(b"config"), &[][..]);
    merge(&Source {
        layers: &layers,
        config,
        environment,
        diff_ids: &diff_ids,
    })
    .unwrap()
}

#[test]
fn files_of_packages_are_theirs_where_their_list_is() {
    let files = [
        (
            "var/lib/dpkg/info/su.list",
            0o644,
            "/.\n/bin\n/bin/su\n/etc/su.key\n",
        ),
        ("usr/bin/su", 0o4755, "\x7fELF"),
        ("usr/bin/own", 0o2755, "\x7fELF"),
        ("etc/su.key", 0o600, KEY),
        ("app/own.key", 0o600, KEY),
    ];
    let seen = layer(&files).observed;
    let setuid: Vec<_> = seen
        .setuid
        .first
        .iter()
        .map(|one| (one.path.as_str(), one.user, one.packaged))
        .collect();
    assert_eq!(
        setuid,
        [("usr/bin/su", true, true), ("usr/bin/own", false, false)]
    );
    let secrets: Vec<_> = seen
        .secrets
        .first
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(secrets, ["app/own.key"]);
    // In a layer without the list the same files are somebody's own.
    let seen = layer(&files[1..]).observed;
    assert!(seen.setuid.first.iter().all(|one| !one.packaged));
    assert_eq!(seen.secrets.count(), 2);
}

#[test]
fn lists_of_apk_and_of_distroless() {
    let apk = "P:a\nV:1\nF:bin\nR:tool\n\n";
    let seen = layer(&[
        ("lib/apk/db/installed", 0o644, apk),
        ("bin/tool", 0o4755, "x"),
    ])
    .observed;
    assert!(seen.setuid.first[0].packaged);
    let sums = "d41d8cd98f00b204e9800998ecf8427e  usr/bin/tool\n";
    let list = "var/lib/dpkg/status.d/a.md5sums";
    let seen = layer(&[(list, 0o644, sums), ("usr/bin/tool", 0o4755, "x")]).observed;
    assert!(seen.setuid.first[0].packaged);
}

#[test]
fn modes_accounts_and_programs() {
    let seen = layer(&[
        ("tmp/", 0o1777, ""),
        ("srv/", 0o777, ""),
        ("etc/app.conf", 0o666, "a"),
        (
            "etc/passwd",
            0o644,
            "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp::7:7::/:/bin/sh\n",
        ),
        (
            "etc/shadow",
            0o640,
            "root::19000::::::\napp:*:19000::::::\n",
        ),
        ("bin/packed", 0o755, "\x7fELF some headers UPX! and so on"),
        (
            "bin/upx",
            0o755,
            &format!("\x7fELF{}UPX!", "x".repeat(5000)),
        ),
        ("lib/data", 0o644, "UPX! is a packer"),
        ("bin/script", 0o755, "#!/bin/sh\n"),
    ])
    .observed;
    assert_eq!(seen.world_writable.first, ["srv", "etc/app.conf"]);
    let flaw = |name: &str, flaw| (name.to_owned(), flaw);
    let passwd = [
        flaw("toor", Flaw::SecondRoot),
        flaw("app", Flaw::EmptyPassword),
    ];
    assert_eq!(seen.accounts["etc/passwd"], passwd);
    assert_eq!(
        seen.accounts["etc/shadow"],
        [flaw("root", Flaw::EmptyPassword)]
    );
    assert_eq!(seen.packed.first, ["bin/packed"]);
    let digests = seen.digests.first.iter();
    let script = crate::oci::Digest::of(b"#!/bin/sh\n");
    assert_eq!(
        digests
            .filter(|one| **one == ("bin/script".to_owned(), script))
            .count(),
        1
    );
    assert_eq!(seen.digests.first.len(), 3);
}

#[test]
fn what_a_later_layer_removes_is_gone_but_for_secrets_and_programs() {
    let base = [
        ("etc/shadow", 0o640, "root::19000::::::\n"),
        ("app/own.key", 0o600, KEY),
        ("app/tool", 0o4755, "x"),
    ];
    let upper = [
        ("etc/shadow", 0o640, "root:*:19000::::::\n"),
        ("app/.wh.own.key", 0o600, ""),
        ("app/tool", 0o755, "x"),
    ];
    let found = merged(vec![layer(&base), layer(&upper)]);
    assert_eq!(found.observed.accounts["etc/shadow"], []);
    assert_eq!(
        (
            found.observed.setuid.count(),
            found.observed.digests.count()
        ),
        (0, 2)
    );
    assert_eq!(found.observed.secrets.count(), 1, "its bytes are pulled");
    assert!(found.buried.contains("app/own.key"));
    let found = merged(vec![layer(&base)]);
    assert!(found.buried.is_empty() && found.observed.setuid.count() == 1);
}

#[test]
fn ends_of_life() {
    let end = |id: &str, version_id: &str| {
        let (id, version_id) = (id.to_owned(), version_id.to_owned());
        let system = System {
            id,
            version_id,
            ..System::default()
        };
        end_of_life(&system).map(|day| day.to_string())
    };
    for (id, version, expected) in [
        ("debian", "12", Some("2028-06-30")),
        ("debian", "1", None),
        ("debian", "", None),
        ("ubuntu", "22.04", Some("2027-06-01")),
        ("alpine", "3.20.3", Some("2026-04-01")),
        ("alpine", "3.2.1", Some("2017-05-01")),
        ("almalinux", "9.3", Some("2032-05-31")),
        ("rhel", "8.10", Some("2029-05-31")),
        ("amzn", "2", Some("2026-06-30")),
        ("amzn", "2023", Some("2029-06-30")),
        ("opensuse-leap", "15.6", Some("2026-04-30")),
        ("wolfi", "20230201", None),
    ] {
        assert_eq!(end(id, version).as_deref(), expected, "{id} {version}");
    }
}

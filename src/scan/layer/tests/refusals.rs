//! One test a reason to refuse.

use super::*;

fn refused(build: impl FnOnce(&mut Archive)) -> Unscannable {
    let mut archive = Archive::default();
    build(&mut archive);
    read(&archive.end()).unwrap_err()
}

fn limited(tar: &[u8], limits: Limits) -> Unscannable {
    let layer = gzip(tar);
    read_layer(GZIP, None, layer.as_slice(), &limits).unwrap_err()
}

fn path_why(error: Unscannable) -> &'static str {
    match error {
        Unscannable::Path { why, .. } => why,
        other => panic!("{other}"),
    }
}

fn of_type(media_type: &str) -> Unscannable {
    read_layer(media_type, None, [0; 1024].as_slice(), &Limits::default()).unwrap_err()
}

#[test]
fn unknown_media_type() {
    let kind = "application/vnd.docker.ai.model.file";
    assert_eq!(of_type(kind), Unscannable::MediaType(kind.to_owned()));
}

#[test]
fn encrypted() {
    assert_eq!(
        of_type(&format!("{GZIP}+encrypted")),
        Unscannable::Encrypted
    );
}

#[test]
fn foreign() {
    for kind in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        assert_eq!(of_type(kind), Unscannable::Foreign);
    }
}

#[test]
fn compressed_otherwise_than_labelled() {
    let layer = gzip(&[0; 1024]);
    for kind in [PLAIN, ZSTD] {
        let read = read_layer(kind, None, layer.as_slice(), &Limits::default());
        assert_eq!(read, Err(Unscannable::Mislabelled));
    }
    assert_eq!(of_type(GZIP), Unscannable::Mislabelled);
}

#[test]
fn truncated() {
    let mut archive = Archive::default();
    archive.file(
        "a",
        &(0..5000).map(|n| (n * n % 251) as u8).collect::<Vec<u8>>(),
    );
    let tar = archive.end();
    assert_eq!(read(&tar[..3000]), Err(Unscannable::Truncated));
    assert_eq!(read(&tar[..100]), Err(Unscannable::Truncated));
    assert_eq!(read(b""), Err(Unscannable::Truncated));
    let zipped = gzip(&tar);
    for cut in [zipped.len() - 1, zipped.len() - 9, zipped.len() / 2] {
        let read = read_layer(GZIP, None, &zipped[..cut], &Limits::default());
        assert_eq!(read, Err(Unscannable::Truncated), "{cut}");
    }
    let zipped = zstd::encode_all(tar.as_slice(), 3).unwrap();
    let read = read_layer(ZSTD, None, &zipped[..zipped.len() - 3], &Limits::default());
    assert_eq!(read, Err(Unscannable::Truncated));
}

#[test]
fn trailing_data() {
    let mut archive = Archive::default();
    archive.file("a", b"a");
    let tar = archive.end();
    let after = [tar.as_slice(), tar.as_slice()].concat();
    assert_eq!(
        read(&after),
        Err(Unscannable::TrailingData),
        "a second archive"
    );
    let zipped = [gzip(&tar), b"more data than a head".to_vec()].concat();
    let read = read_layer(GZIP, None, zipped.as_slice(), &Limits::default());
    assert_eq!(read, Err(Unscannable::TrailingData));
    let zipped = [
        zstd::encode_all(tar.as_slice(), 3).unwrap(),
        b"more data than a head".to_vec(),
    ]
    .concat();
    let read = read_layer(ZSTD, None, zipped.as_slice(), &Limits::default());
    assert_eq!(read, Err(Unscannable::TrailingData));
}

#[test]
fn broken_compression() {
    let mut zipped = gzip(&[1; 100_000]);
    let middle = zipped.len() / 2;
    zipped[middle] ^= 0xff;
    let read = read_layer(GZIP, None, zipped.as_slice(), &Limits::default());
    assert!(matches!(read, Err(Unscannable::Compression(_))), "{read:?}");
}

#[test]
fn a_name_that_climbs() {
    for name in ["../etc/passwd", "a/../../b", "a/.."] {
        assert_eq!(
            path_why(refused(|tar| tar.file(name, b""))),
            "climbs out by `..`"
        );
    }
}

#[test]
fn a_database_named_from_the_root() {
    let error = refused(|tar| tar.file("/var/lib/dpkg/status", b""));
    assert_eq!(path_why(error), "is a package database named from the root");
    // Builders of Go images write programs so, and all clients unpack them below the root.
    let mut archive = Archive::default();
    archive.file("/ko-app/app", b"");
    assert!(
        read(&archive.end())
            .unwrap()
            .paths
            .contains(PathKey::of("ko-app/app"))
    );
}

#[test]
fn a_database_below_a_link() {
    let error = refused(|tar| {
        tar.link("var/lib", b'2', "/opt");
        tar.file("var/lib/dpkg/status", b"");
    });
    assert_eq!(
        path_why(error),
        "is a package database below a link of its own layer"
    );
    let error = refused(|tar| {
        tar.file("var/lib/dpkg/status", b"");
        tar.link("var/lib", b'2', "/opt");
    });
    assert_eq!(
        path_why(error),
        "is a link above a package database of its own layer"
    );
}

#[test]
fn a_database_under_a_second_name() {
    let error = refused(|tar| {
        tar.file("opt/status", b"");
        tar.link("var/lib/dpkg/status", b'1', "opt/status");
    });
    assert_eq!(path_why(error), "is a package database under a second name");
}

#[test]
fn a_database_that_is_no_file() {
    let error = refused(|tar| tar.entry("var/lib/dpkg/status", b'6', "", b""));
    assert!(matches!(error, Unscannable::Database { .. }));
}

#[test]
fn a_whiteout_of_nothing() {
    for name in ["a/.wh.", "a/.wh..", "a/.wh..."] {
        let why = path_why(refused(|tar| tar.file(name, b"")));
        assert_eq!(why, "removes what cannot be named");
    }
}

#[test]
fn two_databases_of_one_name() {
    let error = refused(|tar| {
        tar.file("lib/apk/db/installed", APK.as_bytes());
        tar.file("./lib//apk/db/installed", b"");
    });
    assert_eq!(
        error,
        Unscannable::Duplicate("lib/apk/db/installed".to_owned())
    );
}

#[test]
fn a_database_that_does_not_parse() {
    for (path, content) in [
        ("var/lib/dpkg/status", "Package: a\nno field\n"),
        ("var/lib/dpkg/status.d/a", "Version: 1\n"),
        ("lib/apk/db/installed", "P:musl\n\n"),
        ("var/lib/rpm/rpmdb.sqlite", ""),
        ("var/lib/rpm/Packages", "nothing"),
        ("usr/lib/sysimage/rpm/Packages.db", "nothing"),
    ] {
        let error = refused(|tar| tar.file(path, content.as_bytes()));
        assert!(
            matches!(&error, Unscannable::Database { path: at, .. } if at == path),
            "{error}"
        );
    }
}

#[test]
fn a_database_that_is_too_large() {
    let mut archive = Archive::default();
    archive.file("lib/apk/db/installed", APK.as_bytes());
    let limits = Limits {
        database_bytes: 10,
        ..Limits::default()
    };
    let error = Unscannable::DatabaseTooLarge("lib/apk/db/installed".to_owned());
    assert_eq!(limited(&archive.end(), limits), error);
}

#[test]
fn a_log_without_its_database() {
    let error = refused(|tar| tar.file("var/lib/rpm/rpmdb.sqlite-wal", b"frames"));
    let path = "var/lib/rpm/rpmdb.sqlite-wal".to_owned();
    assert_eq!(error, Unscannable::SplitDatabase(path));
}

#[test]
fn too_many_bytes() {
    let limits = Limits {
        tar_bytes: 1 << 20,
        ..Limits::default()
    };
    assert_eq!(
        limited(&vec![0; 2 << 20], limits),
        Unscannable::Bomb(Bomb::Size)
    );
}

#[test]
fn too_many_bytes_for_its_size() {
    let limits = Limits {
        ratio_from_bytes: 1 << 20,
        ratio: 100,
        ..Limits::default()
    };
    assert_eq!(
        limited(&vec![0; 64 << 20], limits),
        Unscannable::Bomb(Bomb::Ratio)
    );
}

#[test]
fn too_many_entries() {
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    let mut archive = Archive::default();
    for name in ["a", "b", "c"] {
        archive.folder(name);
    }
    assert_eq!(
        limited(&archive.end(), limits),
        Unscannable::Bomb(Bomb::Entries)
    );
}

#[test]
fn too_many_facts() {
    let limits = Limits {
        kept_bytes: 100,
        ..Limits::default()
    };
    let mut archive = Archive::default();
    archive.file("lib/apk/db/installed", APK.as_bytes());
    assert_eq!(limited(&archive.end(), limits), Unscannable::TooManyFacts);
}

#[test]
fn a_wrong_checksum() {
    let mut archive = Archive::default();
    archive.file("a", b"");
    archive.bytes[0] = b'b';
    assert_eq!(read(&archive.end()), Err(Unscannable::Checksum));
    assert_eq!(read(&[b'x'; 1024]), Err(Unscannable::Checksum));
}

#[test]
fn a_tar_that_readers_read_differently() {
    type Build = fn(&mut Archive);
    let cases: [(&str, Build); 10] = [
        ("an entry of a type that not all clients read", |tar| {
            tar.entry("a", b'S', "", b"")
        }),
        ("an entry of a type that not all clients read", |tar| {
            tar.pax(&[("GNU.sparse.major", "1")]);
            tar.file("a", b"");
        }),
        ("an entry without content has a size", |tar| {
            tar.entry("a", b'2', "b", b"c")
        }),
        ("an entry without content has a size", |tar| {
            tar.pax(&[("size", "512")]);
            tar.link("a", b'2', "b");
        }),
        ("a file's name ends in a slash", |tar| tar.file("a/", b"")),
        ("two extensions of one entry", |tar| {
            tar.pax(&[("path", "a")]);
            tar.pax(&[("path", "b")]);
            tar.file("c", b"");
        }),
        (
            "an extension whose name is empty, cut or given twice",
            |tar| {
                tar.pax(&[("path", "a")]);
                tar.entry("././@LongLink", b'L', "", b"b\0");
                tar.file("c", b"");
            },
        ),
        ("a global name or size", |tar| {
            tar.entry("g", b'g', "", b"10 path=a\n")
        }),
        ("a pax record that is none", |tar| {
            tar.entry("x", b'x', "", b"99 path=a\n")
        }),
        ("an extension without its entry", |tar| {
            tar.pax(&[("path", "a")])
        }),
    ];
    for (why, build) in cases {
        assert_eq!(refused(build), Unscannable::Tar(why));
    }
    let mut archive = Archive::default();
    archive.bytes.extend([0; 512]);
    archive.file("a", b"");
    assert_eq!(
        read(&archive.end()),
        Err(Unscannable::TrailingData),
        "one empty block"
    );
}

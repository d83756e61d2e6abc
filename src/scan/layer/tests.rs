//! The pass over small archives that the tests write, one refusal each, and over real root file systems.

mod archive;
mod disguise;
mod real;
mod refusals;

use std::io::Read;

pub(in crate::scan) use archive::{Archive, gzip};
use proptest::prelude::*;
pub(in crate::scan) use real::vector;

use super::*;

/// The media type that most tests read.
pub(in crate::scan) const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

pub(in crate::scan) fn read(tar: &[u8]) -> Result<LayerFacts, Unscannable> {
    read_layer(PLAIN, None, tar, &Limits::default())
}

const APK: &str = "P:musl\nV:1.2.5-r0\no:musl\n\nP:libssl3\nV:3.3.2-r0\no:openssl\n\n";

#[test]
fn every_compression_gives_the_same_facts() {
    let mut archive = Archive::default();
    archive.file("etc/os-release", b"ID=alpine\nVERSION_ID=3.20.3\n");
    archive.file("lib/apk/db/installed", APK.as_bytes());
    archive.file("bin/busybox", b"\x7fELF and so on");
    let tar = archive.end();
    let plain = read(&tar).unwrap();
    assert_eq!(plain.diff_id, crate::oci::Digest::of(&tar));
    assert_eq!(plain.counts.entries, 3);
    assert_eq!(plain.counts.executables, 1);
    assert_eq!(plain.found[0].packages.len(), 2);
    let (head, tail) = tar.split_at(700);
    let members = [gzip(head), gzip(tail)].concat();
    let frames = [zstd::encode_all(head, 3), zstd::encode_all(tail, 3)];
    let frames = frames.map(Result::unwrap).concat();
    for (media_type, layer) in [(GZIP, gzip(&tar)), (GZIP, members), (ZSTD, frames)] {
        let read = read_layer(media_type, None, layer.as_slice(), &Limits::default());
        let mut facts = read.unwrap();
        assert_eq!(facts.counts.compressed_bytes, layer.len() as u64);
        facts.counts = plain.counts;
        assert_eq!(facts, plain);
    }
}

#[test]
fn facts_survive_their_file() {
    let mut archive = Archive::default();
    archive.file("lib/apk/db/installed", APK.as_bytes());
    archive.file("a/.wh.b", b"");
    archive.file("c/.wh..wh..opq", b"");
    archive.link("lib64", b'2', "usr/lib64");
    let facts = read(&archive.end()).unwrap();
    let json = serde_json::to_string(&facts).unwrap();
    let back: LayerFacts = serde_json::from_str(&json).unwrap();
    assert_eq!(back, facts);
    assert_eq!(back.removed, ["a/b"]);
    assert_eq!(back.emptied, ["c"]);
    assert!(back.paths.covers(PathKey::of("lib64")));
    assert!(!back.paths.contains(PathKey::of("a/b")));
}

#[test]
fn long_names_of_either_kind_are_read() {
    let long = format!("{}/node_modules/x/package.json", "d".repeat(180));
    let manifest = br#"{"name":"x","version":"1.0.0"}"#;
    let mut archive = Archive::default();
    archive.entry("././@LongLink", b'L', "", format!("{long}\0").as_bytes());
    archive.file("cut", manifest);
    archive.pax(&[("path", &format!("pax/{long}"))]);
    archive.file("cut", manifest);
    let facts = read(&archive.end()).unwrap();
    let paths: Vec<&str> = facts
        .found
        .iter()
        .map(|found| found.path.as_str())
        .collect();
    assert_eq!(paths, [long.as_str(), &format!("pax/{long}")]);
}

#[test]
fn memory_does_not_grow_with_a_file() {
    // Zeros as one unwanted file, never in memory at once: the reader makes it up.
    let size = 256 << 20;
    let mut archive = Archive::default();
    archive.header("var/big", b'0', "", size);
    let head = archive.bytes.clone();
    let source = head.as_slice().chain(std::io::repeat(0).take(size + 1024));
    let facts = read_layer(PLAIN, None, source, &Limits::default()).unwrap();
    assert_eq!(facts.counts.tar_bytes, 512 + size + 1024);
}

#[test]
fn a_large_program_is_a_gap_if_it_mentions_a_list_of_crates() {
    let limits = Limits {
        executable_bytes: 100,
        ..Limits::default()
    };
    let program = |tail: &[u8]| [b"\x7fELF".as_slice(), &[1; 300_000], tail, &[2; 500]].concat();
    let mut archive = Archive::default();
    archive.file("bin/node", &program(b""));
    // Wherever pieces end, one of these lies across.
    for at in 0..4 {
        archive.file(
            &format!("bin/{at}"),
            &program(&[&vec![1; at * 32_768], b".dep-v0".as_slice()].concat()),
        );
    }
    let facts = read_layer(PLAIN, None, archive.end().as_slice(), &limits).unwrap();
    assert_eq!((facts.counts.executables, facts.gaps.count), (5, 4));
    assert_eq!(facts.gaps.first[0], ("bin/0".to_owned(), Gap::TooLarge));
}

#[test]
fn a_failing_source_may_be_asked_again() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("reset"))
        }
    }
    let mut archive = Archive::default();
    archive.file("a", &[7; 5000]);
    let head = gzip(&archive.end());
    let source = head[..20].chain(Broken);
    let error = read_layer(GZIP, None, source, &Limits::default()).unwrap_err();
    assert_eq!(error, Unscannable::Interrupted("reset".to_owned()));
    assert!(error.temporary());
}

#[test]
fn a_hard_link_to_a_known_file_is_that_file_again() {
    let mut archive = Archive::default();
    archive.file(
        "a/node_modules/x/package.json",
        br#"{"name":"x","version":"1.0.0"}"#,
    );
    archive.link(
        "b/node_modules/x/package.json",
        b'1',
        "a/node_modules/x/package.json",
    );
    archive.link("c/node_modules/x/package.json", b'1', "elsewhere");
    let facts = read(&archive.end()).unwrap();
    assert_eq!(facts.found.len(), 2);
    assert_eq!(
        facts.gaps.first,
        [("c/node_modules/x/package.json".to_owned(), Gap::HardLink)]
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let _ = read(&bytes);
        let _ = read_layer(GZIP, None, [b"\x1f\x8b\x08", bytes.as_slice()].concat().as_slice(), &Limits::default());
        let _ = read_layer(ZSTD, None, [b"\x28\xb5\x2f\xfd", bytes.as_slice()].concat().as_slice(), &Limits::default());
    }

    #[test]
    fn a_changed_archive_never_panics(at in 0usize..6000, byte: u8, cut in 0usize..6000) {
        let mut archive = Archive::default();
        archive.pax(&[("path", "lib/apk/db/installed")]);
        archive.file("x", APK.as_bytes());
        archive.file("bin/x", b"\x7fELF\x02\x01");
        archive.link("lib", b'2', "usr/lib");
        let mut tar = archive.end();
        if let Some(place) = tar.get_mut(at) {
            *place = byte;
        }
        let _ = read(&tar);
        tar.truncate(cut);
        let _ = read(&tar);
    }
}

/// GNU tar cuts names of files behind a slash, where they are longer than a header holds.
#[test]
fn a_long_name_that_is_cut_behind_a_slash() {
    let whole = format!("{}/file", "d".repeat(99));
    let mut archive = Archive::default();
    archive.entry("././@LongLink", b'L', "", whole.as_bytes());
    archive.file(whole.get(..100).unwrap(), b"content");
    let facts = read(&archive.end()).unwrap();
    assert!(facts.paths.contains(PathKey::of(&whole)));
    assert_eq!(facts.counts.files, 1);
    let mut archive = Archive::default();
    archive.file("folder/", b"");
    assert!(read(&archive.end()).is_err());
}

//! Layers that show one thing to a reader and another to a client, or a program as what it is not.

use super::*;
use crate::scan::checks::Told;

/// A header block with one field changed.
fn header(change: impl FnOnce(&mut [u8; 512])) -> Archive {
    let mut plain = Archive::default();
    plain.header("a", b'0', "", 512);
    let mut block: [u8; 512] = plain.bytes.try_into().unwrap();
    change(&mut block);
    let mut archive = Archive::default();
    archive.block(block);
    archive
}

/// Go's reader skips NULs before a number, C's ends there: what one takes for content is a header for the other.
#[test]
fn numbers_that_readers_read_differently() {
    let wrong = Err(Unscannable::Tar("a number that is none"));
    for size in [
        b"\x0000000001000",
        b"\0\x000000001000",
        b" \x000000001000",
        b"0000001000\x001",
        b"0000001000 1",
        b"000000\t1000\0",
    ] {
        let mut archive = header(|block| block[124..136].copy_from_slice(size));
        archive.file("inside", b"");
        assert_eq!(read(&archive.end()), wrong, "{}", size.escape_ascii());
    }
    for size in [b"00000001000\0", b"    1000\0\0\0\0", b"0001000 \0 \0 "] {
        let mut archive = header(|block| block[124..136].copy_from_slice(size));
        archive.bytes.extend([b'x'; 512]);
        let facts = read(&archive.end()).unwrap();
        assert_eq!(facts.counts.entries, 1, "{}", size.escape_ascii());
    }
}

/// Go takes times of GNU that are none for a prefix; star's prefix is shorter, and times follow it.
#[test]
fn prefixes_that_readers_read_differently() {
    let gnu = header(|block| {
        block[257..265].copy_from_slice(b"ustar  \0");
        block[345..357].copy_from_slice(b"var/lib/dpkg");
    });
    let wrong = Unscannable::Tar("a header whose times are none");
    assert_eq!(read(&gnu.end()), Err(wrong));
    let mut gnu = header(|block| {
        block[257..265].copy_from_slice(b"ustar  \0");
        block[345..357].copy_from_slice(b"00000000001\0");
    });
    gnu.bytes.extend([b'x'; 512]);
    let facts = read(&gnu.end()).unwrap();
    assert!(facts.paths.contains(PathKey::of("a")));
    let mut star = header(|block| {
        block[345..476].copy_from_slice("d".repeat(131).as_bytes());
        block[476..488].copy_from_slice(b"00000000001 ");
        block[508..512].copy_from_slice(b"tar\0");
    });
    star.bytes.extend([b'x'; 512]);
    let facts = read(&star.end()).unwrap();
    let path = format!("{}/a", "d".repeat(131));
    assert!(facts.paths.contains(PathKey::of(&path)));
}

/// A program is one under whatever name: one that is looked at for what it names is looked at for what it is, too.
#[test]
fn programs_under_the_names_of_manifests() {
    let program = b"\x7fELF, and UPX! a little later";
    let names = [
        "app.jar",
        "app.dist-info/METADATA",
        "node_modules/a/package.json",
        "specifications/a-1.gemspec",
        "app.deps.json",
        "etc/os-release",
    ];
    let digest = crate::oci::Digest::of(program);
    for name in names {
        let mut archive = Archive::default();
        archive.file(name, program);
        let facts = read(&archive.end()).unwrap();
        assert_eq!(facts.counts.executables, 1, "{name}");
        assert_eq!(facts.unexplained.first, [name]);
        assert_eq!(facts.observed.packed.first, [name]);
        assert_eq!(facts.observed.digests.first, [(name.to_owned(), digest)]);
    }
    // One that is too large to be read is seen while it passes.
    let mut archive = Archive::default();
    archive.file("app.jar", program);
    let limits = Limits {
        archive_bytes: 10,
        ..Limits::default()
    };
    let facts = read_layer(PLAIN, None, archive.end().as_slice(), &limits).unwrap();
    assert_eq!(facts.gaps.first, [("app.jar".to_owned(), Gap::TooLarge)]);
    assert_eq!(facts.observed.digests.count(), 1);
    let seen = facts.unexplained;
    assert_eq!(seen.first, ["app.jar"]);
}

/// Windows' programs and WebAssembly start in containers too, wherever the pieces end in which they come.
#[test]
fn programs_of_other_kinds() {
    for (start, program) in [
        ("MZ and so on", true),
        ("\0asm\x01", true),
        ("\x7fELF", true),
        ("MP", false),
        ("\0as", false),
        ("M", false),
        ("text", false),
    ] {
        let mut archive = Archive::default();
        archive.file("app", start.as_bytes());
        let tar = archive.end();
        let whole = read(&tar).unwrap().unexplained;
        assert_eq!(whole.first.len(), usize::from(program), "{start:?}");
        for cut in 512..512 + start.len() {
            let (head, tail) = tar.split_at(cut);
            let members = [gzip(head), gzip(tail)].concat();
            let read = read_layer(GZIP, None, members.as_slice(), &Limits::default());
            assert_eq!(read.unwrap().unexplained, whole, "{start:?} cut at {cut}");
        }
    }
}

#[test]
fn programs_that_are_too_many_to_be_told() {
    let mut archive = Archive::default();
    for number in 0..105 {
        archive.file(&format!("bin/{number}"), b"\x7fELF");
    }
    let Told { first, more } = read(&archive.end()).unwrap().unexplained;
    assert_eq!((first.len(), more), (100, 5));
}

/// What a link of the layer's own names as `os-release` is read, and what lies elsewhere is refused: a client has it.
#[test]
fn a_distribution_under_a_second_name() {
    let mut archive = Archive::default();
    archive.file("usr/lib/os-release", b"ID=debian\n");
    archive.link("etc/os-release", b'1', "usr/lib/os-release");
    let facts = read(&archive.end()).unwrap();
    assert_eq!(facts.systems["etc/os-release"].id, "debian");
    let mut archive = Archive::default();
    archive.link("etc/os-release", b'1', "opt/other");
    let error = read(&archive.end()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the layer's \"etc/os-release\" names a distribution under a second name"
    );
}

/// What no distribution puts there is nobody's of the distribution, whatever a list of files says.
#[test]
fn packages_of_somebody_else_are_not_the_distributions() {
    let metadata = b"Name: six\nVersion: 1.16.0\n";
    let places = [
        ("usr/lib/python3/dist-packages/six.dist-info/METADATA", true),
        ("opt/agent/lib/six.dist-info/METADATA", false),
        ("usr/local/lib/six.dist-info/METADATA", false),
    ];
    let list: String = places
        .iter()
        .map(|(path, _)| format!("/{path}\n"))
        .collect();
    let mut archive = Archive::default();
    archive.file("var/lib/dpkg/info/agent.list", list.as_bytes());
    for (path, _) in places {
        archive.file(path, metadata);
    }
    let facts = read(&archive.end()).unwrap();
    let shipped = facts
        .found
        .iter()
        .map(|found| (found.path.as_str(), found.shipped));
    assert_eq!(shipped.collect::<Vec<_>>(), places);
}

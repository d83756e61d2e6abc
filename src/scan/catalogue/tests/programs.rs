//! What makers link into their programs.

use std::io::Write as _;

use super::*;

fn info(version: &str, modules: &str) -> Vec<u8> {
    let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
    bytes.resize(32, 0);
    let modules = format!("{}{modules}{}", "s".repeat(16), "e".repeat(16));
    for text in [version, &modules] {
        let mut length = text.len();
        while length >= 0x80 {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(text.as_bytes());
    }
    bytes
}

const MODULES: &str = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n\
    dep\tgolang.org/x/net\tv0.1.0\th1:a=\ndep\tb.example/old\tv1.0.0\n=>\tb.example/new\tv1.1.0\th1:b=\n\
    build\t-compiler=gc\n";

#[test]
fn go_modules_are_found_at_any_seam() {
    let mut program = b"\x7fELF".to_vec();
    program.resize(64, 1);
    // A program that reads such information holds the mark as text too, at any place.
    program.extend(b"x\xff Go buildinf:");
    program.resize(160, 2);
    program.extend(info("go1.22.3", MODULES));
    program.resize(4096, 3);
    let expected = [
        "stdlib 1.22.3",
        "golang.org/x/net v0.1.0",
        "b.example/new v1.1.0",
    ];
    for step in (1..200).chain([1000, 4096]) {
        let mut go = BuildInfo::default();
        program.chunks(step).for_each(|chunk| go.feed(chunk));
        assert_eq!(spelled(&go.finish().items), expected, "in pieces of {step}");
    }
}

#[test]
fn an_aligned_mark_that_is_none_hides_nothing() {
    let mut program = b"\xff Go buildinf:\x08\x02".to_vec();
    program.resize(160, 0);
    program.extend(info("go1.21rc2 X:boringcrypto", MODULES));
    let mut go = BuildInfo::default();
    go.feed(&program);
    assert_eq!(spelled(&go.finish().items)[0], "stdlib 1.21.0-rc2");
}

/// A program that holds another has the other's list too, and whichever comes first hides none.
#[test]
fn a_program_inside_a_program() {
    let inner = info(
        "go1.20.1",
        "path\tb.example/in\ndep\ta.example/in\tv0.1.0\th1:a=\n",
    );
    let mut program = b"\x7fELF".to_vec();
    program.resize(64, 0);
    program.extend(inner);
    program.resize(512, 0);
    program.extend(info("go1.22.3", MODULES));
    for step in [1, 7, 100, 4096] {
        let mut go = BuildInfo::default();
        program.chunks(step).for_each(|chunk| go.feed(chunk));
        let found = go.finish();
        let expected = [
            "stdlib 1.20.1",
            "a.example/in v0.1.0",
            "stdlib 1.22.3",
            "golang.org/x/net v0.1.0",
            "b.example/new v1.1.0",
        ];
        assert_eq!(spelled(&found.items), expected, "in pieces of {step}");
        assert!(!found.more && !found.old);
    }
    let mut many = Vec::new();
    for number in 0..70 {
        let modules = format!("dep\ta.example/{number}\tv0.1.0\th1:a=\n");
        many.extend(info("go1.22.3", &modules));
        many.resize(many.len().next_multiple_of(16), 0);
    }
    let mut go = BuildInfo::default();
    many.chunks(100).for_each(|chunk| go.feed(chunk));
    let found = go.finish();
    assert_eq!((found.items.len(), found.more), (65, true));
}

#[test]
fn old_go_is_told() {
    let mut program = b"\xff Go buildinf:\x08\x00".to_vec();
    program.resize(64, 0);
    let mut go = BuildInfo::default();
    go.feed(&program);
    let found = go.finish();
    assert!(found.old && found.items.is_empty());
}

/// An ELF file of 64 bits with one section beside that of names.
fn elf(name: &str, content: &[u8]) -> Vec<u8> {
    let names = format!("\0.names\0{name}\0");
    let (names_at, content_at) = (64, 64 + names.len());
    let table = content_at + content.len();
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(64, 0);
    elf[40..48].copy_from_slice(&(table as u64).to_le_bytes());
    elf[58..60].copy_from_slice(&64_u16.to_le_bytes());
    elf[60..62].copy_from_slice(&2_u16.to_le_bytes());
    elf.extend(names.as_bytes());
    elf.extend(content);
    for (name, at, size) in [
        (1_u32, names_at, names.len()),
        (8, content_at, content.len()),
    ] {
        let mut header = vec![0; 64];
        header[0..4].copy_from_slice(&name.to_le_bytes());
        header[24..32].copy_from_slice(&(at as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        elf.extend(header);
    }
    elf
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

#[test]
fn auditable_crates() {
    let list = br#"{"packages":[{"name":"serde","version":"1.0.1","source":"crates.io"},
        {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
        {"name":"beside","version":"0.1.0","source":"local"},
        {"name":"inside","version":"0.1.0","source":"registry","root":true},
        {"name":"hexyl","version":"0.16.0","source":"local","root":true}]}"#;
    let items = read_auditable(&elf(".dep-v0", &zlib(list))).unwrap();
    assert_eq!(spelled(&items), ["serde 1.0.1", "hexyl 0.16.0"]);
    assert_eq!(read_auditable(&elf(".text", b"code")), Ok(Vec::new()));
    assert_eq!(read_auditable(b"\x7fELF\x02\x01"), Ok(Vec::new()));
    assert!(read_auditable(&elf(".dep-v0", b"no list")).is_err());
}

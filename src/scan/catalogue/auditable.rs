//! What `cargo auditable` links into Rust programs: a compressed list in the section `.dep-v0` (rust-secure-code,
//! cargo-auditable PARSING.md).

use std::io::Read as _;

use flate2::bufread::ZlibDecoder;
use serde::Deserialize;

use super::bytes::{offset, slice, u16_be, u16_le, u32_be, u32_le, u64_be, u64_le};
use super::{Item, Malformed};

/// The section of the list.
pub(in crate::scan) const AUDITABLE_SECTION: &[u8] = b".dep-v0";
/// Most bytes of the list, as its specification advises.
const MAX_LIST_BYTES: u64 = 8 << 20;

#[derive(Deserialize)]
struct List {
    packages: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: String,
    /// The program itself.
    #[serde(default)]
    root: bool,
}

/// The crates of an ELF file; none if it has no list.
pub(in crate::scan) fn read_auditable(elf: &[u8]) -> Result<Vec<Item>, Malformed> {
    // A file whose sections cannot be found has none: programs run without them.
    let Some(section) = section(elf).unwrap_or(None) else {
        return Ok(Vec::new());
    };
    let mut json = Vec::new();
    let mut list = ZlibDecoder::new(section).take(MAX_LIST_BYTES + 1);
    let read = list.read_to_end(&mut json);
    if read.is_err() || json.len() as u64 > MAX_LIST_BYTES {
        return Err(Malformed("a list of crates that does not decompress"));
    }
    let list: List = serde_json::from_slice(&json).map_err(|_| Malformed("no list of crates"))?;
    // `cargo install` unpacks the program and builds it where it lies, so a crate of crates.io is local too where it is the
    // program. One of somebody's own that has the name of another crate is judged as that, rather than that unjudged.
    let public = |row: &Row| row.source == "crates.io" || row.root && row.source == "local";
    let linked = |row: &&Row| row.kind != "build" && public(row);
    let rows = list.packages.iter().filter(linked);
    Ok(rows.map(|row| Item::new(&row.name, &row.version)).collect())
}

/// The section of the list (System V ABI, "Section Header").
fn section(elf: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let wide = slice(elf, 4, 1)? == [2];
    let big = slice(elf, 5, 1)? == [2];
    let u16 = |at| {
        if big {
            u16_be(elf, at)
        } else {
            u16_le(elf, at)
        }
        .map(usize::from)
    };
    let u32 = |at| {
        if big {
            u32_be(elf, at)
        } else {
            u32_le(elf, at)
        }
    };
    let word = |at| {
        let number = match (wide, big) {
            (true, true) => u64_be(elf, at),
            (true, false) => u64_le(elf, at),
            _ => u32(at).map(u64::from),
        };
        offset(number?)
    };
    let (table, each, count, names) = if wide {
        (word(40)?, u16(58)?, u16(60)?, u16(62)?)
    } else {
        (word(32)?, u16(46)?, u16(48)?, u16(50)?)
    };
    let fields = if wide { (24, 32) } else { (16, 20) };
    let header = |index: usize| table.checked_add(index * each).ok_or(Malformed("no table"));
    let body = |header: usize| {
        slice(header_bytes(elf, header, each)?, 0, each)?;
        slice(elf, word(header + fields.0)?, word(header + fields.1)?)
    };
    let names = body(header(names)?)?;
    for index in 0..count {
        let header = header(index)?;
        let name = names.get(offset(u32(header)?)?..).unwrap_or_default();
        if name.split(|byte| *byte == 0).next() == Some(AUDITABLE_SECTION) {
            return body(header).map(Some);
        }
    }
    Ok(None)
}

fn header_bytes(elf: &[u8], at: usize, each: usize) -> Result<&[u8], Malformed> {
    slice(elf, at, each)
}

//! The blobs of one table of a SQLite file (sqlite.org, "Database File Format"): two walks over b-trees, no engine.
//!
//! An engine would run what the file's author wrote in its schema; rpm's table needs none of that.

use super::Malformed;
use super::bytes::{offset, slice, u16_be, u32_be, u64_be};
use super::rpm::MAX_HEADER_BYTES;

/// How the file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
/// Largest row of the schema that is read.
const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// Deepest tree: pages hold dozens of rows, so that ten levels hold more than any file.
const MAX_DEPTH: usize = 20;

struct File<'a> {
    content: &'a [u8],
    page_bytes: usize,
    usable: usize,
    /// Pages that may still be read: as many as there are, so that no page is read twice for long.
    pages_left: usize,
}

/// A column's value, of those that matter.
enum Value<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Other,
}

/// Shows each blob of the table `Packages`.
pub(super) fn blobs(
    content: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut file = File::open(content)?;
    let mut root = None;
    file.rows(1, MAX_DEPTH, MAX_SCHEMA_BYTES, &mut |row| {
        let mut columns = columns(row)?;
        let kind = columns.next().transpose()?;
        let name = columns.next().transpose()?;
        let page = columns.nth(1).transpose()?;
        let table = matches!(kind, Some(Value::Bytes(b"table")));
        if let (true, Some(Value::Bytes(b"Packages")), Some(Value::Integer(page))) =
            (table, name, page)
        {
            root = Some(page);
        }
        Ok(())
    })?;
    let root = root.ok_or(Malformed("it has no table of packages"))?;
    file.pages_left = content.len() / file.page_bytes;
    file.rows(
        offset(root)?,
        MAX_DEPTH,
        MAX_HEADER_BYTES,
        &mut |row| match columns(row)?.nth(1).transpose()? {
            Some(Value::Bytes(blob)) => each(blob),
            _ => Err(Malformed("a package without a header")),
        },
    )
}

/// The size of pages that the file's head names.
pub(super) fn page_bytes(content: &[u8]) -> Result<usize, Malformed> {
    if slice(content, 0, MAGIC.len())? != MAGIC {
        return Err(Malformed("no SQLite file"));
    }
    let bytes = match u16_be(content, 16)? {
        1 => 65_536,
        bytes => usize::from(bytes),
    };
    if bytes < 512 || !bytes.is_power_of_two() {
        return Err(Malformed("pages of no possible size"));
    }
    Ok(bytes)
}

impl<'a> File<'a> {
    fn open(content: &'a [u8]) -> Result<File<'a>, Malformed> {
        let page_bytes = page_bytes(content)?;
        let reserved = usize::from(slice(content, 20, 1)?.first().copied().unwrap_or(0));
        let usable = page_bytes - reserved;
        if usable < 480 {
            return Err(Malformed("pages of no possible size"));
        }
        if !content.len().is_multiple_of(page_bytes) {
            return Err(Malformed("it ends inside a page"));
        }
        Ok(File {
            content,
            page_bytes,
            usable,
            pages_left: content.len() / page_bytes,
        })
    }

    fn page(&mut self, number: usize) -> Result<&'a [u8], Malformed> {
        let left = self.pages_left.checked_sub(1);
        self.pages_left = left.ok_or(Malformed("pages that are used twice"))?;
        let at = number.checked_sub(1);
        let at = at.and_then(|number| number.checked_mul(self.page_bytes));
        slice(
            self.content,
            at.ok_or(Malformed("a page of no number"))?,
            self.page_bytes,
        )
    }

    /// Shows the rows of the table whose tree begins at page `number`.
    fn rows(
        &mut self,
        number: usize,
        depth: usize,
        most: usize,
        each: &mut impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let depth = depth
            .checked_sub(1)
            .ok_or(Malformed("a tree that is too deep"))?;
        let page = self.page(number)?;
        // The file's own head is on the first page.
        let head = if number == 1 { 100 } else { 0 };
        let cells = usize::from(u16_be(page, head + 3)?);
        match slice(page, head, 1)? {
            [LEAF] => {
                for cell in 0..cells {
                    let at = usize::from(u16_be(page, head + 8 + cell * 2)?);
                    let row = self.row(page, at, most)?;
                    each(&row)?;
                }
                Ok(())
            }
            [INTERIOR] => {
                for cell in 0..cells {
                    let at = usize::from(u16_be(page, head + 12 + cell * 2)?);
                    self.rows(offset(u32_be(page, at)?)?, depth, most, each)?;
                }
                self.rows(offset(u32_be(page, head + 8)?)?, depth, most, each)
            }
            _ => Err(Malformed("a page of another kind")),
        }
    }

    /// A row: what fits lies on the page, the rest on pages of its own ("Cell Payload Overflow Pages").
    fn row(&mut self, page: &[u8], at: usize, most: usize) -> Result<Vec<u8>, Malformed> {
        let (length, at) = varint(page, at)?;
        let (_, at) = varint(page, at)?;
        let length = offset(length)?;
        if length > most {
            return Err(Malformed("a row that is too large"));
        }
        let largest = self.usable - 35;
        let here = if length <= largest {
            length
        } else {
            let least = (self.usable - 12) * 32 / 255 - 23;
            let here = least + (length - least) % (self.usable - 4);
            if here <= largest { here } else { least }
        };
        let mut row = slice(page, at, here)?.to_vec();
        if here == length {
            return Ok(row);
        }
        let mut next = u32_be(page, at + here)?;
        while next != 0 {
            let page = self.page(offset(next)?)?;
            let part = (length - row.len()).min(self.usable - 4);
            row.extend_from_slice(slice(page, 4, part)?);
            next = u32_be(page, 0)?;
        }
        if row.len() != length {
            return Err(Malformed("a row of another length"));
        }
        Ok(row)
    }
}

/// The values of a row ("Record Format").
fn columns(row: &[u8]) -> Result<impl Iterator<Item = Result<Value<'_>, Malformed>>, Malformed> {
    let (head, mut at) = varint(row, 0)?;
    let head = offset(head)?;
    let mut body = head;
    Ok(std::iter::from_fn(move || {
        if at >= head {
            return None;
        }
        let mut value = || -> Result<Value<'_>, Malformed> {
            let (kind, next) = varint(row, at)?;
            at = next;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => offset(kind)?,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return Err(Malformed("a value of no kind")),
                text => offset((text - 12) / 2)?,
            };
            let bytes = slice(row, body, length)?;
            body += length;
            Ok(match kind {
                1..=6 => Value::Integer(integer(bytes)),
                12.. => Value::Bytes(bytes),
                _ => Value::Other,
            })
        };
        let found = value();
        if found.is_err() {
            at = usize::MAX;
        }
        Some(found)
    }))
}

fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |value, byte| value << 8 | i64::from(*byte))
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Malformed> {
    let mut value = 0;
    for (count, byte) in bytes.iter().skip(at).take(9).enumerate() {
        if count == 8 {
            return Ok((value << 8 | u64::from(*byte), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok((value, at + count + 1));
        }
    }
    Err(Malformed("a number that does not end"))
}

/// Eight bytes as one number, for comparing salts.
pub(super) fn salts(bytes: &[u8], at: usize) -> Result<u64, Malformed> {
    u64_be(bytes, at)
}

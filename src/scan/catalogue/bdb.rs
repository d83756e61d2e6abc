//! rpm's `Packages` as a hash of Berkeley DB (db-5.3, dbinc/db_page.h): every page is read, not the hash's order.

use super::Malformed;
use super::bytes::{offset, slice, u16_be, u16_le, u32_be, u32_le};
use super::rpm::MAX_HEADER_BYTES;

const HASH_MAGIC: u32 = 0x0006_1561;
/// Bytes before the entries of a page.
const PAGE_HEAD: usize = 26;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// An entry that lies on the page, and one on pages of its own.
const INLINE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// The file, and in which order its machine wrote bytes.
struct File<'a> {
    content: &'a [u8],
    page_bytes: usize,
    big: bool,
    /// Pages of blobs that may still be read: as many as there are, so that no chain ends late.
    pages_left: usize,
}

/// Shows each blob.
pub(super) fn blobs(
    content: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let magic = (u32_le(content, 12)?, u32_be(content, 12)?);
    let big = match magic {
        (HASH_MAGIC, _) => false,
        (_, HASH_MAGIC) => true,
        _ => return Err(Malformed("no hash of Berkeley DB")),
    };
    let mut file = File {
        content,
        page_bytes: 0,
        big,
        pages_left: 0,
    };
    file.page_bytes = offset(file.u32(content, 20)?)?;
    if !(512..=65_536).contains(&file.page_bytes) || !file.page_bytes.is_power_of_two() {
        return Err(Malformed("pages of no possible size"));
    }
    if slice(content, 24, 1)? != [0] {
        return Err(Malformed("it is encrypted"));
    }
    let last = offset(file.u32(content, 32)?)?;
    let pages = content.len() / file.page_bytes;
    if last >= pages {
        return Err(Malformed("it ends before its last page"));
    }
    file.pages_left = pages;
    for page in 1..=last {
        let page = slice(content, page * file.page_bytes, file.page_bytes)?;
        if matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            file.hash_page(page, &mut each)?;
        }
    }
    Ok(())
}

impl File<'_> {
    fn u32(&self, bytes: &[u8], at: usize) -> Result<u32, Malformed> {
        if self.big {
            u32_be(bytes, at)
        } else {
            u32_le(bytes, at)
        }
    }

    fn u16(&self, bytes: &[u8], at: usize) -> Result<usize, Malformed> {
        let number = if self.big {
            u16_be(bytes, at)
        } else {
            u16_le(bytes, at)
        };
        number.map(usize::from)
    }

    /// Keys and values in turn; each entry ends where the one before begins.
    fn hash_page(
        &mut self,
        page: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let entries = self.u16(page, 20)?;
        for pair in 0..entries / 2 {
            let key = self.u16(page, PAGE_HEAD + pair * 4)?;
            let value = self.u16(page, PAGE_HEAD + pair * 4 + 2)?;
            // Key 0 holds the next free number.
            if slice(page, key, 5)? == [INLINE, 0, 0, 0, 0] {
                continue;
            }
            match page.get(value) {
                Some(&INLINE) => {
                    let length = key.checked_sub(value + 1);
                    let length = length.ok_or(Malformed("entries in no order"))?;
                    each(slice(page, value + 1, length)?)?;
                }
                Some(&ELSEWHERE) => {
                    let first = offset(self.u32(page, value + 4)?)?;
                    let length = offset(self.u32(page, value + 8)?)?;
                    let blob = self.chain(first, length)?;
                    each(&blob)?;
                }
                _ => return Err(Malformed("an entry of an unknown kind")),
            }
        }
        Ok(())
    }

    fn chain(&mut self, first: usize, length: usize) -> Result<Vec<u8>, Malformed> {
        if length > MAX_HEADER_BYTES {
            return Err(Malformed("a header that is too large"));
        }
        let mut blob = Vec::new();
        let mut next = first;
        while next != 0 {
            let left = self.pages_left.checked_sub(1);
            self.pages_left = left.ok_or(Malformed("pages that are used twice"))?;
            let at = next.checked_mul(self.page_bytes);
            let at = at.ok_or(Malformed("a page beyond the end"))?;
            let page = slice(self.content, at, self.page_bytes)?;
            if page.get(25) != Some(&OVERFLOW) {
                return Err(Malformed("a page of another kind"));
            }
            blob.extend_from_slice(slice(page, PAGE_HEAD, self.u16(page, 22)?)?);
            next = offset(self.u32(page, 16)?)?;
        }
        if blob.len() != length {
            return Err(Malformed("a header of another length"));
        }
        Ok(blob)
    }
}

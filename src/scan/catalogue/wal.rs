//! SQLite's write-ahead log (sqlite.org, "WAL-mode File Format"): what was written but is not in the file yet.

use super::Malformed;
use super::bytes::{offset, slice, u32_be, u32_le};
use super::sqlite::{page_bytes, salts};

const HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
/// First word of a log whose sums are made of little-endian words; one more for big-endian.
const MAGIC: u32 = 0x377f_0682;

/// Copies the pages of every committed transaction into the database.
///
/// As SQLite does: the log ends at the first frame whose salt or sum is wrong, and counts up to its last commit.
pub(super) fn apply(database: &mut Vec<u8>, log: &[u8]) -> Result<(), Malformed> {
    let magic = u32_be(log, 0)?;
    let big = match magic.wrapping_sub(MAGIC) {
        0 => false,
        1 => true,
        _ => return Err(Malformed("its log is none")),
    };
    let page_bytes = page_bytes(database)?;
    if offset(u32_be(log, 8)?)? != page_bytes {
        return Err(Malformed("its log has other pages"));
    }
    let salt = salts(log, 16)?;
    let mut sum = add(big, (0, 0), slice(log, 0, 24)?)?;
    if sum != (u32_be(log, 24)?, u32_be(log, 28)?) {
        return Err(Malformed("its log's head is damaged"));
    }
    let mut waiting = Vec::new();
    let frames = log.get(HEAD_BYTES..).unwrap_or_default();
    for frame in frames.chunks_exact(FRAME_HEAD_BYTES + page_bytes) {
        let content = slice(frame, FRAME_HEAD_BYTES, page_bytes)?;
        sum = add(big, sum, slice(frame, 0, 8)?)?;
        sum = add(big, sum, content)?;
        if salts(frame, 8)? != salt || sum != (u32_be(frame, 16)?, u32_be(frame, 20)?) {
            break;
        }
        waiting.push((offset(u32_be(frame, 0)?)?, content));
        let pages = offset(u32_be(frame, 4)?)?;
        if pages > 0 {
            commit(database, &mut waiting, pages, page_bytes, log.len())?;
        }
    }
    Ok(())
}

fn commit(
    database: &mut Vec<u8>,
    waiting: &mut Vec<(usize, &[u8])>,
    pages: usize,
    page_bytes: usize,
    log_bytes: usize,
) -> Result<(), Malformed> {
    // A transaction cannot grow the file by more than it wrote.
    let most = database.len().saturating_add(log_bytes);
    let length = pages
        .checked_mul(page_bytes)
        .filter(|length| *length <= most);
    database.resize(length.ok_or(Malformed("its log has other pages"))?, 0);
    for (number, content) in waiting.drain(..) {
        let at = number
            .checked_sub(1)
            .map(|number| number.saturating_mul(page_bytes));
        let at = at.ok_or(Malformed("a page of no number"))?;
        // A page beyond the end was cut off by its own transaction.
        if let Some(target) = database.get_mut(at..at.saturating_add(page_bytes)) {
            target.copy_from_slice(content);
        }
    }
    Ok(())
}

/// The log's running sum over pairs of words.
fn add(big: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> Result<(u32, u32), Malformed> {
    for pair in bytes.chunks_exact(8) {
        let word = |at| {
            if big {
                u32_be(pair, at)
            } else {
                u32_le(pair, at)
            }
        };
        a = a.wrapping_add(word(0)?).wrapping_add(b);
        b = b.wrapping_add(word(4)?).wrapping_add(a);
    }
    Ok((a, b))
}

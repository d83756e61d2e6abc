//! rpm's own database, `Packages.db` (rpm, lib/backend/ndb/rpmpkg.c): pages of slots that point to blobs.

use super::Malformed;
use super::bytes::{offset, slice, u32_le};
use super::rpm::MAX_HEADER_BYTES;

const SLOT_BYTES: usize = 16;
/// Blobs begin at multiples of this.
const BLOCK_BYTES: usize = 16;
/// The header takes the place of the first two slots.
const HEADER_SLOTS: usize = 2;
const PAGE_BYTES: usize = 4_096;

/// Shows each blob.
pub(super) fn blobs(
    database: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if slice(database, 0, 4)? != b"RpmP" || u32_le(database, 4)? != 0 {
        return Err(Malformed("no rpm database"));
    }
    let pages = offset(u32_le(database, 12)?)?;
    let length = pages.checked_mul(PAGE_BYTES);
    let length = length.ok_or(Malformed("more slots than fit"))?;
    let slots = slice(database, 0, length)?;
    for slot in slots.chunks_exact(SLOT_BYTES).skip(HEADER_SLOTS) {
        if slice(slot, 0, 4)? != b"Slot" {
            return Err(Malformed("a slot that is none"));
        }
        let (package, at) = (u32_le(slot, 4)?, offset(u32_le(slot, 8)?)?);
        let blocks = offset(u32_le(slot, 12)?)?;
        if at == 0 {
            continue;
        }
        let at = at.checked_mul(BLOCK_BYTES);
        let at = at.ok_or(Malformed("a slot beyond the end"))?;
        let head = slice(database, at, 16)?;
        let length = offset(u32_le(head, 12)?)?;
        let fits = length <= blocks.saturating_mul(BLOCK_BYTES) && length <= MAX_HEADER_BYTES;
        if slice(head, 0, 4)? != b"BlbS" || u32_le(head, 4)? != package || !fits {
            return Err(Malformed("a blob that its slot does not mean"));
        }
        each(slice(database, at + 16, length)?)?;
    }
    Ok(())
}

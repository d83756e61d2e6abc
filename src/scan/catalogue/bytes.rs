//! Numbers at offsets that a file's author chose: out of bounds is malformed, never a panic.

use super::Malformed;

const SHORT: Malformed = Malformed("an offset beyond its end");

/// `length` bytes from `at`.
pub(super) fn slice(content: &[u8], at: usize, length: usize) -> Result<&[u8], Malformed> {
    let end = at.checked_add(length).ok_or(SHORT)?;
    content.get(at..end).ok_or(SHORT)
}

fn array<const N: usize>(content: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let rest = content.get(at..).ok_or(SHORT)?;
    rest.first_chunk::<N>().copied().ok_or(SHORT)
}

pub(super) fn u16_be(content: &[u8], at: usize) -> Result<u16, Malformed> {
    array(content, at).map(u16::from_be_bytes)
}

pub(super) fn u16_le(content: &[u8], at: usize) -> Result<u16, Malformed> {
    array(content, at).map(u16::from_le_bytes)
}

pub(super) fn u32_be(content: &[u8], at: usize) -> Result<u32, Malformed> {
    array(content, at).map(u32::from_be_bytes)
}

pub(super) fn u32_le(content: &[u8], at: usize) -> Result<u32, Malformed> {
    array(content, at).map(u32::from_le_bytes)
}

pub(super) fn u64_be(content: &[u8], at: usize) -> Result<u64, Malformed> {
    array(content, at).map(u64::from_be_bytes)
}

pub(super) fn u64_le(content: &[u8], at: usize) -> Result<u64, Malformed> {
    array(content, at).map(u64::from_le_bytes)
}

/// A number of the file as an offset.
pub(super) fn offset(number: impl TryInto<usize>) -> Result<usize, Malformed> {
    number.try_into().map_err(|_| SHORT)
}

//! Programs that unpack themselves: what is in them is seen by nobody before they run.

/// How an ELF file begins.
const ELF: &[u8] = b"\x7fELF";
/// What UPX writes behind the headers of a program that it packed (`l_info`, UPX's `stub/src/include/linux.h`).
const UPX: &[u8] = b"UPX!";
/// Where that is at most: behind the file's header and some dozen program headers.
const MAX_HEADERS_BYTES: usize = 1_024;

/// Whether the file that begins so is a packed program. Who wants to hide it can: the mark is no part of what runs.
pub(super) fn is_packed(head: &[u8]) -> bool {
    let headers = head.get(..MAX_HEADERS_BYTES).unwrap_or(head);
    head.starts_with(ELF) && memchr::memmem::find(headers, UPX).is_some()
}

//! What a runtime sets on a file beside its content: mode, owner, extended attributes.

use std::collections::BTreeMap;

/// Bits of a mode that a runtime sets; some builders write the type of the file above them.
const MODE_BITS: u64 = 0o7777;

/// The attributes of one thing. What does not go with its type is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u64,
    /// Numbers of user and group; none for a number that is none, which is no table's either.
    pub(super) owner: (Option<u64>, Option<u64>),
    /// Extended attributes by name; one without a value is none to the readers of clients.
    pub(super) extended: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Attributes {
    /// The same of a thing whose mode nobody sets: a link.
    pub(super) fn without_mode(&self) -> Attributes {
        Attributes {
            mode: 0,
            ..self.clone()
        }
    }

    /// One word for all of them.
    pub(super) fn word(&self) -> String {
        let mode = self.mode & MODE_BITS;
        format!("{mode:o} {:?} {:?}", self.owner, self.extended)
    }
}

//! One trick a file.

pub(super) mod borrowed;
pub(super) mod host;
pub(super) mod impossible;
pub(super) mod library;
pub(super) mod namespace;

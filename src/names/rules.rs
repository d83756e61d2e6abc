//! The rules, one trick a file. Each sees the name in its parts and says at most one thing of it.

pub(super) mod affix;
pub(super) mod borrowed;
pub(super) mod host;
pub(super) mod impossible;
pub(super) mod internal;
pub(super) mod library;
pub(super) mod misspelt_official;
pub(super) mod namespace;
pub(super) mod official_as_namespace;
pub(super) mod repository;
pub(super) mod swapped;

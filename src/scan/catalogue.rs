//! Readers of what names packages: one file a format, each a function of bytes, strict and bounded.
//!
//! A broken database of a distribution is an error, since all of its packages would go unseen; a broken manifest of
//! one package of a language is a gap.

mod apk;
mod auditable;
mod bdb;
mod bytes;
mod dpkg;
mod go;
mod java;
mod json;
mod kind;
mod ndb;
mod os_release;
mod python;
mod rpm;
mod rpm_list;
mod ruby;
mod runtime;
mod sqlite;
mod wal;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use auditable::{AUDITABLE_SECTION, read_auditable};
pub(super) use go::BuildInfo;
pub(super) use java::{Archived, read_java};
pub use kind::{Database, Kind};
pub(super) use kind::{Wanted, towards_database, wanted};
pub use os_release::System;
pub(super) use rpm::read_sqlite;
pub(super) use runtime::runtimes;

/// A package as a file names it: its ecosystem follows from the kind of file and the image's distribution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// The name.
    pub name: String,
    /// The version, with epoch where there is one.
    pub version: String,
    /// Name and version of the source package, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<(String, String)>,
}

impl Item {
    fn new(name: &str, version: &str) -> Item {
        Item {
            name: name.to_owned(),
            version: version.to_owned(),
            source: None,
        }
    }
}

/// What is wrong with a file that names packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// The packages of a distribution's database; `files` sees the paths of theirs, where the database has them.
pub(super) fn read_database(
    database: Database,
    content: &[u8],
    files: &mut dyn FnMut(&str),
) -> Result<Vec<Item>, Malformed> {
    match database {
        Database::Dpkg => dpkg::read(content),
        Database::Apk => apk::read(content, files),
        Database::RpmNdb => rpm::read_ndb(content, files),
        Database::RpmBdb => rpm::read_bdb(content, files),
        Database::RpmList => rpm_list::read(content),
    }
}

/// The packages that a manifest of a language's package names, itself mostly.
pub(super) fn read_manifest(
    kind: Kind,
    path: &str,
    content: &[u8],
) -> Result<Vec<Item>, Malformed> {
    match kind {
        Kind::Python => python::read(content),
        Kind::Node => json::node(content),
        Kind::Php => json::composer(content),
        Kind::DotNet => json::dotnet(content),
        Kind::Bitnami => json::bitnami(content),
        Kind::Ruby => ruby::read(path, content),
        _ => Err(Malformed("no manifest")),
    }
}

#[cfg(test)]
mod tests;

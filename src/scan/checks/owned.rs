//! Which files a distribution's packages brought, as far as the layer says that brought both.
//!
//! A file counts as packaged only where its layer also holds the list that names it: what a later layer puts over a
//! packaged file is its author's own.

use std::collections::HashSet;

use crate::scan::layer::PathKey;

/// Folders of dpkg's lists: its own, and distroless's sums.
const DPKG_LISTS: &str = "var/lib/dpkg/info/";
const DPKG_SUMS: &str = "var/lib/dpkg/status.d/";
/// Folders that were merged into `/usr`: lists and layers name files in either.
const MERGED: [&str; 7] = [
    "bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/", "libexec/",
];

/// Folders in which no distribution puts anything (FHS 3.0, 3.13 and 4.9; Debian policy, 9.1.2): packages that do are of
/// somebody else, and the distribution's advisories do not know them.
const FOREIGN: [&str; 3] = ["opt/", "usr/local/", "srv/"];

/// Whether what a package put at `path` is no distribution's.
pub(in crate::scan) fn foreign(path: &str) -> bool {
    FOREIGN.iter().any(|folder| path.starts_with(folder))
}

/// The files of packages, in 8 bytes each.
#[derive(Default)]
pub(in crate::scan) struct Owned(HashSet<PathKey>);

impl Owned {
    pub(in crate::scan) fn contains(&self, path: &str) -> bool {
        self.0.contains(&key(path))
    }

    pub(in crate::scan) fn add(&mut self, path: &str) {
        self.0.insert(key(path));
    }

    pub(in crate::scan) fn len(&self) -> usize {
        self.0.len()
    }

    /// A list of dpkg: a path a line, after a sum in those of distroless.
    pub(in crate::scan) fn add_list(&mut self, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        for line in text.lines() {
            let path = match line.split_once("  ") {
                Some((sum, path)) if !sum.contains('/') => path,
                _ => line,
            };
            self.add(path);
        }
    }
}

/// Whether the file at `path` lists files of packages.
pub(in crate::scan) fn lists_files(path: &str) -> bool {
    let list = path.strip_prefix(DPKG_LISTS);
    let sums = path.strip_prefix(DPKG_SUMS);
    list.is_some_and(|name| name.ends_with(".list"))
        || sums.is_some_and(|name| name.ends_with(".md5sums"))
}

fn key(path: &str) -> PathKey {
    let path = path.trim_start_matches('/');
    match path.strip_prefix("usr/") {
        Some(rest) if MERGED.iter().any(|folder| rest.starts_with(folder)) => PathKey::of(rest),
        _ => PathKey::of(path),
    }
}

//! Folders of expectations. `UPDATE=1 cargo test` writes what is said now; read the diff before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

/// `tests/fixtures/<name>`.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// What lies in it, by name.
pub(crate) fn entries(name: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares with what is written there.
#[track_caller]
pub(crate) fn expect(path: &Path, said: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, said).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == said,
        "{}:\n--- expected\n{expected}\n--- said\n{said}",
        path.display()
    );
}

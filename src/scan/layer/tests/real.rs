//! Real root file systems, read in place.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;
use crate::scan::Kind;

/// A file of the vectors; none, and a loud word, where they are absent.
pub(in crate::scan) fn vector(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/vectors")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: no {}", path.display());
    None
}

#[test]
fn alpine_root_file_systems() {
    for (version, packages) in [("3.10.9", 14), ("3.18.9", 15), ("3.20.3", 14)] {
        let name = format!("images/alpine-minirootfs-{version}-x86_64.tar.gz");
        let Some(path) = vector(&name) else { return };
        let facts = read_layer(GZIP, None, File::open(path).unwrap(), &Limits::default()).unwrap();
        let [found] = facts.found.as_slice() else {
            panic!("{:?}", facts.found);
        };
        assert_eq!(found.kind, Kind::Apk);
        assert_eq!(found.packages.len(), packages, "{version}");
        let ssl = found
            .packages
            .iter()
            .find(|item| item.name.starts_with("libssl"))
            .unwrap();
        assert_eq!(ssl.source.as_ref().unwrap().0, "openssl");
        let systems: Vec<String> = facts
            .systems
            .values()
            .map(|system| system.version_id.clone())
            .collect();
        assert_eq!(systems, [version]);
        assert!(facts.counts.executables > 10);
        assert_eq!(facts.gaps.count, 0);
    }
}

#[test]
fn almalinux_root_file_system() {
    let Some(path) = vector("images/alma9-micro.tar.xz") else {
        return;
    };
    let unpacked = Command::new("xz")
        .arg("-dc")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut unpacked) = unpacked else {
        eprintln!("SKIPPED: no xz");
        return;
    };
    let tar = unpacked.stdout.take().unwrap();
    let facts = read_layer(PLAIN, None, tar, &Limits::default()).unwrap();
    unpacked.wait().unwrap();
    let [found] = facts.found.as_slice() else {
        panic!("{:?}", facts.found);
    };
    // The database has 23 rows; one is the key that packages are signed with.
    assert_eq!((found.kind, found.packages.len()), (Kind::Rpm, 22));
    assert_eq!(facts.systems["usr/lib/os-release"].id, "almalinux");
    assert_eq!(facts.links["etc/os-release"], "../usr/lib/os-release");
    assert!(facts.logs.is_empty());
}

// What fuzz targets do with bytes, and what `cargo test` does with mutated seeds: never a panic, and what is read is kept
// as it was read.

use lazaret::evidence::{adapter_report_speaks_of, report_speaks_of, statement_speaks_of};
use lazaret::oci::{Digest, Repository};
use lazaret::scan::{
    Advisories, Ecosystem, Exploited, Index, LayerFacts, Limits, Package, Place, Record, Toc,
    build, read_layer,
};

const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";

/// A path for each reader of a layer's files; their names choose it.
pub const PATHS: [&str; 26] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/a",
    "var/lib/dpkg/info/a.list",
    "lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "etc/os-release",
    "a.dist-info/METADATA",
    "a.egg-info",
    "node_modules/a/package.json",
    "specifications/a-1.gemspec",
    "vendor/composer/installed.json",
    "a.deps.json",
    "opt/bitnami/.spdx-a.spdx",
    "app.jar",
    "app.war",
    "bin/program",
    "etc/passwd",
    "etc/shadow",
    "root/.docker/config.json",
    "root/.netrc",
    "root/.ssh/id_ed25519",
    "root/.kube/config",
    "root/.aws/credentials",
    "app/.env",
];

#[allow(
    dead_code,
    clippy::duplicate_mod,
    reason = "tests have it too, and need more of it"
)]
#[path = "../support/tarball.rs"]
mod tarball;

fn add(tar: &mut Vec<u8>, path: &str, content: &[u8]) {
    tarball::entry(tar, path, b'0', "", content);
}

fn kept(facts: &LayerFacts) {
    let json = serde_json::to_string(facts).unwrap();
    assert_eq!(serde_json::from_str::<LayerFacts>(&json).unwrap(), *facts);
}

/// A file of a layer, at one of the paths.
pub fn file(path: &str, content: &[u8]) {
    let mut tar = Vec::new();
    add(&mut tar, path, content);
    if let Ok(facts) = read_layer(PLAIN, None, tar.as_slice(), &Limits::default()) {
        kept(&facts);
    }
}

/// A database of SQLite and the log beside it.
pub fn log(database: &[u8], log: &[u8]) {
    let mut tar = Vec::new();
    add(&mut tar, "var/lib/rpm/rpmdb.sqlite", database);
    add(&mut tar, "var/lib/rpm/rpmdb.sqlite-wal", log);
    let _ = read_layer(PLAIN, None, tar.as_slice(), &Limits::default());
}

/// A layer as it is sent: compressed or not, headers of tar and all.
pub fn layer(bytes: &[u8]) {
    for kind in ["", "+gzip", "+zstd"] {
        let kind = format!("{PLAIN}{kind}");
        if let Ok(facts) = read_layer(&kind, None, bytes, &Limits::default()) {
            kept(&facts);
        }
    }
}

/// A table of contents of either kind.
pub fn toc(table: &[u8]) {
    let mut tar = Vec::new();
    add(&mut tar, "a", b"a");
    add(&mut tar, "stargz.index.json", table);
    let stargz = Some(Toc::Stargz(Digest::of(table)));
    let _ = read_layer(PLAIN, stargz, tar.as_slice(), &Limits::default());
    let chunked = Toc::ZstdChunked {
        digest: Digest::of(table),
        at: 8,
        length: table.len() as u64,
    };
    let length = u32::try_from(table.len()).unwrap();
    let frame = [
        &[0x50, 0x2a, 0x4d, 0x18],
        length.to_le_bytes().as_slice(),
        table,
    ]
    .concat();
    let _ = read_layer(
        &format!("{PLAIN}+zstd"),
        Some(chunked),
        frame.as_slice(),
        &Limits::default(),
    );
}

/// A record of OSV.
pub fn record(bytes: &[u8]) {
    if let Ok(record) = Record::parse(bytes) {
        record.counts();
        let _ = record.id();
    }
}

/// A file of advisories; packages are asked for in it.
pub fn index(bytes: &[u8], folder: &std::path::Path) {
    let path = folder.join(Ecosystem::named("Debian").index_file());
    std::fs::write(&path, bytes).unwrap();
    let Ok(index) = Index::open(&path) else {
        return;
    };
    let _ = index.advisories(&Ecosystem::named("Debian:12"), "openssl");
    drop(index);
    let Ok(advisories) = Advisories::open(folder, Exploited::default()) else {
        return;
    };
    let package = Package {
        ecosystem: Ecosystem::named("Debian:12"),
        name: "libssl3".to_owned(),
        version: "3.0.11-1".to_owned(),
        source: Some(("openssl".to_owned(), "3.0.11-1".to_owned())),
        found: Place {
            layer: Digest::of(b""),
            path: String::new(),
        },
    };
    let _ = advisories.findings(&[package]);
}

/// What is exploited, and how likely the rest is to be.
pub fn exploited(bytes: &[u8], folder: &std::path::Path) {
    let path = folder.join("exploited");
    std::fs::write(&path, bytes).unwrap();
    let _ = Exploited::read(Some(&path), None);
    let _ = Exploited::read(None, Some(&path));
}

/// What a report or a statement is about, where it is about this.
pub const MANIFEST: &str =
    "sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b";

/// Kinds of signed statements about vulnerabilities.
pub const STATEMENTS: [&str; 3] = [
    "https://cosign.sigstore.dev/attestation/vuln/v1",
    "https://in-toto.io/attestation/vulns/v0.2",
    "https://openvex.dev/ns/v0.2.0",
];

/// What a scanner or a signer says of an image, by every reader; of how many vulnerabilities at most.
pub fn report(bytes: &[u8]) -> usize {
    let manifest: Digest = MANIFEST.parse().unwrap();
    let repository: Repository = "docker.io/acme/app".parse().unwrap();
    let mut speaks = vec![
        report_speaks_of(bytes, &manifest, &manifest),
        adapter_report_speaks_of(bytes, &manifest),
    ];
    speaks.extend(STATEMENTS.map(|kind| statement_speaks_of(kind, bytes, &repository, &manifest)));
    speaks.into_iter().flatten().max().unwrap_or(0)
}

/// An export of OSV: an archive of records.
pub fn export(bytes: &[u8], folder: &std::path::Path) {
    let export = folder.join("export.zip");
    std::fs::write(&export, bytes).unwrap();
    let built = build(
        &export,
        Some(&Ecosystem::named("Debian")),
        &folder.join("built"),
    );
    if built.is_ok() {
        let _ = Advisories::open(&folder.join("built"), Exploited::default());
    }
}

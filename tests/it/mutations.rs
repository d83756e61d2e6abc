//! Readers of what strangers wrote, over sound files of which something was changed: they may refuse and never panic. The
//! changes are the same in each run. `make fuzz` looks further, from the same entrances.

use std::io::Write as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use lazaret::scan::{Ecosystem, build};

#[allow(
    dead_code,
    unreachable_pub,
    reason = "a fuzz target and a test take each what they need"
)]
#[path = "../fuzz/inputs.rs"]
mod inputs;

use crate::scans::{advisory, debian, zip};
use crate::support::lazy::{Style, lazy};
use crate::support::tarball::gzip;

/// Changed files of each seed.
const ROUNDS: u32 = 120;
/// Of a seed, what is changed: the beginnings of formats are what readers go by, and large seeds take long.
const MOST_BYTES: usize = 40_000;

/// Bytes in which one to four things are changed.
fn changed(seed: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seed[..seed.len().min(MOST_BYTES)].to_vec();
    for _ in 0..random.u32(1..5) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..6) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'0', b' ', b'\n', b'/'][random.usize(..8)],
            2 => bytes.truncate(at),
            3 => {
                let end = (at + random.usize(1..9)).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
            4 => {
                let end = (at + random.usize(1..64)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.usize(..bytes.len());
                bytes.splice(to..to, part);
            }
            _ => drop(bytes.drain(at..(at + random.usize(1..32)).min(bytes.len()))),
        }
    }
    bytes
}

fn try_changes(name: &str, seed: &[u8], read: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    read(seed);
    let mut random = fastrand::Rng::with_seed(name.len() as u64);
    for round in 0..ROUNDS {
        let bytes = changed(seed, &mut random);
        if catch_unwind(|| read(&bytes)).is_err() {
            let told: String = bytes
                .iter()
                .take(400)
                .map(|byte| format!("{byte:02x}"))
                .collect();
            panic!("{name}, round {round}: {told}");
        }
    }
}

/// A file of the vectors, where they are.
fn vector(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/vectors/rpmdb")
        .join(name);
    std::fs::read(path).ok()
}

/// rpm's SQLite, with one header, made by SQLite itself.
fn sqlite() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpmdb.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    let mut header = Vec::new();
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, text) in [(1000_u32, "bash"), (1001, "5.1"), (1002, "1.el9")] {
        for number in [tag, 6, u32::try_from(data.len()).unwrap(), 1] {
            index.extend(number.to_be_bytes());
        }
        data.extend(text.bytes());
        data.push(0);
    }
    header.extend(3_u32.to_be_bytes());
    header.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    header.extend(index);
    header.extend(data);
    database
        .execute_batch("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        .unwrap();
    database
        .execute("INSERT INTO Packages (blob) VALUES (?1)", [&header])
        .unwrap();
    drop(database);
    std::fs::read(path).unwrap()
}

fn program() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes.extend(b"\xff Go buildinf:\x08\x02");
    bytes.resize(96, 0);
    let modules = format!(
        "{0}path\ta\nmod\ta\t(devel)\ndep\tb.c/d\tv1.0.0\th1:x=\n{0}",
        "m".repeat(16)
    );
    for text in ["go1.22.3", &modules] {
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.bytes());
    }
    bytes.extend(b".dep-v0");
    bytes
}

fn seed(path: &str) -> Vec<u8> {
    let jar = || {
        let mut out = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
        for (name, text) in [
            (
                "META-INF/MANIFEST.MF",
                "Implementation-Title: a\nImplementation-Version: 1.0\n",
            ),
            (
                "META-INF/maven/org.a/b/pom.properties",
                "groupId=org.a\nartifactId=b\nversion=1.0\n",
            ),
        ] {
            let (mut entry, config) = archive.new_file(name).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text.as_bytes()).unwrap();
            let (_, output) = writer.finish().unwrap();
            entry.finish(output).unwrap();
        }
        archive.finish().unwrap();
        out
    };
    let text = match path {
        "var/lib/dpkg/status" => {
            "Package: a\nStatus: install ok installed\nSource: b (1)\nVersion: 2:1.0-1\nDescription: c\n d\n\nPackage: e\nVersion: 1\n"
        }
        "var/lib/dpkg/status.d/a" => "Package: a\nVersion: 1.0\n",
        "var/lib/dpkg/info/a.list" => "/.\n/usr\n/usr/bin/a\n",
        "lib/apk/db/installed" => "P:musl\nV:1.2.5-r0\no:musl\nF:lib\nR:ld.so\n\nP:a\nV:1\n\n",
        "etc/os-release" => "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian \\'12\\''\n",
        "a.dist-info/METADATA" | "a.egg-info" => {
            "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n\nText\n"
        }
        "node_modules/a/package.json" => {
            r#"{"name":"@a/b","version":"1.0.0","dependencies":{"c":"^1"}}"#
        }
        "specifications/a-1.gemspec" => {
            "Gem::Specification.new do |s|\n s.name = \"a\".freeze\n s.version = \"1.0\"\nend\n"
        }
        "vendor/composer/installed.json" => {
            r#"{"packages":[{"name":"a/b","version":"v1.0"}],"dev":false}"#
        }
        "a.deps.json" => {
            r#"{"libraries":{"A.B/1.0.0":{"type":"package"},"c/1":{"type":"project"}}}"#
        }
        "opt/bitnami/.spdx-a.spdx" => {
            r#"{"packages":[{"name":"a","versionInfo":"1.0","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:bitnami/a@1.0"}]}]}"#
        }
        "etc/passwd" => "root:x:0:0::/root:/bin/sh\ntoor::0:0::/:/bin/sh\n",
        "etc/shadow" => "root::1:0:9:7:::\na:$6$x:1:0:9:7:::\n",
        "root/.docker/config.json" => r#"{"auths":{"a.b":{"auth":"dXNlcjpwYXNzd29yZA=="}}}"#,
        "root/.netrc" => "machine a.b login c password d8f7g6h5j4\n",
        "root/.ssh/id_ed25519" => {
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"
        }
        "root/.kube/config" => "users:\n- name: a\n  user:\n    token: abcdefghijklmnop\n",
        "root/.aws/credentials" => {
            "[default]\naws_access_key_id = AKIAQWERTYUIOPASDFGH\naws_secret_access_key = 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\n"
        }
        "app/.env" => "TOKEN=ghp_16C7e42F292c6912E7710c838347Ae178B4a\n",
        "var/lib/rpm/rpmdb.sqlite" => return sqlite(),
        "usr/lib/sysimage/rpm/Packages.db" => {
            return vector("sle15/Packages.db").unwrap_or(b"RpmP\0\0\0\0".repeat(600));
        }
        "var/lib/rpm/Packages" => return vector("libuuid/Packages").unwrap_or(vec![0; 8192]),
        "bin/program" => return program(),
        _ => return jar(),
    };
    text.as_bytes().to_vec()
}

#[test]
fn files_of_layers() {
    for path in inputs::PATHS {
        try_changes(path, &seed(path), |bytes| inputs::file(path, bytes));
    }
    let database = sqlite();
    let mut log = vec![0x37, 0x7f, 0x06, 0x82, 0, 0x2d, 0xe2, 0x18, 0, 0, 0x10, 0];
    log.resize(32 + 24 + 4096, 0);
    try_changes("wal", &log, |bytes| inputs::log(&database, bytes));
}

#[test]
fn layers_and_tables() {
    let tar = debian("3.0.11-1");
    try_changes("tar", &tar, inputs::layer);
    try_changes("gzip", &gzip(&tar), inputs::layer);
    let packed = zstd::encode_all(tar.as_slice(), 3).unwrap();
    try_changes("zstd", &packed, inputs::layer);
    let table = |style| lazy(style, &[("a", b"a")], |_| ());
    try_changes("eStargz", &table(Style::Stargz).layer, inputs::layer);
    let rows = br#"{"version":1,"entries":[{"name":"a","type":"reg","size":1,"digest":"sha256:00","offset":0,"chunkSize":9},{"type":"chunk","name":"a","chunkOffset":1}]}"#;
    try_changes("table", rows, inputs::toc);
    let packed = zstd::encode_all(rows.as_slice(), 3).unwrap();
    try_changes("packed table", &packed, inputs::toc);
}

#[test]
fn advisories() {
    let record = advisory("DSA-1", "3.0.13-1");
    try_changes("record", record.as_bytes(), inputs::record);
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.zip");
    let debian = Ecosystem::named("Debian");
    std::fs::write(&export, zip(&[record, advisory("DSA-2", "3.0.14-1")])).unwrap();
    build(&export, Some(&debian), folder.path()).unwrap();
    let index = std::fs::read(folder.path().join(debian.index_file())).unwrap();
    let place: PathBuf = folder.path().to_owned();
    try_changes("index", &index, |bytes| inputs::index(bytes, &place));
    // An archive that is damaged is refused, and what it is built from is bounded.
    let archive = std::fs::read(&export).unwrap();
    try_changes("export", &archive, |bytes| inputs::export(bytes, &place));
    let known = br#"{"vulnerabilities":[{"cveID":"CVE-2026-1","dateAdded":"2026-01-01"}]}"#;
    try_changes("kev", known, |bytes| inputs::exploited(bytes, &place));
    let scores = gzip(b"#model_version:v1\ncve,epss,percentile\nCVE-2026-1,0.25,0.5\n");
    try_changes("epss", &scores, |bytes| inputs::exploited(bytes, &place));
}

/// What scanners print and signers sign, as they write it; each seed speaks of one vulnerability.
#[test]
fn reports_and_statements() {
    let (name, digest) = ("docker.io/acme/app", inputs::MANIFEST);
    let trivy = format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"{name}","ArtifactType":"container_image","Trivy":{{"Version":"0.74.0"}},
        "Metadata":{{"ImageID":"{digest}","OS":{{"Family":"debian","Name":"12"}},"RepoDigests":["{name}@{digest}"]}},
        "Results":[{{"Target":"a","Class":"os-pkgs","Type":"debian","Vulnerabilities":[{{"VulnerabilityID":"CVE-2026-1",
        "PkgName":"a","InstalledVersion":"1","FixedVersion":"2","Severity":"HIGH","PkgIdentifier":{{"PURL":"pkg:deb/debian/a@1"}},
        "DataSource":{{"ID":"debian"}},"CVSS":{{"nvd":{{"V3Score":7.5}}}}}}]}}]}}"#
    );
    let grype = format!(
        r#"{{"matches":[{{"vulnerability":{{"id":"CVE-2026-1","severity":"High","fix":{{"versions":["2"],"state":"fixed"}}}},
        "relatedVulnerabilities":[{{"id":"GHSA-1"}}],"artifact":{{"name":"a","version":"1","type":"deb","purl":"pkg:deb/debian/a@1",
        "locations":[{{"path":"/var/lib/dpkg/status"}}]}}}}],"source":{{"type":"image","target":{{"imageID":"{digest}",
        "manifestDigest":"{digest}"}}}},"distro":{{"name":"debian","version":"12"}},"descriptor":{{"name":"grype","version":"0.121.2",
        "db":{{"status":{{"built":"2026-11-20T00:00:00Z"}}}}}}}}"#
    );
    let house = format!(
        r#"{{"scanner":{{"name":"house","version":"1","data_from":"2026-11-20T00:00:00Z"}},"artifact":{{"digest":"{digest}"}},
        "verdict":"fail","reason":"built by a team that left","vulnerabilities":[{{"id":"CVE-2026-5","aliases":["GHSA-5"],
        "package":"left-pad","version":"1.0.0","purl":"pkg:npm/left-pad@1.0.0","fixed_in":"1.0.1","severity":"critical"}}]}}"#
    );
    let harbor = format!(
        r#"{{"generated_at":"2026-11-20T00:00:00Z","artifact":{{"repository":"acme/app","digest":"{digest}"}},
        "scanner":{{"name":"Trivy","vendor":"Aqua","version":"0.74.0"}},"severity":"High","vulnerabilities":[{{"id":"CVE-2026-1",
        "package":"a","version":"1","fix_version":"2","severity":"High","description":"b","links":["https://a.example"]}}]}}"#
    );
    let cosign = format!(
        r#"{{"scanner":{{"uri":"a","result":{trivy}}},"metadata":{{"scanFinishedOn":"2026-11-20T00:00:00Z"}}}}"#
    );
    let in_toto = r#"{"scanner":{"uri":"a","version":"1","db":{"lastUpdate":"2026-11-20T00:00:00Z"},"result":[{"id":"CVE-2026-1",
        "severity":[{"method":"CVSS","score":"7.5"}]}]}}"#;
    let vex = format!(
        r#"{{"@context":"https://openvex.dev/ns/v0.2.0","timestamp":"2026-11-20T00:00:00Z","statements":[{{"vulnerability":
        {{"name":"CVE-2026-1","aliases":["GHSA-1"]}},"products":[{{"@id":"pkg:oci/app@{digest}","subcomponents":[{{"@id":
        "pkg:deb/debian/a@1"}}]}}],"status":"not_affected","justification":"component_not_present"}}]}}"#,
        digest = digest.replace(':', "%3A")
    );
    let seeds = [
        ("trivy", trivy.as_str()),
        ("grype", &grype),
        ("house", &house),
        ("harbor", &harbor),
        ("cosign", &cosign),
        ("in-toto", in_toto),
        ("vex", &vex),
    ];
    for (name, seed) in seeds {
        assert_eq!(inputs::report(seed.as_bytes()), 1, "{name} is not read");
        try_changes(name, seed.as_bytes(), |bytes| {
            inputs::report(bytes);
        });
    }
}

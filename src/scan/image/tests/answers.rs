//! How much images say of what they are made of.

use super::*;

const ELF: &str = "bin/tool=\x7fELF static";
const DEBIAN: &str = "etc/os-release=ID=debian\nVERSION_ID=12\nPRETTY_NAME=Debian 12\n";
const STATUS: &str = "var/lib/dpkg/status=Package: a\nVersion: 1\n";
const SIX: &str = "app/six.dist-info/METADATA=Name: six\nVersion: 1\n";
const DOCUMENT: &str = r#"opt/bitnami/a/.spdx-a.spdx={"SPDXID":"x","packages":[{"externalRefs":[{"referenceLocator":"pkg:bitnami/node@99.0.0-1"}]}]}"#;

fn says(layers: &[&[&str]], environment: &[&str]) -> Answer {
    let layers: Vec<(Digest, LayerFacts)> = layers
        .iter()
        .enumerate()
        .map(|(at, lines)| (Digest::of(&[at as u8]), layer(lines)))
        .collect();
    let diff_ids = layers.iter().map(|(_, facts)| facts.diff_id.to_string());
    let source = Source {
        layers: &layers,
        config: Digest::of(b""),
        environment: &environment
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        diff_ids: &diff_ids.collect::<Vec<_>>(),
    };
    merge(&source).unwrap().answer()
}

#[test]
fn what_an_inventory_says() {
    type Layers<'a> = &'a [&'a [&'a str]];
    let gone = "var/lib/.wh.dpkg=";
    let named = &["app.jar=\x7fELF"];
    let installed = &["lib/apk/db/installed=P:a\nV:1\n\n"];
    let empty = &[DEBIAN, "var/lib/dpkg/status=", ELF, SIX];
    let cases: [(&str, Layers<'_>, Answer); 12] = [
        ("data", &[&["etc/ssl/certs/ca.pem=x"]], Answer::Nothing),
        ("a program", &[&[ELF]], Answer::Unknown),
        ("one of Windows", &[&["app.exe=MZ"]], Answer::Unknown),
        ("one that is called a jar", &[named], Answer::Unknown),
        (
            "one that is gone",
            &[&[ELF], &[".wh.bin="]],
            Answer::Nothing,
        ),
        ("a database", &[installed], Answer::Packages),
        ("a system", &[&[DEBIAN, STATUS, ELF]], Answer::Packages),
        (
            "a system whose database is gone",
            &[&[DEBIAN, STATUS, ELF, SIX], &[gone]],
            Answer::Unknown,
        ),
        ("one whose database is empty", &[empty], Answer::Unknown),
        ("packages beside a program", &[&[ELF, SIX]], Answer::Partly),
        ("packages alone", &[&[SIX]], Answer::Packages),
        ("what a document says", &[&[ELF, DOCUMENT]], Answer::Unknown),
    ];
    for (what, layers, expected) in cases {
        assert_eq!(says(layers, &[]), expected, "{what}");
    }
    let claimed = says(&[&[ELF]], &["NODE_VERSION=99.0.0"]);
    assert_eq!(claimed, Answer::Unknown, "what only the environment says");
}

/// Advisories of one distribution say nothing of another manager's packages, whatever `os-release` claims.
#[test]
fn packages_of_another_manager_than_the_distributions() {
    let apk = "lib/apk/db/installed=P:musl\nV:1.2.5-r0\n\n";
    let alpine = "etc/os-release=ID=alpine\nVERSION_ID=3.20.3\n";
    let list = "var/lib/dpkg/info/six.list=/usr/lib/six.dist-info/METADATA\n";
    let six = "usr/lib/six.dist-info/METADATA=Name: six\nVersion: 1\n";
    let inventory = merged(vec![layer(&[alpine, STATUS, list, six])]).unwrap();
    let found = |inventory: &Inventory, name: &str| {
        let mut packages = inventory.packages.iter();
        let package = packages.find(|package| package.name == name).unwrap();
        (package.ecosystem.to_string(), package.purl())
    };
    let (ecosystem, purl) = found(&inventory, "a");
    assert_eq!(ecosystem, "deb in what calls itself Alpine:v3.20");
    assert_eq!(purl, "pkg:deb/a@1");
    assert_eq!(found(&inventory, "six").0, "PyPI", "nobody else judges it");
    assert!(inventory.managed);
    let both = merged(vec![layer(&[alpine, STATUS, apk])]).unwrap();
    assert_eq!(found(&both, "musl").0, "Alpine:v3.20");
    assert_eq!(found(&both, "a").0, ecosystem);
}

/// `etc/os-release` comes first: where it is a link to what nobody read, the other one is not the image's word.
#[test]
fn a_distribution_that_a_link_hides() {
    let other = "usr/lib/os-release=ID=alpine\nVERSION_ID=3.20.3\n";
    let hidden = merged(vec![layer(&["etc/os-release>/opt/os-release", other])]).unwrap();
    assert_eq!(hidden.system, None);
    let link = "etc/os-release>../usr/lib/os-release";
    let shown = merged(vec![layer(&[link, other])]).unwrap();
    assert_eq!(shown.system.unwrap().id, "alpine");
    let alone = merged(vec![layer(&[other])]).unwrap();
    assert_eq!(alone.system.unwrap().id, "alpine");
}

/// A program that is denied is pulled all the same; and where a layer wrote it through its own link, removing the link
/// leaves it.
#[test]
fn programs_are_remembered_whatever_removes_them() {
    let base = layer(&["opt>srv", "opt/miner=\x7fELF miner"]);
    let inventory = merged(vec![base, layer(&[".wh.opt="])]).unwrap();
    let digests = &inventory.observed.digests.first;
    let miner = ("opt/miner".to_owned(), Digest::of(b"\x7fELF miner"));
    assert_eq!(digests, &[miner]);
}

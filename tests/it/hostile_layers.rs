//! Pulls of images whose layers somebody made to hide something or to break the reader: each is refused, by name.

use lazaret::scan::Limits;

use crate::scans::{APP, POLICY, advisory, at, debian, gate, image, know, refused};
use crate::support::fake_registry::{Dress, FakeRegistry, ImageSpec};
use crate::support::gate::{Gate, Setup};
use crate::support::tarball::{ended, entry, gzip, tarball};

const STATUS: &[u8] =
    b"Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.13-1\n\n";

/// What a person reads of an image with this one layer.
pub(crate) async fn said(
    registry: &FakeRegistry,
    gate: &Gate,
    layer: Vec<u8>,
    dress: Dress,
) -> String {
    let spec = ImageSpec {
        dress,
        ..image(vec![layer])
    };
    // A tag of its own: a tag stays what it was for an hour.
    let tag = registry.push_image(APP, "newest", &spec).digest.hex();
    registry.push_image(APP, &tag, &spec);
    refused(gate, &tag).await.replace("\\\"", "\"")
}

#[tokio::test]
async fn layers_that_nobody_can_look_into() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let oci = "application/vnd.oci.image.layer.";
    let of = |media_type: &'static str| Dress {
        media_type: Some(media_type),
        ..Dress::default()
    };
    let kinds: [(&'static str, &str); 5] = [
        (
            "application/vnd.docker.ai.model.file",
            "unknown layer type \"application/vnd.docker.ai.model.file\"",
        ),
        (
            "application/vnd.oci.image.layer.v1.tar+encrypted",
            "the layer is encrypted",
        ),
        (
            "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
            "the layer is encrypted",
        ),
        (
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "the layer is not distributed by the registry",
        ),
        (
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "the layer is not compressed as its type says",
        ),
    ];
    for (kind, why) in kinds {
        let said = said(&registry, &gate, debian("3.0.13-1"), of(kind)).await;
        assert!(
            said.contains("deny[unscannable]") && said.contains(why),
            "{kind}: {said}"
        );
    }
    assert!(kinds[1].0.starts_with(oci));
    let elsewhere = Dress {
        urls: vec!["https://elsewhere.test/layer".to_owned()],
        ..Dress::default()
    };
    let said = said(&registry, &gate, debian("3.0.13-1"), elsewhere).await;
    assert!(
        said.contains("the layer is not distributed by the registry"),
        "{said}"
    );
}

#[tokio::test]
async fn names_that_lead_elsewhere() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    type Build = fn(&mut Vec<u8>);
    let cases: [(&str, Build); 8] = [
        ("climbs out by `..`", |tar| {
            entry(tar, "../etc/passwd", b'0', "", b"x");
        }),
        ("is a package database named from the root", |tar| {
            entry(tar, "/var/lib/dpkg/status", b'0', "", STATUS);
        }),
        ("holds \"var/lib/dpkg/status\" twice", |tar| {
            entry(tar, "var/lib/dpkg/status", b'0', "", STATUS);
            entry(tar, "./var//lib/dpkg/status", b'0', "", b"");
        }),
        (
            "is a package database below a link of its own layer",
            |tar| {
                entry(tar, "var/lib", b'2', "/opt", b"");
                entry(tar, "var/lib/dpkg/status", b'0', "", STATUS);
            },
        ),
        ("is a package database under a second name", |tar| {
            entry(tar, "opt/status", b'0', "", STATUS);
            entry(tar, "var/lib/dpkg/status", b'1', "opt/status", b"");
        }),
        ("removes what cannot be named", |tar| {
            entry(tar, "var/.wh...", b'0', "", b"");
        }),
        ("an entry of a type that not all clients read", |tar| {
            entry(tar, "var/sparse", b'S', "", b"");
        }),
        ("cannot be read: a line without a field", |tar| {
            entry(
                tar,
                "var/lib/dpkg/status",
                b'0',
                "",
                b"Package: a\nno field\n",
            );
        }),
    ];
    for (why, build) in cases {
        let mut tar = Vec::new();
        build(&mut tar);
        let said = said(&registry, &gate, ended(tar), Dress::default()).await;
        assert!(
            said.contains("deny[unscannable]") && said.contains(why),
            "{why}: {said}"
        );
    }
    // A link of a lower layer that moves the database of a higher one.
    let mut links = Vec::new();
    entry(&mut links, "var/lib/dpkg", b'2', "/opt/dpkg", b"");
    let layers = vec![ended(links), debian("3.0.13-1")];
    registry.push_image(APP, "moved", &image(layers));
    let said = refused(&gate, "moved").await;
    assert!(
        said.contains("is a link that moves a package database out of sight"),
        "{said}"
    );
}

#[tokio::test]
async fn layers_that_unpack_to_too_much() {
    let registry = FakeRegistry::start().await;
    let mut setup = Setup::new(POLICY);
    setup.pass = Limits {
        tar_bytes: 4 << 20,
        entries: 50,
        ratio: 100,
        ratio_from_bytes: 1 << 20,
        database_bytes: 1000,
        kept_bytes: 10_000,
        ..Limits::default()
    };
    let gate = setup.start(&registry).await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let mut many = Vec::new();
    for number in 0..51 {
        entry(&mut many, &format!("f{number}"), b'0', "", b"");
    }
    let long = [STATUS.repeat(20), b"Package: a\nVersion: 1\n".to_vec()].concat();
    let facts: Vec<(String, Vec<u8>)> = (0..49)
        .map(|n| {
            let name = "n".repeat(60);
            let manifest = format!(r#"{{"name":"{name}{n}","version":"1.0.0"}}"#);
            (
                format!("node_modules/m{n}/package.json"),
                manifest.into_bytes(),
            )
        })
        .collect();
    let facts: Vec<(&str, &[u8])> = facts
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_slice()))
        .collect();
    let noise: Vec<u8> = (0..5 << 20)
        .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let cases = [
        (
            "the layer unpacks to too many bytes",
            tarball(&[("noise", &noise)]),
            false,
        ),
        (
            "the layer unpacks to far more than its size",
            tarball(&[("zeros", &vec![0; 3 << 20])]),
            true,
        ),
        ("the layer has too many entries", ended(many), true),
        (
            "the package database \"var/lib/dpkg/status\" is too large",
            tarball(&[("var/lib/dpkg/status", &long)]),
            true,
        ),
        (
            "the layer has more packages than are kept",
            tarball(&facts),
            true,
        ),
    ];
    for (why, tar, zipped) in cases {
        let dress = Dress {
            diff_id: Some(lazaret::oci::Digest::of(&tar)),
            ..Dress::default()
        };
        let layer = if zipped { gzip(&tar) } else { tar };
        let said = said(&registry, &gate, layer, dress).await;
        assert!(
            said.contains("deny[unscannable]") && said.contains(why),
            "{why}: {said}"
        );
    }
}

#[tokio::test]
async fn a_layer_that_is_not_the_one_of_its_configuration() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let dress = Dress {
        diff_id: Some(lazaret::oci::Digest::of(b"another tar")),
        ..Dress::default()
    };
    let said = said(&registry, &gate, debian("3.0.13-1"), dress).await;
    assert!(
        said.contains("the layer is not the one that the image configuration names"),
        "{said}"
    );
}

/// A distroless base knows its packages; a static program on it says nothing of itself, and beside packages that passes.
#[tokio::test]
async fn programs_from_scratch_and_on_distroless() {
    let (registry, gate) = gate().await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(256, 0);
    let program = tarball(&[("app", &elf)]);
    registry.push_image(APP, "scratch", &image(vec![program.clone()]));
    let said = refused(&gate, "scratch").await;
    assert!(said.contains("deny[content-unidentified]"), "{said}");
    let base = |version: &str| {
        let status = format!("Package: libssl3\nVersion: {version}\nSource: openssl\n");
        tarball(&[
            ("usr/lib/os-release", b"ID=debian\nVERSION_ID=\"12\"\n"),
            ("var/lib/dpkg/status.d/libssl3", status.as_bytes()),
            (
                "var/lib/dpkg/status.d/libssl3.md5sums",
                b"0  usr/lib/libssl.so",
            ),
        ])
    };
    registry.push_image(
        APP,
        "static",
        &image(vec![base("3.0.13-1"), program.clone()]),
    );
    at(&gate).pull(APP, "static").await.pulled();
    registry.push_image(APP, "old", &image(vec![base("3.0.11-1"), program]));
    let said = refused(&gate, "old").await;
    assert!(said.contains("CVE-2026-1"), "{said}");
}

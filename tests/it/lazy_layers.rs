//! Layers that runtimes load by a table of contents: what the table says must be what the archive holds.

use std::collections::BTreeMap;

use lazaret::scan::{LayerFacts, Limits, Toc, Unscannable, read_layer};
use serde_json::{Value, json};

use crate::scans::{APP, POLICY, advisory, at, image, know, refused};
use crate::support::fake_registry::{Dress, FakeRegistry, ImageSpec};
use crate::support::gate::Setup;
use crate::support::lazy::{Lazy, Style, lazy};
use crate::support::tarball::{gzip, tarball};

const STYLES: [Style; 2] = [Style::Stargz, Style::ZstdChunked];
const STATUS: &[u8] =
    b"Package: libssl3\nStatus: install ok installed\nSource: openssl\nVersion: 3.0.13-1\n\n";

fn files() -> Vec<(&'static str, &'static [u8])> {
    static BIG: [u8; 2500] = [7; 2500];
    vec![
        ("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n"),
        ("opt/empty", b""),
        ("opt/big", &BIG),
        ("var/lib/dpkg/status", STATUS),
    ]
}

fn read(lazy: &Lazy) -> Result<LayerFacts, Unscannable> {
    let annotations: BTreeMap<String, String> = lazy
        .annotations
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let toc = Toc::announced(&annotations)?;
    let limits = Limits::default();
    read_layer(lazy.media_type, toc, lazy.layer.as_slice(), &limits)
}

fn row<'a>(rows: &'a mut [Value], kind: &str, name: &str) -> &'a mut Value {
    let mut rows = rows.iter_mut();
    rows.find(|row| row["type"] == kind && row["name"] == name)
        .unwrap()
}

#[test]
fn a_table_that_agrees_changes_nothing() {
    for style in STYLES {
        let lazy = lazy(style, &files(), |_| ());
        let facts = read(&lazy).unwrap();
        assert_eq!(facts.diff_id, lazy.diff_id, "{style:?}");
        assert_eq!(facts.found[0].packages.len(), 1);
        // A row for the root says nothing.
        let rooted = crate::support::lazy::lazy(style, &files(), |rows| {
            rows.push(json!({ "type": "dir", "name": "./", "mode": 0o755 }));
        });
        assert!(read(&rooted).is_ok(), "{style:?}");
        // Nor do the owner of a second name, which is the file's, and an attribute without a value.
        let silent = crate::support::lazy::lazy(style, &files(), |rows| {
            row(rows, "hardlink", "opt/pong")["uid"] = 6.into();
            row(rows, "reg", "opt/empty")["xattrs"] = json!({ "user.none": "" });
        });
        assert!(read(&silent).is_ok(), "{style:?}");
    }
}

type Change = fn(&mut Vec<Value>);

#[test]
fn a_table_that_differs() {
    let differs = "differs from the archive";
    let elsewhere = "says that content lies where it does not";
    let cases: [(&str, &str, Change); 28] = [
        ("a size", elsewhere, |rows| {
            row(rows, "reg", "opt/big")["size"] = 2501.into();
        }),
        ("a name", differs, |rows| {
            row(rows, "reg", "etc/os-release")["name"] = "etc/os-releas".into();
        }),
        ("a mode", differs, |rows| {
            row(rows, "reg", "etc/os-release")["mode"] = 0o4755.into();
        }),
        ("a folder's mode", differs, |rows| {
            row(rows, "dir", "opt/")["mode"] = 0o777.into();
        }),
        ("a user", differs, |rows| {
            row(rows, "reg", "etc/os-release")["uid"] = 1000.into();
        }),
        ("a group", differs, |rows| {
            row(rows, "reg", "opt/empty")["gid"] = 42.into();
        }),
        ("a folder's user", differs, |rows| {
            row(rows, "dir", "opt/")["uid"] = 0.into();
        }),
        ("a link's user, by its header", differs, |rows| {
            row(rows, "symlink", "opt/link")["uid"] = 5.into();
        }),
        ("a queue's group", differs, |rows| {
            row(rows, "fifo", "opt/queue")["gid"] = 0.into();
        }),
        ("an attribute more", differs, |rows| {
            row(rows, "reg", "etc/os-release")["xattrs"] = json!({ "security.capability": "AQ==" });
        }),
        (
            "an attribute that readers of tars do not know",
            differs,
            |rows| {
                row(rows, "symlink", "opt/link")["xattrs"] = json!({ "user.x": "eA==" });
            },
        ),
        ("an attribute less", differs, |rows| {
            row(rows, "reg", "opt/ping")["xattrs"] = json!({});
        }),
        ("an attribute's value", differs, |rows| {
            row(rows, "reg", "opt/ping")["xattrs"] = json!({ "security.capability": "AQAAAw==" });
        }),
        ("an attribute that is none", "cannot be read", |rows| {
            row(rows, "reg", "opt/ping")["xattrs"] = json!({ "security.capability": "?" });
        }),
        ("a user that is none", "cannot be read", |rows| {
            row(rows, "reg", "opt/empty")["uid"] = (-1).into();
        }),
        ("a digest", differs, |rows| {
            let other = lazaret::oci::Digest::of(b"other").to_string();
            row(rows, "reg", "etc/os-release")["digest"] = other.into();
        }),
        ("a link", differs, |rows| {
            row(rows, "symlink", "opt/link")["linkName"] = "/etc/passwd".into();
        }),
        ("a type", differs, |rows| {
            row(rows, "dir", "opt/")["type"] = "char".into();
        }),
        ("a file more", differs, |rows| {
            rows.push(json!({ "type": "reg", "name": "more" }));
        }),
        ("a file less", differs, |rows| {
            rows.retain(|row| row["name"] != "opt/empty");
        }),
        ("a file twice", differs, |rows| {
            rows.push(json!({ "type": "reg", "name": "opt/empty", "mode": 0o644 }));
        }),
        ("another member", differs, |rows| {
            let other = row(rows, "reg", "etc/os-release")["offset"].clone();
            let status = row(rows, "reg", "var/lib/dpkg/status");
            status["offset"] = other;
        }),
        ("no member", elsewhere, |rows| {
            let status = row(rows, "reg", "var/lib/dpkg/status");
            status["offset"] = (status["offset"].as_u64().unwrap() + 1).into();
        }),
        ("a part of a member", differs, |rows| {
            row(rows, "reg", "var/lib/dpkg/status")["innerOffset"] = 1.into();
        }),
        ("a chunk less", elsewhere, |rows| {
            rows.retain(|row| row["chunkOffset"] != 1000);
        }),
        ("a chunk of other content", elsewhere, |rows| {
            let other = row(rows, "reg", "etc/os-release")["offset"].clone();
            row(rows, "chunk", "opt/big")["offset"] = other;
        }),
        ("a chunk that is longer", elsewhere, |rows| {
            row(rows, "chunk", "opt/big")["chunkSize"] = 1100.into();
        }),
        ("a chunk of another file", elsewhere, |rows| {
            row(rows, "chunk", "opt/big")["name"] = "opt/empty".into();
        }),
    ];
    for style in STYLES {
        for (what, why, change) in cases {
            let read = read(&lazy(style, &files(), change)).map(|_| ());
            let wanted = Err(Unscannable::TableOfContents(why));
            assert_eq!(read, wanted, "{style:?}: {what}");
        }
    }
}

#[test]
fn a_table_that_is_not_there_or_not_the_one() {
    let missing = lazy(Style::Stargz, &files(), |_| ());
    let plain = Lazy {
        layer: gzip(&tarball(&files())),
        ..missing
    };
    let why = |lazy: &Lazy| match read(lazy).unwrap_err() {
        Unscannable::TableOfContents(why) => why,
        other => panic!("{other}"),
    };
    assert_eq!(why(&plain), "is missing");
    let mut other = lazy(Style::Stargz, &files(), |_| ());
    other.annotations[0].1 = lazaret::oci::Digest::of(b"other").to_string();
    assert_eq!(why(&other), "is not the one that the manifest announces");
    other.annotations[0].1 = "nothing".to_owned();
    assert_eq!(why(&other), "is announced by no digest");
    for (place, said) in [
        ("0:9:9:1", "is not the one that the manifest announces"),
        ("1:2:3:4", "is announced without its place"),
        ("+1:2:3:1", "is announced without its place"),
        (
            "99999999:9:9:1",
            "is not the one that the manifest announces",
        ),
        ("1:99999999999:3:1", "is too large"),
    ] {
        let mut moved = lazy(Style::ZstdChunked, &files(), |_| ());
        moved.annotations[1].1 = place.to_owned();
        assert_eq!(why(&moved), said, "{place}");
    }
    let mut nowhere = lazy(Style::ZstdChunked, &files(), |_| ());
    nowhere.annotations.pop();
    assert_eq!(why(&nowhere), "is announced without its place");
    nowhere.annotations.extend(other.annotations);
    assert_eq!(why(&nowhere), "is announced in two ways");
}

fn lazy_image(lazy: Lazy) -> ImageSpec {
    ImageSpec {
        dress: Dress {
            media_type: Some(lazy.media_type),
            annotations: lazy.annotations,
            diff_id: Some(lazy.diff_id),
            ..Dress::default()
        },
        ..image(vec![lazy.layer])
    }
}

#[tokio::test]
async fn a_lazy_layer_is_pulled_where_its_table_agrees_and_refused_where_it_does_not() {
    let registry = FakeRegistry::start().await;
    let gate = Setup::new(POLICY).start(&registry).await;
    know(&gate, &[advisory("DSA-1", "3.0.13-1")]).await;
    for (tag, style) in [("stargz", Style::Stargz), ("chunked", Style::ZstdChunked)] {
        let agrees = lazy_image(lazy(style, &files(), |_| ()));
        registry.push_image(APP, tag, &agrees);
        at(&gate).pull(APP, tag).await.pulled();
        let differs = lazy(style, &files(), |rows| {
            row(rows, "reg", "etc/os-release")["mode"] = 0o4755.into();
        });
        let tag = format!("{tag}-differs");
        registry.push_image(APP, &tag, &lazy_image(differs));
        let said = refused(&gate, &tag).await;
        assert!(
            said.contains("the layer's table of contents differs from the archive"),
            "{said}"
        );
    }
}

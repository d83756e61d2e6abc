//! Layers over layers.

mod answers;

use super::*;
use crate::oci::Digest;
use crate::scan::layer::{Archive, LayerFacts, Unscannable, read};

const MODULE: &str = "app/node_modules/x/package.json";
const ALPINE: &[u8] = b"ID=alpine\nVERSION_ID=3.20.3\n";

/// A line of a layer: `path` alone is a directory, `path=content` a file, `path>target` a link.
fn layer(lines: &[&str]) -> LayerFacts {
    let mut archive = Archive::default();
    for line in lines {
        if let Some((path, target)) = line.split_once('>') {
            archive.link(path, b'2', target);
        } else if let Some((path, content)) = line.split_once('=') {
            archive.file(path, content.as_bytes());
        } else {
            archive.folder(line);
        }
    }
    read(&archive.end()).unwrap()
}

fn merged(layers: Vec<LayerFacts>) -> Result<Inventory, Unscannable> {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|facts| facts.diff_id.to_string())
        .collect();
    let layers: Vec<(Digest, LayerFacts)> = layers
        .into_iter()
        .enumerate()
        .map(|(at, facts)| (Digest::of(&[at as u8]), facts))
        .collect();
    merge(&Source {
        layers: &layers,
        config: Digest::of(b"config"),
        environment: &["NODE_VERSION=20.11.0".to_owned()],
        diff_ids: &diff_ids,
    })
}

/// The packages as `name version @layer`, without what the environment names.
fn packages(inventory: &Inventory) -> Vec<String> {
    let named = inventory
        .packages
        .iter()
        .filter(|package| package.name != "node");
    let spell = |package: &crate::scan::Package| {
        let at = (0..9)
            .find(|at| package.found.layer == Digest::of(&[*at]))
            .unwrap();
        format!("{} {} @{at}", package.name, package.version)
    };
    named.map(spell).collect()
}

/// Whose advisories nobody has is still told by the manager and its own words, as URLs of packages want it.
#[test]
fn packages_of_a_distribution_that_is_not_known_keep_their_type() {
    let dpkg =
        "var/lib/dpkg/status=Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n";
    let apk = "lib/apk/db/installed=P:musl\nV:1.2.5-r0\n\n";
    for (os, database, purl) in [
        (
            "ID=Kali\nVERSION_ID=2024.1\n",
            dpkg,
            "pkg:deb/kali/bash@5.2-1?distro=kali-2024.1",
        ),
        ("ID=debian\n", dpkg, "pkg:deb/debian/bash@5.2-1"),
        (
            "ID=postmarketos\nVERSION_ID=\"v24 06\"\n",
            apk,
            "pkg:apk/postmarketos/musl@1.2.5-r0?distro=postmarketos-24%2006",
        ),
        ("ID=\"a/b?\"\n", apk, "pkg:apk/a%2Fb%3F/musl@1.2.5-r0"),
        ("NAME=x\n", apk, "pkg:apk/musl@1.2.5-r0"),
    ] {
        let os_release = format!("etc/os-release={os}");
        let inventory = merged(vec![layer(&[&os_release, database])]).unwrap();
        let purls = inventory.packages.iter().map(crate::scan::Package::purl);
        let purls: Vec<String> = purls.filter(|purl| !purl.contains("bitnami")).collect();
        assert_eq!(purls, [purl], "{os}");
    }
}

#[test]
fn whiteouts_and_opaque_directories() {
    let module = r#"app/node_modules/x/package.json={"name":"x","version":"1"}"#;
    let newer = r#"app/node_modules/x/package.json={"name":"x","version":"2"}"#;
    let cases: [(&str, &[&str], &[&str]); 15] = [
        ("nothing", &["etc"], &["x 1 @0"]),
        ("the file", &["app/node_modules/x/.wh.package.json="], &[]),
        ("its folder", &["app/node_modules/.wh.x="], &[]),
        ("the top", &[".wh.app="], &[]),
        (
            "a namesake",
            &["app/.wh.x=", "app/.wh.node=", ".wh.ap="],
            &["x 1 @0"],
        ),
        ("an opaque folder", &["app/node_modules/.wh..wh..opq="], &[]),
        ("an opaque root", &[".wh..wh..opq="], &[]),
        (
            "an opaque namesake",
            &["app/node/.wh..wh..opq="],
            &["x 1 @0"],
        ),
        (
            "bookkeeping",
            &[".wh..wh.plnk=", "app/.wh..wh.aufs="],
            &["x 1 @0"],
        ),
        ("a newer one", &[newer], &["x 2 @1"]),
        (
            "opaque, then the layer's own",
            &["app/.wh..wh..opq=", newer],
            &["x 2 @1"],
        ),
        (
            "the layer's own, then opaque",
            &[newer, "app/.wh..wh..opq="],
            &["x 2 @1"],
        ),
        (
            "removed and new in one layer",
            &[newer, ".wh.app="],
            &["x 2 @1"],
        ),
        ("a file in place of its folder", &["app=file"], &[]),
        (
            "the folder again",
            &["app", "app/node_modules", "app/node_modules/x"],
            &["x 1 @0"],
        ),
    ];
    for (what, upper, expected) in cases {
        let inventory = merged(vec![layer(&[module]), layer(upper)]).unwrap();
        assert_eq!(packages(&inventory), expected, "{what}");
        // Nothing in between changes that, and nothing below.
        let inventory = merged(vec![layer(&[module]), layer(&["etc"]), layer(upper)]).unwrap();
        assert_eq!(packages(&inventory).len(), expected.len(), "{what}");
    }
    let again = merged(vec![
        layer(&[module]),
        layer(&[".wh.app="]),
        layer(&[newer]),
    ])
    .unwrap();
    assert_eq!(packages(&again), ["x 2 @2"]);
    let inert = merged(vec![layer(&[".wh.app="]), layer(&[module])]).unwrap();
    assert_eq!(packages(&inert), ["x 1 @1"]);
    let link = merged(vec![layer(&[module]), layer(&["app>other"])]).unwrap();
    assert!(packages(&link).is_empty());
    let other = layer(&[&format!("{MODULE}=no json")]);
    let broken = merged(vec![layer(&[module]), other]).unwrap();
    assert_eq!((packages(&broken).len(), broken.gaps.count), (0, 1));
}

#[test]
fn a_newer_database_replaces_the_older() {
    let os = format!("etc/os-release={}", String::from_utf8_lossy(ALPINE));
    let base = layer(&[&os, "lib/apk/db/installed=P:a\nV:1\n\nP:b\nV:1\n\n"]);
    let upper = layer(&["lib/apk/db/installed=P:a\nV:2\n\n"]);
    let inventory = merged(vec![base.clone(), upper]).unwrap();
    assert_eq!(packages(&inventory), ["a 2 @1"]);
    assert_eq!(inventory.packages[0].ecosystem.to_string(), "Alpine:v3.20");
    assert_eq!(inventory.packages[1].found.path, "Env NODE_VERSION");
    assert_eq!(inventory.system.unwrap().version_id, "3.20.3");
    // After the merge of /usr the same file has two names.
    let merged_usr = layer(&["lib>usr/lib", "usr/lib/apk/db/installed=P:a\nV:1\n\n"]);
    let upper = layer(&["lib/apk/db/installed=P:a\nV:2\n\n"]);
    let inventory = merged(vec![merged_usr.clone(), upper]).unwrap();
    assert_eq!(packages(&inventory), ["a 2 @1"]);
    // A link over a folder hides what lies in it.
    let inventory = merged(vec![base, merged_usr]).unwrap();
    assert_eq!(packages(&inventory), ["a 1 @1"]);
}

#[test]
fn packages_of_distroless_add_up() {
    let base = layer(&["var/lib/dpkg/status.d/a=Package: a\nVersion: 1\n"]);
    let upper = layer(&["var/lib/dpkg/status.d/b=Package: b\nVersion: 1\n"]);
    let inventory = merged(vec![base, upper]).unwrap();
    assert_eq!(packages(&inventory), ["a 1 @0", "b 1 @1"]);
    assert_eq!(inventory.packages[0].ecosystem.to_string(), "Bitnami");
    assert_eq!(
        inventory.packages[1].ecosystem.to_string(),
        "unknown",
        "never clean"
    );
}

#[test]
fn systems_are_found_through_their_link() {
    let base = [
        "etc/os-release>../usr/lib/os-release",
        "usr/lib/os-release=ID=debian\nVERSION_ID=12\n",
    ];
    let inventory = merged(vec![layer(&base)]).unwrap();
    assert_eq!(inventory.system.unwrap().id, "debian");
    let upper = layer(&["usr/lib/os-release=ID=debian\nVERSION_ID=13\n"]);
    let inventory = merged(vec![layer(&base), upper]).unwrap();
    assert_eq!(inventory.system.unwrap().version_id, "13");
    let nowhere = merged(vec![layer(&["etc/os-release>/nix/os-release"])]).unwrap();
    assert_eq!(nowhere.system, None);
}

#[test]
fn links_that_hide_databases() {
    for links in [
        ["var/lib/dpkg>/opt/dpkg"],
        ["var>../../data"],
        ["lib>lib"],
        ["var/lib/dpkg/status>/x"],
    ] {
        let refused = merged(vec![layer(&links)]);
        assert!(
            matches!(refused, Err(Unscannable::Path { .. })),
            "{links:?}: {refused:?}"
        );
    }
    for links in [
        ["var/lib/rpm>../../usr/lib/sysimage/rpm"],
        ["lib>usr/lib"],
        ["bin>usr/bin"],
    ] {
        assert!(merged(vec![layer(&links)]).is_ok(), "{links:?}");
    }
}

#[test]
fn a_log_of_a_lower_layer() {
    let mut base = layer(&["etc"]);
    base.logs.push("var/lib/rpm/rpmdb.sqlite-wal".to_owned());
    base.paths = crate::scan::Paths::default();
    let mut upper = layer(&["bin"]);
    upper.paths = layer(&["var/lib/rpm/rpmdb.sqlite>x"]).paths;
    let refused = merged(vec![base.clone(), upper.clone()]);
    assert!(
        matches!(refused, Err(Unscannable::SplitDatabase(_))),
        "{refused:?}"
    );
    upper
        .removed
        .push("var/lib/rpm/rpmdb.sqlite-wal".to_owned());
    assert!(merged(vec![base, upper]).is_ok());
}

#[test]
fn layers_that_are_not_the_configurations() {
    let facts = layer(&["etc"]);
    let source = |diff_ids: &[String]| {
        merge(&Source {
            layers: &[(Digest::of(b""), facts.clone())],
            config: Digest::of(b""),
            environment: &[],
            diff_ids,
        })
    };
    assert!(source(&[facts.diff_id.to_string()]).is_ok());
    assert_eq!(source(&[]).unwrap_err(), Unscannable::DiffId);
    assert_eq!(
        source(&["sha256:00".to_owned()]).unwrap_err(),
        Unscannable::DiffId
    );
}

/// Distributions put fixes into old versions: a package of Python that dpkg brought is judged once, as dpkg's.
#[test]
fn what_a_distributions_package_brought_is_judged_as_its() {
    let path = "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO";
    let six = format!("{path}=Name: six\nVersion: 1.16.0\n");
    let own = "opt/app/six-1.16.0.dist-info/METADATA=Name: six\nVersion: 1.16.0\n";
    let debian = "etc/os-release=ID=debian\nVERSION_ID=12\n";
    let status = "var/lib/dpkg/status=Package: python3-six\nStatus: install ok installed\nVersion: 1.16.0-4\n\n";
    let list = format!("var/lib/dpkg/info/python3-six.list=/.\n/usr\n/{path}\n");
    let owned: [&str; 4] = [debian, status, &list, &six];
    let judged = |layers: Vec<LayerFacts>| {
        let inventory = merged(layers).unwrap();
        let shipped = inventory.shipped.iter();
        let shipped: Vec<String> = shipped
            .map(|one| format!("{} {}", one.name, one.found.path))
            .collect();
        (packages(&inventory), shipped)
    };
    let (packages, shipped) = judged(vec![layer(&owned)]);
    assert_eq!(packages, ["python3-six 1.16.0-4 @0"]);
    assert_eq!(shipped, [format!("six {path}")]);
    let cases: [(&str, Vec<LayerFacts>, &[&str]); 5] = [
        (
            "one that pip installed",
            vec![layer(&owned), layer(&[own])],
            &["python3-six 1.16.0-4 @0", "six 1.16.0 @1"],
        ),
        (
            "one that a later layer puts over it",
            vec![
                layer(&owned),
                layer(&[&six.replace("Version: 1", "Version: 2")]),
            ],
            &["python3-six 1.16.0-4 @0", "six 2.16.0 @1"],
        ),
        (
            "no list says whose it is",
            vec![layer(&[debian, status, &six])],
            &["python3-six 1.16.0-4 @0", "six 1.16.0 @0"],
        ),
        (
            "a distribution that nobody knows",
            vec![layer(&["etc/os-release=ID=mine\n", status, &list, &six])],
            &["python3-six 1.16.0-4 @0", "six 1.16.0 @0"],
        ),
        (
            "a database that is gone",
            vec![layer(&owned), layer(&["var/lib/dpkg/.wh.status="])],
            &["six 1.16.0 @0"],
        ),
    ];
    for (what, layers, expected) in cases {
        let (mut found, _) = judged(layers);
        found.sort();
        assert_eq!(found, expected, "{what}");
    }
}

#![allow(clippy::string_slice, reason = "a test may panic")]

use proptest::prelude::*;

use super::media_type::{
    DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, MANIFESTS, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST,
};
use super::*;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn part(kind: &str) -> String {
    let digest = "0".repeat(64);
    format!(r#"{{"mediaType":"{kind}","digest":"sha256:{digest}","size":7}}"#)
}

fn own(kind: Option<&str>) -> String {
    kind.map_or(String::new(), |kind| format!(r#""mediaType":"{kind}","#))
}

fn image(kind: Option<&str>, more: &str) -> String {
    let (own, config, layer) = (own(kind), part(OCI_CONFIG), part(LAYER));
    format!(r#"{{"schemaVersion":2,{own}"config":{config},"layers":[{layer}]{more}}}"#)
}

fn index(kind: Option<&str>, more: &str) -> String {
    let (own, child) = (own(kind), part(OCI_MANIFEST));
    format!(r#"{{"schemaVersion":2,{own}"manifests":[{child}]{more}}}"#)
}

fn parse(text: &str, header: Option<&str>) -> Result<Manifest, ManifestError> {
    Manifest::parse(text.as_bytes(), header)
}

#[test]
fn agrees_on_one_type() {
    for (text, header, expected) in [
        (
            image(Some(OCI_MANIFEST), ""),
            Some(OCI_MANIFEST),
            OCI_MANIFEST,
        ),
        (
            image(Some(DOCKER_MANIFEST), ""),
            Some(DOCKER_MANIFEST),
            DOCKER_MANIFEST,
        ),
        (index(Some(OCI_INDEX), ""), Some(OCI_INDEX), OCI_INDEX),
        (index(Some(DOCKER_LIST), ""), Some(DOCKER_LIST), DOCKER_LIST),
        (image(None, ""), Some(OCI_MANIFEST), OCI_MANIFEST),
        (index(None, ""), Some(OCI_INDEX), OCI_INDEX),
        (image(None, ""), None, OCI_MANIFEST),
        (index(None, ""), None, OCI_INDEX),
        (index(None, ""), Some("application/json"), OCI_INDEX),
        (
            image(Some(DOCKER_MANIFEST), ""),
            Some("application/octet-stream"),
            DOCKER_MANIFEST,
        ),
        (
            image(Some(OCI_MANIFEST), ""),
            Some("Application/VND.oci.image.manifest.v1+JSON; charset=utf-8"),
            OCI_MANIFEST,
        ),
        (
            image(
                Some(OCI_MANIFEST),
                r#","annotations":null,"manifests":null,"subject":null"#,
            ),
            None,
            OCI_MANIFEST,
        ),
    ] {
        let parsed = parse(&text, header).map(|manifest| manifest.media_type());
        assert_eq!(parsed, Ok(expected), "{text} as {header:?}");
    }
}

/// CVE-2021-41190: no document may be an image to one reader and an index to another.
#[test]
fn refuses_type_confusion() {
    let both = |kind| image(kind, &format!(r#","manifests":[{}]"#, part(OCI_MANIFEST)));
    let kinds = MANIFESTS.into_iter().map(Some).chain([None]);
    for kind in kinds.clone() {
        for header in kinds.clone() {
            assert!(parse(&both(kind), header).is_err(), "{kind:?} {header:?}");
            let list = |kind| kind == OCI_INDEX || kind == DOCKER_LIST;
            let parsed = parse(&image(kind, ""), header);
            let named = [kind, header].into_iter().flatten();
            assert!(parsed.is_err() || !named.clone().any(list));
            assert!(parse(&index(kind, ""), header).is_err() || named.clone().all(list));
        }
    }
    for text in [
        image(Some(OCI_MANIFEST), r#","manifests":[]"#),
        index(Some(OCI_INDEX), r#","layers":[]"#),
        index(
            Some(OCI_INDEX),
            &format!(r#","config":{}"#, part(OCI_CONFIG)),
        ),
        index(Some(OCI_MANIFEST), ""),
        image(Some(OCI_INDEX), ""),
        r#"{"schemaVersion":2}"#.to_owned(),
        format!(
            r#"{{"schemaVersion":2,"layers":[],"manifests":null,"x":{}}}"#,
            part(LAYER)
        ),
    ] {
        assert!(parse(&text, None).is_err(), "{text}");
    }
    let confused = parse(&image(Some(OCI_MANIFEST), ""), Some(DOCKER_MANIFEST));
    assert!(matches!(confused, Err(ManifestError::TypeConfusion { .. })));
    let unnamed = parse(&image(None, ""), Some(DOCKER_MANIFEST));
    assert!(
        matches!(unnamed, Err(ManifestError::Malformed(_))),
        "Docker without mediaType"
    );
}

/// Go takes any case for a field, and two letters beyond ASCII; the last of two wins.
#[test]
fn refuses_keys_that_clients_read_otherwise() {
    let evil = format!(r#"[{}]"#, part(LAYER));
    for key in ["layers", "Layers", "LAYERS", "layerſ", "Layerſ"] {
        let text = image(Some(OCI_MANIFEST), &format!(r#","{key}":{evil}"#));
        assert!(
            matches!(parse(&text, None), Err(ManifestError::NotJson(_))),
            "{key}"
        );
    }
    for key in [
        "Manifests",
        "manifestſ",
        "MediaType",
        "Subject",
        "ArtifactType",
        "FSLayers",
        "Annotations",
        "Config\\u0000",
    ] {
        let text = image(None, &format!(r#","{key}":null"#));
        assert_eq!(parse(&text, None).is_ok(), key.ends_with('0'), "{key}");
    }
    let nested = image(None, "").replace(r#""size""#, r#""urlſ":["https://evil"],"size""#);
    assert!(parse(&nested, None).is_err());
    let escaped = image(None, r#","\u006cayers":[]"#);
    assert!(parse(&escaped, None).is_err(), "an escaped duplicate");
    let free = image(None, r#","annotations":{"size":"1","Size":"2"}"#);
    assert!(parse(&free, None).is_ok(), "annotations are free");
    let twice = image(None, r#","annotations":{"a":"1","a":"2"}"#);
    assert!(parse(&twice, None).is_err());
}

#[test]
fn refuses_schema_1_however_dressed() {
    let plain = r#"{"schemaVersion":1,"name":"a","fsLayers":[],"signatures":[]}"#;
    let dressed = image(
        Some(OCI_MANIFEST),
        r#","fsLayers":[{"blobSum":"sha256:0"}]"#,
    );
    for text in [plain, &dressed] {
        assert_eq!(parse(text, None), Err(ManifestError::Schema1), "{text}");
    }
    for version in ["0", "3", "-1", "2.0", "\"2\"", "null"] {
        let text = image(None, "").replace(":2,", &format!(":{version},"));
        assert!(parse(&text, None).is_err(), "{version}");
    }
}

#[test]
fn refuses_manifests_as_layers() {
    for kind in MANIFESTS {
        let text = image(None, "").replace(LAYER, kind);
        assert!(parse(&text, None).is_err(), "{kind}");
        let upper = image(None, "").replace(LAYER, &format!("{}; a=b", kind.to_uppercase()));
        assert!(parse(&upper, None).is_err());
        let text = image(None, "").replace(OCI_CONFIG, kind);
        assert!(parse(&text, None).is_err(), "{kind} as config");
    }
}

#[test]
fn tells_containers_from_artifacts() {
    for (config, container) in [
        (OCI_CONFIG, true),
        (DOCKER_CONFIG, true),
        ("application/vnd.oci.empty.v1+json", false),
    ] {
        let text = image(None, r#","artifactType":"a/b""#).replace(OCI_CONFIG, config);
        let Ok(Manifest::Image(image)) = parse(&text, None) else {
            panic!()
        };
        assert_eq!(
            (image.is_container(), image.artifact_type.as_deref()),
            (container, Some("a/b"))
        );
    }
    assert!(matches!(
        parse(&image(Some("a/b"), ""), None),
        Err(ManifestError::UnknownType(_))
    ));
    assert!(matches!(
        parse(&image(None, ""), Some("text/html")),
        Err(ManifestError::UnknownType(_))
    ));
}

#[test]
fn bounds_size_depth_and_counts() {
    let layers = |count: usize| {
        let layers = vec![part(LAYER); count].join(",");
        format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{layers}]}}"#,
            part(OCI_CONFIG)
        )
    };
    assert_eq!(
        parse(&layers(1_000), None).unwrap().references().count(),
        1_001
    );
    assert!(matches!(
        parse(&layers(1_001), None),
        Err(ManifestError::TooMany { what: "layers", .. })
    ));
    assert_eq!(parse(&layers(100_000), None), Err(ManifestError::TooLarge));
    let children = vec![part(OCI_MANIFEST); 1_001].join(",");
    let children = format!(r#"{{"schemaVersion":2,"manifests":[{children}]}}"#);
    assert!(matches!(
        parse(&children, None),
        Err(ManifestError::TooMany {
            what: "manifests",
            ..
        })
    ));
    assert_eq!(
        parse(&" ".repeat(20 << 20), None),
        Err(ManifestError::TooLarge)
    );
    let deep = image(
        None,
        &format!(r#","x":{}{}"#, "[".repeat(1_000_000), "]".repeat(1_000_000)),
    );
    assert!(matches!(parse(&deep, None), Err(ManifestError::NotJson(_))));
    let wide = r#"{"a":"#.repeat(200);
    assert!(parse(&wide, None).is_err());
}

#[test]
fn refuses_what_is_not_plain_json() {
    for text in [
        "",
        "null",
        "7",
        "[]",
        "\u{feff}{}",
        "{}{}",
        r#"{"schemaVersion":2,}"#,
        r#"{"a":1e999}"#,
    ] {
        assert!(parse(text, None).is_err(), "{text}");
    }
    assert!(
        parse(&format!("{}x", image(None, "")), None).is_err(),
        "bytes after the end"
    );
    assert!(parse(&format!("{}\n", image(None, "")), None).is_ok());
    assert!(Manifest::parse(b"{\"\xff\":1}", None).is_err());
    let bad = image(None, "").replacen("sha256:0", "sha256:O", 1);
    assert!(parse(&bad, None).is_err());
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), header in proptest::option::of("\\PC{0,30}")) {
        let _ = Manifest::parse(&bytes, header.as_deref());
    }

    /// Cutting a document anywhere never leaves another document.
    #[test]
    fn no_prefix_is_a_manifest(cut in 0usize..400) {
        let whole = image(Some(OCI_MANIFEST), "");
        prop_assert!(cut >= whole.len() || parse(&whole[..cut], None).is_err());
    }
}

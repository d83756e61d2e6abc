//! Manifests of languages' packages.

use super::*;

fn read(kind: Kind, content: &str) -> Vec<String> {
    spelled(&read_manifest(kind, "x", content.as_bytes()).unwrap())
}

#[test]
fn manifests_name_their_packages() {
    let composer = r#"[{"name":"monolog/monolog","version":"2.9.1"}]"#;
    let cases = [
        (
            Kind::Python,
            "Metadata-Version: 2.1\nName: Foo\nVersion: 1.0\n\nName: no\n",
            "Foo 1.0",
        ),
        (
            Kind::Node,
            r#"{"name":"@a/b","version":"1.2.3","scripts":{}}"#,
            "@a/b 1.2.3",
        ),
        (Kind::Node, r#"{"type":"module"}"#, ""),
        (Kind::Php, composer, "monolog/monolog 2.9.1"),
        (
            Kind::Php,
            &format!(r#"{{"packages":{composer},"dev":true}}"#),
            "monolog/monolog 2.9.1",
        ),
        (
            Kind::DotNet,
            r#"{"libraries":{"App/1.0.0":{"type":"project"},"Newtonsoft.Json/13.0.1":{"type":"package"},
              "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1":{"type":"runtimepack"}}}"#,
            "Newtonsoft.Json 13.0.1;Microsoft.NETCore.App.Runtime.linux-x64 8.0.1",
        ),
        (
            Kind::Ruby,
            "Gem::Specification.new do |s|\n  s.name = \"json\".freeze\n  s.version = \"2.6.1\"\n",
            "json 2.6.1",
        ),
        (
            Kind::Bitnami,
            r#"{"SPDXID":"SPDXRef-DOCUMENT","packages":[{"name":"redis","externalRefs":[
              {"referenceLocator":"pkg:bitnami/redis@7.2.4-0?arch=amd64"}]},{"name":"other"}]}"#,
            "redis 7.2.4",
        ),
    ];
    for (kind, content, packages) in cases {
        assert_eq!(read(kind, content).join(";"), packages, "{content}");
    }
}

#[test]
fn broken_manifests_are_told() {
    for (kind, content) in [
        (Kind::Python, "Name: foo\n\nVersion: 1\n"),
        (Kind::Node, "{"),
        (Kind::Php, "{}"),
        (Kind::DotNet, r#"{"libraries":{"a":{}}}"#),
        (Kind::Ruby, "s.name = NAME"),
        (Kind::Bitnami, "[]"),
    ] {
        assert!(
            read_manifest(kind, "x", content.as_bytes()).is_err(),
            "{content}"
        );
    }
}

#[test]
fn a_computed_gemspec_is_named_by_its_file() {
    let path = "gems/specifications/nokogiri-1.16.0-x86_64-linux.gemspec";
    let items = read_manifest(Kind::Ruby, path, b"s.version = VERSION").unwrap();
    assert_eq!(spelled(&items), ["nokogiri 1.16.0"]);
}

pub(in crate::scan::catalogue) fn jar(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for (name, content) in files {
        let new = archive
            .new_file(name)
            .compression_method(rawzip::CompressionMethod::DEFLATE);
        let (mut entry, config) = new.start().unwrap();
        let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

#[test]
fn java_archives_and_those_inside_them() {
    let pom = b"groupId=org.apache.logging.log4j\nartifactId=log4j-core\nversion=2.14.1\n";
    let log4j = jar(&[(
        "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties",
        pom,
    )]);
    let manifest = b"Manifest-Version: 1.0\r\nImplementation-Vendor-Id: com.exa\r\n mple\r\n";
    let named = jar(&[("META-INF/MANIFEST.MF", manifest)]);
    let war = jar(&[
        ("WEB-INF/lib/log4j-core-2.14.1.jar", &log4j),
        ("WEB-INF/lib/thing-api-1.2.jar", &named),
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"),
    ]);
    let Archived { items, partly } = read_java("app/app.war", &war);
    assert_eq!(partly, None);
    let expected = [
        "com.example:thing-api 1.2",
        "org.apache.logging.log4j:log4j-core 2.14.1",
    ];
    assert_eq!(spelled(&items), expected);
    let mut deep = log4j;
    for _ in 0..4 {
        deep = jar(&[("a.jar", &deep)]);
    }
    let too_deep = Some(Malformed("archives nested too deep"));
    assert_eq!(read_java("a.jar", &deep).partly, too_deep);
    // One that is broken, which a program never opens, hides none of the others.
    let broken = jar(&[("a.jar", b"no archive"), ("lib/app.war", &war)]);
    let Archived { items, partly } = read_java("app/app.jar", &broken);
    assert_eq!(spelled(&items), expected);
    assert_eq!(partly, Some(Malformed("no sound zip")));
    let none = read_java("a.jar", b"no archive");
    assert!(none.items.is_empty() && none.partly.is_some());
}

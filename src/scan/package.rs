//! A package that an image holds: a fact, without a judgement.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ecosystem::Ecosystem;
use crate::oci::Digest;

/// What a package URL leaves as it is (purl-spec, "Character encoding").
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// A package as its manager names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Package {
    /// Whose name and version these are.
    pub ecosystem: Ecosystem,
    /// The name: of the binary package, where a distribution builds several from one source. Maven: `group:artifact`.
    pub name: String,
    /// The version as the manager writes it, with epoch (`1:2.3-4`) where it is not zero.
    pub version: String,
    /// Name and version of the source package, where the manager knows one: advisories of distributions name it.
    pub source: Option<(String, String)>,
    /// Where it was found.
    pub found: Place,
}

/// Where in an image something was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The layer; the image configuration for what an environment variable tells.
    pub layer: Digest,
    /// The path in it, without a leading slash.
    pub path: String,
}

impl Package {
    /// The package URL (purl-spec): one word for name, version and ecosystem, for people and for waivers. The source package
    /// is in `upstream`, which is no part of the specification but what grype matches a distribution's advisories by.
    pub fn purl(&self) -> String {
        let (kind, namespace) = self.ecosystem.purl();
        let mut purl = format!("pkg:{kind}/");
        if let Some(namespace) = namespace {
            let _ = write!(purl, "{}/", utf8_percent_encode(namespace, PLAIN));
        }
        // Slashes of Go and Packagist, the colon of Maven: purl has a segment for each.
        let maven = self.ecosystem == Ecosystem::Maven;
        let name = self.ecosystem.normal_name(&self.name);
        for (at, part) in name.split(|c| c == '/' || maven && c == ':').enumerate() {
            let slash = if at > 0 { "/" } else { "" };
            let _ = write!(purl, "{slash}{}", utf8_percent_encode(part, PLAIN));
        }
        let (epoch, version) = match self.version.split_once(':') {
            Some((epoch, version)) if kind == "rpm" => (Some(epoch), version),
            _ => (None, self.version.as_str()),
        };
        let _ = write!(purl, "@{}", utf8_percent_encode(version, PLAIN));
        let distro = self.ecosystem.purl_release().zip(namespace);
        let distro = distro.map(|(release, name)| {
            let release = release.trim_start_matches('v').to_lowercase();
            let encoded = |word| utf8_percent_encode(word, PLAIN);
            format!("distro={}-{}", encoded(name), encoded(&release))
        });
        let epoch = epoch.map(|epoch| format!("epoch={}", utf8_percent_encode(epoch, PLAIN)));
        let qualifiers: Vec<String> = (distro.into_iter().chain(epoch))
            .chain(self.upstream(kind))
            .collect();
        if !qualifiers.is_empty() {
            let _ = write!(purl, "?{}", qualifiers.join("&"));
        }
        purl
    }

    /// The source package as syft writes it: with its version where that is another one, and rpm's as the file that it was.
    fn upstream(&self, kind: &str) -> Option<String> {
        let (name, version) = self.source.as_ref()?;
        if *name == self.name {
            return None;
        }
        let name = utf8_percent_encode(name, PLAIN);
        let plain = version.split_once(':').map_or(version.as_str(), |v| v.1);
        Some(match kind {
            "rpm" => format!(
                "upstream={name}-{}.src.rpm",
                utf8_percent_encode(plain, PLAIN)
            ),
            _ if *version == self.version => format!("upstream={name}"),
            _ => format!("upstream={name}%40{}", utf8_percent_encode(version, PLAIN)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_packages() {
        let cases = [
            (
                "Debian:12",
                "libssl3",
                "3.0.11-1",
                ("openssl", "3.0.11-1"),
                "?distro=debian-12&upstream=openssl",
            ),
            (
                "Debian:12",
                "libgcc-s1",
                "12.2.0-14",
                ("gcc-12", "12.2.0-1"),
                "?distro=debian-12&upstream=gcc-12%4012.2.0-1",
            ),
            (
                "Debian:12",
                "bash",
                "5.2-2+b7",
                ("bash", "5.2-2"),
                "?distro=debian-12",
            ),
            (
                "Alpine:v3.20",
                "libcrypto3",
                "3.3.2-r0",
                ("openssl", "3.3.2-r0"),
                "?distro=alpine-3.20&upstream=openssl",
            ),
            (
                "AlmaLinux:9",
                "openssl-libs",
                "1:3.0.7-1.el9",
                ("openssl", "1:3.0.7-1.el9"),
                "?distro=almalinux-9&epoch=1&upstream=openssl-3.0.7-1.el9.src.rpm",
            ),
        ];
        for (ecosystem, name, version, source, qualifiers) in cases {
            let package = Package {
                ecosystem: Ecosystem::named(ecosystem),
                name: name.to_owned(),
                version: version.to_owned(),
                source: Some((source.0.to_owned(), source.1.to_owned())),
                found: Place {
                    layer: Digest::of(b""),
                    path: "lib/apk/db/installed".to_owned(),
                },
            };
            let purl = package.purl();
            let from = purl.find('?').unwrap_or_default();
            assert_eq!(purl.get(from..), Some(qualifiers));
        }
    }

    #[test]
    fn purls() {
        let cases = [
            (
                "Debian:12",
                "libssl3",
                "3.0.11-1~deb12u2",
                "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?distro=debian-12",
            ),
            (
                "Ubuntu:22.04:LTS",
                "bash",
                "5.1-6ubuntu1",
                "pkg:deb/ubuntu/bash@5.1-6ubuntu1?distro=ubuntu-22.04",
            ),
            (
                "Alpine:v3.20",
                "musl",
                "1.2.5-r0",
                "pkg:apk/alpine/musl@1.2.5-r0?distro=alpine-3.20",
            ),
            (
                "AlmaLinux:9",
                "dbus",
                "1:1.12.20-8.el9",
                "pkg:rpm/almalinux/dbus@1.12.20-8.el9?distro=almalinux-9&epoch=1",
            ),
            ("Wolfi", "glibc", "2.39-r1", "pkg:apk/wolfi/glibc@2.39-r1"),
            ("npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            (
                "PyPI",
                "Foo_Bar",
                "1.0+local",
                "pkg:pypi/foo-bar@1.0%2Blocal",
            ),
            (
                "Go",
                "github.com/a/b",
                "v1.2.3",
                "pkg:golang/github.com/a/b@v1.2.3",
            ),
            ("Maven", "org.a:b", "1", "pkg:maven/org.a/b@1"),
            ("Fedora:40", "bash", "5", "pkg:generic/bash@5"),
        ];
        for (ecosystem, name, version, purl) in cases {
            let package = Package {
                ecosystem: Ecosystem::named(ecosystem),
                name: name.to_owned(),
                version: version.to_owned(),
                source: None,
                found: Place {
                    layer: Digest::of(b""),
                    path: "lib/apk/db/installed".to_owned(),
                },
            };
            assert_eq!(package.purl(), purl);
        }
    }
}

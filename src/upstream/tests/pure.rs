//! Addresses, dates, helpers and files.

use std::net::IpAddr;
use std::time::Duration;

use hyper::header::{HeaderMap, RETRY_AFTER};

use crate::upstream::address::is_public;
use crate::upstream::{AddressRange, Credentials, Settings, Upstreams, helper, retry};

#[test]
fn only_the_internet_is_public() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
    for address in [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "::7f00:1",
        "fec0::1",
    ] {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn ranges_contain() {
    let holds = |range: &str, ip: &str| {
        range
            .parse::<AddressRange>()
            .unwrap()
            .contains(ip.parse::<IpAddr>().unwrap())
    };
    assert!(
        holds("10.0.0.0/8", "10.255.0.1")
            && holds("0.0.0.0/0", "9.9.9.9")
            && holds("fd00::/8", "fd12::1")
    );
    assert!(holds("10.0.0.1", "10.0.0.1") && holds("10.0.0.0/8", "::ffff:10.0.0.1"));
    assert!(
        !holds("10.0.0.0/8", "11.0.0.1")
            && !holds("::/0", "10.0.0.1")
            && !holds("10.0.0.1", "10.0.0.2")
    );
    assert!("10.0.0.0/33".parse::<AddressRange>().is_err() && "x".parse::<AddressRange>().is_err());
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    for (text, wait) in [
        ("5", Some(5)),
        ("Thu, 01 Jan 2026 00:01:00 GMT", Some(60)),
        ("Wed, 31 Dec 2025 00:00:00 GMT", Some(0)),
        ("99999999999", Some(86_400)),
        ("soon", None),
    ] {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        assert_eq!(
            retry::retry_after(&headers, now),
            wait.map(Duration::from_secs),
            "{text}"
        );
    }
}

#[test]
fn the_defaults_are_usable() {
    let upstreams = Upstreams::new(Settings::default()).unwrap();
    assert!(upstreams.get("docker.io").is_some() && upstreams.get("evil.example").is_none());
    assert_eq!(upstreams.hosts().count(), 13);
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_tells() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let good = script(
        "good",
        r#"read -r server; printf '{"Username":"%s","Secret":"s"}' "$server""#,
    );
    let login = helper::ask(&good, "reg.test\n").await.unwrap().unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.reveal()),
        ("reg.test", "s")
    );
    let none = script(
        "none",
        "echo credentials not found in native keychain; exit 1",
    );
    assert!(helper::ask(&none, "x").await.unwrap().is_none());
    for (name, text) in [
        ("bad", "exit 3"),
        (
            "token",
            r#"echo '{"Username":"<token>","Secret":"s3cret"}'"#,
        ),
        ("long", "yes"),
    ] {
        let error = helper::ask(&script(name, text), "x").await.unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn docker_configuration_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"ghcr.io":{"auth":"!"},"quay.io":{"identitytoken":"x"}}}"#).unwrap();
    let credentials = Credentials::DockerConfig { path };
    let login = credentials.login("docker.io").await.unwrap().unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.reveal()),
        ("u", "p")
    );
    assert!(
        credentials.login("ghcr.io").await.is_err() && credentials.login("quay.io").await.is_err()
    );
    assert!(credentials.login("other.test").await.unwrap().is_none());
}

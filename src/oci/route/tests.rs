use proptest::prelude::*;

use super::*;

const HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A route in one line.
fn read(path: &str) -> Result<String, RouteError> {
    Ok(match Route::parse(path)? {
        Route::Ping => "ping".to_owned(),
        Route::Manifest { name, target } => format!("manifest {name} {target}"),
        Route::Blob { name, .. } => format!("blob {name}"),
        Route::Tags { name } => format!("tags {name}"),
        Route::Referrers { name, .. } => format!("referrers {name}"),
        Route::Upload => "upload".to_owned(),
    })
}

#[test]
fn reads_the_endpoints() {
    for (path, expected) in [
        ("/v2", "ping"),
        ("/v2/", "ping"),
        ("/v2/nginx/manifests/1", "manifest nginx 1"),
        ("/v2/a/b/c/manifests/1", "manifest a/b/c 1"),
        ("/v2/ghcr.io/a/manifests/1", "manifest ghcr.io/a 1"),
        (
            "/v2/localhost:5000/a/manifests/1",
            "manifest localhost:5000/a 1",
        ),
        ("/v2/a/manifests/manifests", "manifest a manifests"),
        (
            "/v2/foo/manifests/bar/manifests/latest",
            "manifest foo/manifests/bar latest",
        ),
        (
            "/v2/foo/blobs/bar/manifests/latest",
            "manifest foo/blobs/bar latest",
        ),
        (
            "/v2/manifests/manifests/manifests",
            "manifest manifests manifests",
        ),
        ("/v2/a/tags/list", "tags a"),
        ("/v2/a/manifests/tags/list", "tags a/manifests"),
        ("/v2/a/tags/manifests/list", "manifest a/tags list"),
        ("/v2/a/blobs/uploads", "upload"),
        ("/v2/a/blobs/uploads/", "upload"),
        ("/v2/a/blobs/uploads/6b2f", "upload"),
    ] {
        assert_eq!(read(path).as_deref(), Ok(expected), "{path}");
    }
    for (path, expected) in [
        (
            format!("/v2/a/manifests/{HASH}"),
            format!("manifest a {HASH}"),
        ),
        (format!("/v2/a/blobs/{HASH}"), "blob a".to_owned()),
        (
            format!("/v2/x/blobs/a/blobs/{HASH}"),
            "blob x/blobs/a".to_owned(),
        ),
        (format!("/v2/a/referrers/{HASH}"), "referrers a".to_owned()),
    ] {
        assert_eq!(read(&path), Ok(expected), "{path}");
    }
}

#[test]
fn refuses_every_other_spelling() {
    use RouteError::{Encoded, Name, NotFound};
    for (path, why) in [
        ("", NotFound),
        ("/", NotFound),
        ("/v1/", NotFound),
        ("/v2x", NotFound),
        ("//v2/", NotFound),
        ("/V2/", NotFound),
        ("/v2/a", NotFound),
        ("/v2/manifests/1", NotFound),
        ("/v2/tags/list", NotFound),
        ("/v2/_catalog", NotFound),
        ("/v2/a/tags/list/", NotFound),
        ("/v2/a/Manifests/1", NotFound),
        ("/v2//manifests/1", Name),
        ("/v2/a//b/manifests/1", Name),
        ("/v2/a//manifests/1", Name),
        ("/v2//a/manifests/1", Name),
        ("/v2/../manifests/1", Name),
        ("/v2/a/../b/manifests/1", Name),
        ("/v2/a/./b/manifests/1", Name),
        ("/v2/./a/manifests/1", Name),
        ("/v2/a/..b/manifests/1", Name),
        ("/v2/a/b:c/manifests/1", Name),
        ("/v2/a?b/manifests/1", Name),
        ("/v2/a@b/manifests/1", Name),
        ("/v2/a&b/c/manifests/1", Name),
        ("/v2/a/b_/manifests/1", Name),
        ("/v2/a%2fb/manifests/1", Encoded),
        ("/v2/a/manifests/1%00", Encoded),
        ("/v2/a/manifests/%31", Encoded),
        ("/v2/%2e%2e/manifests/1", Encoded),
        ("/v2/a\\b/manifests/1", Encoded),
        ("/v2/a;x/manifests/1", Encoded),
        ("/v2/a/manifests/1#x", Encoded),
        ("/v2/a b/manifests/1", Encoded),
        ("/v2/ä/manifests/1", Encoded),
        ("/v2/a/manifests/1\n", Encoded),
    ] {
        assert_eq!(read(path), Err(why), "{path}");
    }
    for target in [
        "manifests/",
        "manifests/..",
        "manifests/-x",
        "blobs/x",
        "blobs/",
        "referrers/latest",
        "manifests/sha256:0",
    ] {
        let path = format!("/v2/a/{target}");
        assert!(matches!(read(&path), Err(RouteError::Target(_))), "{path}");
    }
}

#[test]
fn bounds_the_length() {
    let long = format!("/v2/{}/manifests/1", "a/".repeat(250) + "a");
    assert_eq!(read(&long), Err(RouteError::TooLong));
    let name = format!("{}a", "a/".repeat(127));
    let longest = format!("/v2/{name}/manifests/sha512:{}", "0".repeat(128));
    assert!(read(&longest).is_ok(), "the longest name and digest fit");
}

proptest! {
    #[test]
    fn what_is_read_is_written_the_same(path in "/v2/[a-c.:/_%-]{0,12}/(manifests|blobs|tags|referrers)/[a-c.:/_-]{1,8}|/v2/\\PC{0,30}") {
        match Route::parse(&path) {
            Ok(Route::Manifest { name, target }) => prop_assert_eq!(format!("/v2/{name}/manifests/{target}"), path),
            Ok(Route::Tags { name }) => prop_assert_eq!(format!("/v2/{name}/tags/list"), path),
            Ok(Route::Blob { name, digest }) => prop_assert_eq!(format!("/v2/{name}/blobs/{digest}"), path),
            Ok(Route::Referrers { name, digest }) => prop_assert_eq!(format!("/v2/{name}/referrers/{digest}"), path),
            Ok(Route::Ping | Route::Upload) | Err(_) => {}
        }
    }
}

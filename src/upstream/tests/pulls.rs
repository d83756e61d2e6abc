//! Plain pulls, and answers that are not what was asked for.

use super::fake::*;
use crate::oci::{Descriptor, Digest};
use crate::upstream::{Kind, UpstreamError};

const BODY: &[u8] = br#"{"schemaVersion":2}"#;

async fn manifest_error(reply: impl Fn() -> Answer + Send + Sync + 'static) -> Kind {
    let fake = Fake::start(move |_| reply()).await;
    let ended: Result<_, UpstreamError> =
        fake.upstream().manifest(&repository(), &digest(BODY)).await;
    ended.unwrap_err().kind()
}

#[tokio::test]
async fn a_manifest_comes_with_a_token() {
    let fake = Fake::start(|request| {
        let host = header(request, "host");
        match (request.uri().path(), header(request, "authorization").as_str()) {
            ("/token", "") => answer(200, &[], r#"{"access_token":"t","expires_in":300}"#),
            ("/v2/a/b/manifests/v1", "Bearer t") => answer(200, &[("content-type", OCI)], BODY),
            _ => answer(401, &[("www-authenticate", &format!("Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"repository:other:push\""))], ""),
        }
    })
    .await;
    let upstream = fake.upstream();
    for _ in 0..2 {
        let fetched = upstream.manifest(&repository(), &tag()).await.unwrap();
        assert_eq!(
            (fetched.digest, &fetched.bytes[..]),
            (Digest::of(BODY), BODY)
        );
    }
    assert_eq!(
        fake.seen(),
        [
            "GET /v2/a/b/manifests/v1 ",
            "GET /token?service=s&scope=repository%3Aa%2Fb%3Apull ",
            "GET /v2/a/b/manifests/v1 Bearer t",
            "GET /v2/a/b/manifests/v1 Bearer t",
        ]
    );
}

#[tokio::test]
async fn one_token_for_many() {
    let fake = Fake::start(|request| {
        let host = header(request, "host");
        match (
            request.uri().path(),
            header(request, "authorization").as_str(),
        ) {
            ("/token", _) => answer(200, &[], r#"{"token":"t"}"#),
            (_, "Bearer t") => answer(200, &[("content-type", OCI)], BODY),
            _ => answer(
                401,
                &[(
                    "www-authenticate",
                    &format!("Bearer realm=\"http://{host}/token\""),
                )],
                "",
            ),
        }
    })
    .await;
    let upstream = fake.upstream();
    let all: Vec<_> = (0..20)
        .map(|_| {
            let upstream = std::sync::Arc::clone(&upstream);
            tokio::spawn(async move { upstream.manifest(&repository(), &tag()).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    let tokens = fake
        .seen()
        .iter()
        .filter(|line| line.contains("/token"))
        .count();
    assert_eq!(tokens, 1);
}

#[tokio::test]
async fn an_endless_token_is_cut() {
    let fake = Fake::start(|request| {
        let host = header(request, "host");
        match request.uri().path() {
            "/token" => endless("application/json"),
            _ => answer(
                401,
                &[(
                    "www-authenticate",
                    &format!("Bearer realm=\"http://{host}/token\""),
                )],
                "",
            ),
        }
    })
    .await;
    let error = fake
        .upstream()
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge);
}

#[tokio::test]
async fn wrong_answers_are_refused() {
    assert_eq!(
        manifest_error(|| answer(200, &[("content-type", "text/html")], "<html>")).await,
        Kind::Malformed
    );
    assert_eq!(
        manifest_error(|| answer(200, &[("content-type", OCI)], "{}")).await,
        Kind::DigestMismatch
    );
    assert_eq!(
        manifest_error(|| answer(200, &[("content-type", OCI)], vec![b' '; 5 << 20])).await,
        Kind::TooLarge
    );
    assert_eq!(manifest_error(|| endless(OCI)).await, Kind::TooLarge);
    assert_eq!(
        manifest_error(|| answer(404, &[], "")).await,
        Kind::NotFound
    );
    assert_eq!(manifest_error(|| answer(403, &[], "")).await, Kind::Denied);
    assert_eq!(
        manifest_error(|| answer(401, &[], "")).await,
        Kind::Unauthorized
    );
    let told = Digest::of(b"other").to_string();
    let kind = manifest_error(move || {
        answer(
            200,
            &[("content-type", OCI), ("docker-content-digest", &told)],
            BODY,
        )
    })
    .await;
    assert_eq!(kind, Kind::DigestMismatch);
}

#[tokio::test]
async fn resolve_needs_no_get_where_head_tells_all() {
    let fake = Fake::start(|_| {
        let told = Digest::of(BODY).to_string();
        answer(
            200,
            &[("content-type", OCI), ("docker-content-digest", &told)],
            BODY,
        )
    })
    .await;
    let found = fake
        .upstream()
        .resolve(&repository(), &tag())
        .await
        .unwrap();
    assert_eq!(found, Descriptor::of(OCI, BODY));
    assert_eq!(fake.seen(), ["HEAD /v2/a/b/manifests/v1 "]);
    let fake = Fake::start(|request| match request.method().as_str() {
        "HEAD" => answer(405, &[], ""),
        _ => answer(200, &[("content-type", OCI)], BODY),
    })
    .await;
    assert_eq!(
        fake.upstream()
            .resolve(&repository(), &tag())
            .await
            .unwrap(),
        found
    );
}

#[tokio::test]
async fn a_blob_resumes() {
    let fake = Fake::start(|request| match header(request, "range").as_str() {
        "bytes=4-" => answer(206, &[("content-range", "bytes 4-9/10")], "456789"),
        "bytes=5-" => answer(206, &[("content-range", "bytes 4-9/10")], "456789"),
        _ => answer(200, &[], "0123456789"),
    })
    .await;
    let upstream = fake.upstream();
    let blob = Digest::of(b"0123456789");
    for (from, offset, bytes) in [(0, 0, "0123456789"), (4, 4, "456789"), (6, 0, "0123456789")] {
        let mut body = upstream.blob(&repository(), &blob, from).await.unwrap();
        assert_eq!((body.offset, body.total), (offset, Some(10)));
        let mut all = Vec::new();
        while let Some(piece) = body.chunk().await {
            all.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(all, bytes.as_bytes());
    }
    assert_eq!(
        upstream
            .blob(&repository(), &blob, 5)
            .await
            .unwrap_err()
            .kind(),
        Kind::Malformed
    );
}

#[tokio::test]
async fn referrers_come_from_api_and_tag() {
    let index = |name: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{0}","manifests":[{{"mediaType":"{OCI}","digest":"{1}","size":1}}]}}"#,
            crate::oci::media_type::OCI_INDEX,
            Digest::of(name.as_bytes())
        )
    };
    let kind = [("content-type", crate::oci::media_type::OCI_INDEX)];
    let fake = Fake::start(
        move |request| match (request.uri().path(), request.uri().query()) {
            (path, None) if path.contains("/referrers/") => {
                let next = format!("<{path}?page=2>; rel=\"next\"");
                answer(200, &[kind[0], ("link", &next)], index("1"))
            }
            (path, Some("page=2")) if path.contains("/referrers/") => {
                answer(200, &kind, index("2"))
            }
            (path, _) if path.contains("/manifests/sha256-") => answer(200, &kind, index("1")),
            _ => answer(404, &[], ""),
        },
    )
    .await;
    let found = fake
        .upstream()
        .referrers(&repository(), &Digest::of(b"x"))
        .await
        .unwrap();
    let digests: Vec<_> = found.iter().map(|d| d.digest).collect();
    assert_eq!(digests, [Digest::of(b"1"), Digest::of(b"2")]);
    let none = Fake::start(|_| answer(404, &[], "")).await;
    assert_eq!(
        none.upstream()
            .referrers(&repository(), &Digest::of(b"x"))
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn a_list_of_referrers_without_end_is_an_error() {
    let kind = ("content-type", crate::oci::media_type::OCI_INDEX);
    let entry = |at: usize| {
        let digest = Digest::of(&at.to_le_bytes());
        format!(r#"{{"mediaType":"{OCI}","digest":"{digest}","size":1}}"#)
    };
    let index = move |entries: usize| {
        let entries: Vec<String> = (0..entries).map(entry).collect();
        let (kind, entries) = (crate::oci::media_type::OCI_INDEX, entries.join(","));
        format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{entries}]}}"#)
    };
    for (entries, pages) in [(1, 10), (1_001, 1)] {
        let fake = Fake::start(move |request| {
            if !request.uri().path().contains("/referrers/") {
                return answer(404, &[], "");
            }
            let next = format!(
                "<{}?page={}>; rel=\"next\"",
                request.uri().path(),
                fastrand::u32(..)
            );
            answer(200, &[kind, ("link", &next)], index(entries))
        })
        .await;
        let listed = fake
            .upstream()
            .referrers(&repository(), &Digest::of(b"x"))
            .await;
        let kind = listed.unwrap_err().kind();
        assert!(matches!(kind, Kind::TooLarge | Kind::Malformed), "{kind:?}");
        let asked = fake.seen();
        assert!(asked.len() <= pages + 1, "{asked:?}");
    }
}

#[tokio::test]
async fn tags_come_by_pages() {
    let fake = Fake::start(|_| {
        answer(
            200,
            &[("link", "</v2/a/b/tags/list?last=b&n=2>; rel=\"next\"")],
            r#"{"tags":["a","b","../x"]}"#,
        )
    })
    .await;
    let page = fake
        .upstream()
        .tags(&repository(), Some("0"), Some(2))
        .await
        .unwrap();
    assert_eq!(
        (page.tags, page.next),
        (vec!["a".to_owned(), "b".to_owned()], Some("b".to_owned()))
    );
    assert_eq!(fake.seen(), ["GET /v2/a/b/tags/list?n=2&last=0 "]);
}

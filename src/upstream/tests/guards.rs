//! Where a registry may not lead us, and what it may not learn.

use super::fake::*;
use crate::upstream::{Credentials, Kind, RegistrySettings, Secret};

fn login() -> Credentials {
    Credentials::Static {
        username: "u".to_owned(),
        password: Secret::new("hidden"),
    }
}

async fn challenged_with(realm: &'static str) -> (Kind, Vec<String>) {
    let fake = Fake::start(move |_| {
        answer(
            401,
            &[("www-authenticate", &format!("Bearer realm=\"{realm}\""))],
            "",
        )
    })
    .await;
    let upstream = build(RegistrySettings {
        credentials: login(),
        ..fake.settings()
    });
    let error = upstream.manifest(&repository(), &tag()).await.unwrap_err();
    (error.kind(), fake.seen())
}

#[tokio::test]
async fn a_hostile_realm_is_never_asked() {
    for realm in [
        "https://evil.example/t",
        "http://10.0.0.1/t",
        "http://169.254.169.254/t",
        "http://u:p@127.0.0.1/t",
    ] {
        let (kind, seen) = challenged_with(realm).await;
        assert_eq!(kind, Kind::NotAllowed, "{realm}");
        assert_eq!(seen, ["GET /v2/a/b/manifests/v1 "], "{realm}");
    }
}

#[tokio::test]
async fn a_listed_token_host_at_a_private_address_is_not_dialled() {
    let other = Fake::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let realm = format!("Bearer realm=\"http://127.0.0.1:{}/t\"", other.port);
    let fake = Fake::start(move |_| answer(401, &[("www-authenticate", &realm)], "")).await;
    let mut settings = RegistrySettings {
        credentials: login(),
        token_hosts: vec![format!("127.0.0.1:{}", other.port)],
        ..fake.settings()
    };
    let error = build(settings.clone())
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotAllowed);
    assert!(other.seen().is_empty());
    assert!(!format!("{error:?} {settings:?}").contains("hidden"));
    settings.allow_addresses = vec!["127.0.0.0/8".parse().unwrap()];
    let error = build(settings)
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert!(
        other.seen()[0].contains("Basic "),
        "the listed one is given the login"
    );
}

#[tokio::test]
async fn redirects_to_private_addresses_are_refused() {
    let other = Fake::start(|_| answer(200, &[("content-type", OCI)], "{}")).await;
    let targets = [
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::ffff:169.254.169.254]/".to_owned(),
        "http://[64:ff9b::a9fe:a9fe]/".to_owned(),
        "http://2130706433/".to_owned(),
        "http://10.1.2.3/".to_owned(),
        format!("http://127.0.0.1:{}/", other.port),
        format!("http://localhost:{}/", other.port),
        "ftp://example.com/".to_owned(),
    ];
    for target in targets {
        let to = target.clone();
        let fake = Fake::start(move |_| answer(307, &[("location", &to)], "")).await;
        let error = fake
            .upstream()
            .manifest(&repository(), &tag())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::NotAllowed, "{target}: {error}");
        assert_eq!(fake.seen().len(), 1, "{target}");
    }
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let fake = Fake::start(|request| answer(302, &[("location", request.uri().path())], "")).await;
    let error = fake
        .upstream()
        .manifest(&repository(), &tag())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotAllowed);
    assert_eq!(fake.seen().len(), 6);
}

#[tokio::test]
async fn a_token_does_not_leave_its_origin() {
    let cdn = Fake::start(|_| answer(200, &[("content-type", OCI)], "{}")).await;
    let to = format!("http://127.0.0.1:{}/cdn", cdn.port);
    let fake = Fake::start(
        move |request| match header(request, "authorization").as_str() {
            "Basic dTpoaWRkZW4=" => answer(307, &[("location", &to)], ""),
            _ => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
        },
    )
    .await;
    let upstream = build(RegistrySettings {
        credentials: login(),
        redirect_hosts: vec!["127.0.0.1".to_owned()],
        ..fake.settings()
    });
    assert_eq!(
        &upstream
            .manifest(&repository(), &tag())
            .await
            .unwrap()
            .bytes[..],
        b"{}"
    );
    assert_eq!(cdn.seen(), ["GET /cdn "]);
}

#[tokio::test]
async fn a_next_page_elsewhere_is_refused() {
    let fake = Fake::start(|_| {
        answer(
            200,
            &[("link", "<http://evil.example/v2/>; rel=\"next\"")],
            r#"{"tags":["a"]}"#,
        )
    })
    .await;
    let error = fake
        .upstream()
        .tags(&repository(), None, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NotAllowed);
}
